package programs

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// peersTTL is how far all tools are asked to go: beyond every target.
const peersTTL = 14

// scanForPeers scans samples and returns the traces with their responders.
func scanForPeers(t *testing.T, method probe.Method, targets []string) map[netip.Addr]*ndjson.TraceLine {
	t.Helper()
	c := config(targets...)
	c.Method, c.MaxTTL, c.Attempts = method, peersTTL, 2
	if method == probe.ICMP {
		c.DstPort = 0
	}
	traces := map[netip.Addr]*ndjson.TraceLine{}
	for _, trace := range runScan(t, c).traces {
		traces[trace.Dst] = trace
	}
	return traces
}

// scamperTrace has the fields of scamper's JSON that the test reads.
type scamperTrace struct {
	Type string
	Dst  netip.Addr
	Hops []scamperHop
}

type scamperHop struct {
	Addr     netip.Addr
	ProbeTTL int    `json:"probe_ttl"`
	Type     *uint8 `json:"icmp_type"`
	Code     *uint8 `json:"icmp_code"`
}

// branch returns a name for the responder at a TTL, the same for all branches of a load
// balancer. Tools that send by sockets of their own are balanced by the hash that the
// kernel gave their packets, and not by the ports.
func branch(t *testing.T, target netip.Addr, ttl int, addr netip.Addr) string {
	t.Helper()
	truth, ok := routers.New().Truth(target)
	if !ok {
		t.Errorf("%v is no target", target)
		return ""
	}
	if all := truth.At(ttl); slices.Contains(all, addr) {
		return fmt.Sprint(all)
	}
	return addr.String()
}

// Scamper meets the same hops, with the same answers.
func TestScamper(t *testing.T) {
	needTool(t, "scamper")
	t.Parallel()
	for name, method := range map[string]probe.Method{"udp-paris": probe.UDP, "icmp-paris": probe.ICMP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours := scanForPeers(t, method, samples(effort.Count(2, 16)))
			args := []string{"-p", "1000", "-O", "json"}
			for target := range ours {
				args = append(args, "-I", fmt.Sprintf("trace -P %s -q 2 -w 1 -g 2 -m %d %v", name, peersTTL, target))
			}
			out, err := exec.CommandContext(t.Context(), "scamper", args...).Output()
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for line := range strings.Lines(string(out)) {
				var theirs scamperTrace
				if err := json.Unmarshal([]byte(line), &theirs); err != nil {
					t.Fatal(err)
				}
				if theirs.Type == "trace" {
					n++
					compareScamper(t, ours[theirs.Dst], &theirs)
				}
			}
			if n != len(ours) {
				t.Errorf("scamper has %d traces, we have %d", n, len(ours))
			}
		})
	}
}

// compareScamper compares the answers at each TTL, of any number of probes, up to the first that came too
// late for scamper.
func compareScamper(t *testing.T, ours *ndjson.TraceLine, theirs *scamperTrace) {
	t.Helper()
	last := peersTTL
	if late := firstLate(theirs.Hops); late > 0 {
		last = late - 1
		t.Logf("%v: scamper takes the answer of a lower TTL for one of TTL %d", ours.Dst, late)
	}
	var a, b []string
	for _, h := range ours.Hops {
		if int(h.ProbeTTL) > last {
			continue
		}
		at := branch(t, ours.Dst, int(h.ProbeTTL), h.Addr)
		a = append(a, fmt.Sprintf("%d:%s=%d/%d", h.ProbeTTL, at, *h.ICMPType, *h.ICMPCode))
	}
	for _, h := range theirs.Hops {
		if h.ProbeTTL > last {
			continue
		}
		at := branch(t, ours.Dst, h.ProbeTTL, h.Addr)
		b = append(b, fmt.Sprintf("%d:%s=%d/%d", h.ProbeTTL, at, *h.Type, *h.Code))
	}
	if a, b = slices.Compact(a), slices.Compact(b); !slices.Equal(a, b) {
		t.Errorf("%v: we have %v, scamper %v", ours.Dst, a, b)
	}
}

// firstLate is the lowest TTL at which an address answers that answered at a lower one, or zero. No route of
// the lab passes a router twice: scamper, which tells probes of different TTLs by order alone, got an answer
// too late.
func firstLate(hops []scamperHop) int {
	lowest := make(map[netip.Addr]int)
	for _, h := range hops {
		if at, ok := lowest[h.Addr]; !ok || h.ProbeTTL < at {
			lowest[h.Addr] = h.ProbeTTL
		}
	}
	late := 0
	for _, h := range hops {
		if h.ProbeTTL > lowest[h.Addr] && (late == 0 || h.ProbeTTL < late) {
			late = h.ProbeTTL
		}
	}
	return late
}

