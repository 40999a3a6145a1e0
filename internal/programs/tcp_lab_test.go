package programs

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/scan"
)

// Ports of the lab. The open and the filtered one are such on the two nodes that
// have services; on the others all are closed.
const (
	openPort     = 80
	closedPort   = 81
	filteredPort = 25
)

var tcpMethods = []probe.Method{probe.TCPSYN, probe.TCPACK}

// tcpConfig is config for TCP.
func tcpConfig(m probe.Method, port uint16, targets ...string) scan.Config {
	c := config(targets...)
	c.Method, c.DstPort, c.Attempts = m, port, 2
	return c
}

// hasServices reports whether target is on a node with services.
func hasServices(target netip.Addr) bool {
	for _, a := range routers.New().Territories() {
		if a.V4.Contains(target) || a.V6.Contains(target) {
			return a.Node == "near" || a.Node == "far"
		}
	}
	return false
}

// The hops are those of the lab, and the target answers as its port does.
func TestTCPTruth(t *testing.T) {
	t.Parallel()
	for _, method := range tcpMethods {
		for _, port := range []uint16{openPort, closedPort, filteredPort} {
			t.Run(fmt.Sprintf("%v %d", method, port), func(t *testing.T) {
				t.Parallel()
				r := runScan(t, tcpConfig(method, port, samples(effort.Count(4, 100))...))
				topology := routers.New()
				for i, trace := range r.traces {
					if port == filteredPort && hasServices(trace.Dst) {
						checkFiltered(t, topology, trace, r.exts[i])
						continue
					}
					checkTrace(t, topology, trace, r.exts[i], method)
					checkAnswer(t, topology, trace, method, port)
				}
				// Other scans at the same time, from the same address, may have a
				// flow in common with this scan. Replies to their probes have no
				// tag of this scan.
				s := r.summary
				if s.Weak+s.Rejected.Total()-s.Rejected.Tag+s.Malformed+s.Late > 0 || s.UDPReplies > 0 {
					t.Errorf("summary %+v; want strong answers", s)
				}
			})
		}
	}
}

// checkAnswer checks the record and the last answer of the target.
func checkAnswer(t *testing.T, topology *routers.Topology, trace *ndjson.TraceLine, method probe.Method, port uint16) {
	t.Helper()
	name := map[probe.Method]string{probe.TCPSYN: "tcp", probe.TCPACK: "tcp-ack"}[method]
	if trace.Method != name || trace.DstPort != port || trace.SrcPort < 0x8000 {
		t.Errorf("%v: method %s, ports %d to %d", trace.Dst, trace.Method, trace.SrcPort, trace.DstPort)
	}
	truth, _ := topology.Truth(trace.Dst)
	for _, h := range trace.Hops {
		if (h.TCPFlags != nil) != (h.ICMPType == nil) {
			t.Errorf("%v TTL %d: TCP and ICMP at once, or neither", trace.Dst, h.ProbeTTL)
		}
		if h.TCPFlags == nil {
			continue
		}
		kind, flags := "rst", uint8(4) // a reply to an ACK
		switch {
		case method == probe.TCPACK:
		case port == openPort && hasServices(trace.Dst):
			kind, flags = "syn_ack", 18
		default:
			flags = 20
		}
		if h.Kind != kind || *h.TCPFlags != flags || h.Addr != trace.Dst || int(h.ProbeTTL) != truth.Distance {
			t.Errorf("%v TTL %d: %v says %s, flags %d; want %s, %d", trace.Dst, h.ProbeTTL, h.Addr, h.Kind, *h.TCPFlags, kind, flags)
		}
	}
}

// checkFiltered checks a trace to a target that takes the probes and says
// nothing.
func checkFiltered(t *testing.T, topology *routers.Topology, trace *ndjson.TraceLine, ext *ndjson.ExtLine) {
	t.Helper()
	truth, _ := topology.Truth(trace.Dst)
	got := responders(trace, truth.Distance)
	if got[truth.Distance-1].IsValid() || ext.Reached || trace.StopReason != "GAPLIMIT" {
		t.Errorf("%v: %v, %s; want no answer", trace.Dst, got, trace.StopReason)
	}
	got[truth.Distance-1] = trace.Dst
	if !truth.Allows(got) {
		t.Errorf("%v: %v, want one of %v", trace.Dst, got, truth.Paths)
	}
}

// All TTLs of several flows and attempts are sent to an open port. Each SYN gets a new
// answer, because the kernel has reset the half-open connection of the one before. A reply
// in between is a pure ACK, and makes no hop.
func TestTCPHalfOpen(t *testing.T) {
	t.Parallel()
	c := tcpConfig(probe.TCPSYN, openPort, "45.80.3.9", "2a00:80:3::9", "45.16.3.9", "2a00:16:3::9")
	c.Flows, c.Attempts, c.Records, c.RatePPS = 16, 3, record.Both, 4000
	c.Strategy.Strategy, c.NoStop = plan.Exhaustive, true
	r := runScan(t, c)
	if len(r.traces) != 4*c.Flows {
		t.Fatalf("%d traces, want %d", len(r.traces), 4*c.Flows)
	}
	for i, trace := range r.traces {
		checkTrace(t, routers.New(), trace, r.exts[i], probe.TCPSYN)
		if trace.HopCount != r.exts[i].DstTTL {
			t.Errorf("%v: %d hops, distance %d", trace.Dst, trace.HopCount, r.exts[i].DstTTL)
		}
	}
	kinds := map[string]uint64{}
	for _, reply := range r.replies {
		kinds[reply.Kind]++
		if hop := reply.ProbeTTL != nil; hop != (reply.Kind != "pure_ack") {
			t.Errorf("%s to %v tells a TTL: %t", reply.Kind, reply.ProbeDst, hop)
		}
	}
	if s := r.summary; s.PureACKs != kinds["pure_ack"] || kinds["syn_ack"] < 100 || kinds["rst"] > 0 {
		t.Errorf("replies %v, summary %+v", kinds, s)
	}
}

// answersOf lists who answered at which TTL, and how.
func answersOf(t *testing.T, trace *ndjson.TraceLine) []string {
	t.Helper()
	var list []string
	for i := range trace.Hops {
		h := &trace.Hops[i]
		how, _ := json.Marshal([]*uint8{h.ICMPType, h.ICMPCode, h.TCPFlags})
		list = append(list, fmt.Sprintf("%d:%s=%s", h.ProbeTTL, branch(t, trace.Dst, int(h.ProbeTTL), h.Addr), how))
	}
	return list
}

func compareTCP(t *testing.T, ours, theirs *ndjson.TraceLine) {
	t.Helper()
	if a, b := answersOf(t, ours), answersOf(t, theirs); !slices.Equal(a, b) {
		t.Errorf("%v: we have %v, scamper %v", ours.Dst, a, b)
	}
	if ours.Method != theirs.Method || ours.DstPort != theirs.DstPort {
		t.Errorf("%v: we say %s to port %d, scamper %s to %d", ours.Dst, ours.Method, ours.DstPort, theirs.Method, theirs.DstPort)
	}
}
