package programs

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/probe"
)

// samples returns some targets of every territory of the lab, both families.
func samples(each int) []string {
	var targets []string
	for _, a := range routers.New().Territories() {
		for i := range each {
			o4, o6 := a.V4.Addr().As4(), a.V6.Addr().As16()
			o4[1], o4[2], o4[3] = o4[1]+byte(i%16), byte(7*i), byte(9+i)
			o6[4], o6[5], o6[15] = byte(i%16)<<4, byte(7*i), byte(9+i)
			targets = append(targets, netip.AddrFrom4(o4).String(), netip.AddrFrom16(o6).String())
		}
	}
	return targets
}

// The hops of a scan are those of the lab, all of them, and no flow shows two
// branches of a load balancer.
func TestTruth(t *testing.T) {
	t.Parallel()
	for _, method := range []probe.Method{probe.UDP, probe.ICMP} {
		t.Run(method.String(), func(t *testing.T) {
			t.Parallel()
			c := config(samples(effort.Count(20, 1000))...)
			c.Method, c.Attempts = method, 2 // a frame may be lost on a busy machine
			if method == probe.ICMP {
				c.DstPort = 0
			}
			r := runScan(t, c)
			if want := len(c.Targets); len(r.traces) != want || len(r.exts) != want || !r.summary.Complete {
				t.Fatalf("%d traces and %d extensions, summary %+v; want %d, complete", len(r.traces), len(r.exts), r.summary, want)
			}
			topology := routers.New()
			for i, trace := range r.traces {
				checkTrace(t, topology, trace, r.exts[i], method)
			}
		})
	}
}

// checkTrace compares a trace with the truth.
func checkTrace(t *testing.T, topology *routers.Topology, trace *ndjson.TraceLine, ext *ndjson.ExtLine, method probe.Method) {
	t.Helper()
	truth, ok := topology.Truth(trace.Dst)
	if !ok {
		t.Fatalf("%v is no target", trace.Dst)
	}
	got := responders(trace, truth.Distance)
	if !truth.Allows(got) {
		t.Errorf("%v over flow %d: %v, want one of %v", trace.Dst, trace.UserID, got, truth.Paths)
	}
	for _, h := range trace.Hops {
		if h.Valid != "strong" || len(h.Mangled) > 0 && !truth.NAT {
			t.Errorf("%v TTL %d: valid %s, mangled %v", trace.Dst, h.ProbeTTL, h.Valid, h.Mangled)
		}
		if h.RTTNs == nil || *h.RTTNs <= 0 || *h.RTTNs > 1e9 {
			t.Errorf("%v TTL %d: RTT %v", trace.Dst, h.ProbeTTL, h.RTTNs)
		}
	}
	if got, want := ending(trace, ext), wantEnding(truth, trace); got != want {
		t.Errorf("%v ends with %s, want %s", trace.Dst, got, want)
	}
	if trace.HopCount < truth.Distance && truth.Ending != routers.Dropped {
		t.Errorf("%v: %d hops, want %d", trace.Dst, trace.HopCount, truth.Distance)
	}
}

func ending(trace *ndjson.TraceLine, ext *ndjson.ExtLine) string {
	return fmt.Sprintf("%s/%d, distance %d", trace.StopReason, trace.StopData, ext.DstTTL)
}

// wantEnding returns the ending of a trace: unreachables by their code (RFC 792, RFC 4443),
// silence by the strategy.
func wantEnding(truth routers.Truth, trace *ndjson.TraceLine) string {
	code := map[routers.Ending][2]int{routers.Prohibited: {13, 1}, routers.Unreachable: {1, 0}}[truth.Ending]
	switch {
	case truth.Ending == routers.Reached:
		return fmt.Sprintf("COMPLETED/0, distance %d", truth.Distance)
	case truth.Ending == routers.Dropped && trace.HopCount < trace.HopLimit:
		return "GAPLIMIT/0, distance 0"
	case truth.Ending == routers.Dropped:
		return "HOPLIMIT/0, distance 0"
	case trace.Dst.Is4():
		return fmt.Sprintf("UNREACH/%d, distance 0", code[0])
	default:
		return fmt.Sprintf("UNREACH/%d, distance 0", code[1])
	}
}

// Several flows show several branches, and each flow shows only its own.
func TestFlows(t *testing.T) {
	t.Parallel()
	for _, method := range []probe.Method{probe.UDP, probe.ICMP} {
		t.Run(method.String(), func(t *testing.T) {
			t.Parallel()
			c := config("45.80.3.9", "2a00:80:3::9")
			c.Method, c.Flows, c.Attempts, c.Seed = method, 32, 2, "flows"
			// Linux hashes no identifier of ICMP, so all flows go one way.
			branches := 1
			if method == probe.ICMP {
				c.DstPort = 0
			} else {
				branches = 3
			}
			r := runScan(t, c)
			if len(r.traces) != 2*c.Flows {
				t.Fatalf("%d traces, want %d", len(r.traces), 2*c.Flows)
			}
			seen := map[bool]map[netip.Addr]bool{true: {}, false: {}} // IPv4 or not
			for i, trace := range r.traces {
				checkTrace(t, routers.New(), trace, r.exts[i], method)
				// r3 chooses among three, who are at TTL 4.
				seen[trace.Dst.Is4()][responders(trace, 4)[3]] = true
			}
			if len(seen[true]) != branches || len(seen[false]) != branches {
				t.Errorf("IPv4 branches %v, IPv6 %v; want %d each", seen[true], seen[false], branches)
			}
		})
	}
}

// The same seed gives the same flows, with any key.
func TestSeedFixesFlows(t *testing.T) {
	t.Parallel()
	var ports [2]map[netip.Addr]uint16
	for i := range ports {
		c := config("45.16.0.0/21", "2a00:16::/45")
		c.Seed, c.MaxTTL, c.Wait = "same", 3, 300e6
		r := runScan(t, c)
		if r.run.Seed != "same" || r.run.Burst == 0 {
			t.Errorf("run record %+v lacks seed or burst", r.run)
		}
		ports[i] = map[netip.Addr]uint16{}
		for _, trace := range r.traces {
			ports[i][trace.Dst] = trace.SrcPort
		}
	}
	if len(ports[0]) != 16 || fmt.Sprint(ports[0]) != fmt.Sprint(ports[1]) {
		t.Errorf("targets and ports differ: %v and %v", ports[0], ports[1])
	}
}