// Traceroute meets the same hops.
func TestTraceroute(t *testing.T) {
	needTool(t, "traceroute")
	t.Parallel()
	for name, method := range map[string]probe.Method{"-U": probe.UDP, "-I": probe.ICMP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all sync.WaitGroup
			for target, trace := range scanForPeers(t, method, samples(1)) {
				args := []string{name, "-n", "-q2", "-w0.5", "-N32", fmt.Sprintf("-m%d", peersTTL)}
				if method == probe.UDP {
					args = append(args, fmt.Sprintf("--port=%d", trace.DstPort))
				}
				all.Go(func() { compareTraceroute(t, trace, runTraceroute(t, append(args, target.String())...)) })
			}
			all.Wait()
		})
	}
}

func compareTraceroute(t *testing.T, ours *ndjson.TraceLine, theirs []netip.Addr) {
	t.Helper()
	var a, b []string
	for i, addr := range theirs {
		b = append(b, branch(t, ours.Dst, i+1, addr))
	}
	for i, addr := range responders(ours, len(theirs)) {
		a = append(a, branch(t, ours.Dst, i+1, addr))
	}
	openEnd := ours.StopReason == "HOPLIMIT" || ours.StopReason == "GAPLIMIT" // traceroute goes on
	if !slices.Equal(a, b) || !openEnd && ours.HopCount != len(theirs) {
		t.Errorf("%v: we have %d hops, %v, traceroute %d, %v", ours.Dst, ours.HopCount, a, len(theirs), b)
	}
}

// traceroute returns the address that answered at each TTL; silence is the zero Addr.
func runTraceroute(t *testing.T, args ...string) []netip.Addr {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "traceroute", args...).Output()
	if err != nil {
		t.Errorf("traceroute %v: %v", args, err)
	}
	var addrs []netip.Addr
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if ttl, err := strconv.Atoi(f[0]); err != nil || ttl != len(addrs)+1 {
			continue // the heading
		}
		i := slices.IndexFunc(f[1:], func(word string) bool { return strings.ContainsAny(word, ".:") })
		a := netip.Addr{}
		if i >= 0 {
			a = netip.MustParseAddr(f[1+i])
		}
		addrs = append(addrs, a)
	}
	return addrs
}

// needTool skips the test outside the lab, or if a program is missing.
func needTool(t *testing.T, name string) {
	t.Helper()
	lab.Need(t, routers.Name)
	lab.NeedTool(t, name)
}

// Others who ping and trace the same targets from the same address at the same
// time add no record. They ping 200 times a second each: a flood would take the cores from all tests.
func TestCrowd(t *testing.T) {
	needTool(t, "ping")
	needTool(t, "traceroute")
	const v4, v6 = "45.80.3.9", "2a00:80:3::9"
	ctx, stop := context.WithCancel(t.Context())
	var running []*exec.Cmd
	for _, args := range [][]string{
		{"ping", "-n", "-i0.005", "-q", v4}, {"ping", "-n", "-i0.005", "-q", v6}, {"ping", "-n", "-i0.005", "-q", "-t3", v4},
		{"sh", "-c", "while :; do traceroute -n -q3 -w1 -N64 " + v4 + "; done"},
		{"sh", "-c", "while :; do traceroute -n -q3 -w1 -N64 -I " + v6 + "; done"},
	} {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	defer func() {
		stop()
		for _, cmd := range running {
			_ = cmd.Wait() // killed
		}
	}()
	for _, method := range []probe.Method{probe.UDP, probe.ICMP} {
		t.Run(method.String(), func(t *testing.T) {
			c := config(v4, v6, "45.80.4.0/24", "2a00:80:4::/48")
			c.Method, c.Flows, c.Attempts, c.Records, c.RatePPS, c.Wait = method, 16, 2, record.Both, 2000, 500e6
			if method == probe.ICMP {
				c.DstPort = 0
			}
			r := runScan(t, c)
			s := r.summary
			if s.Weak != 0 || s.Duplicates != 0 || s.Late != 0 || s.Rejected.Conflict != 0 || uint64(len(r.replies)) != s.Answered {
				t.Errorf("%d reply records, summary %+v; want none but answers", len(r.replies), s)
			}
			if method == probe.ICMP && s.Unrelated+s.Rejected.Tag == 0 {
				t.Errorf("the crowd was not seen at all: %+v", s.Frames)
			}
			topology := routers.New()
			for i, trace := range r.traces {
				checkTrace(t, topology, trace, r.exts[i], method)
			}
		})
	}
}
