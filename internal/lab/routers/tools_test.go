package routers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/lab"
)

// traceroute returns the responders from TTL 1 on, with one probe for each TTL.
func traceroute(t *testing.T, target netip.Addr, args ...string) []netip.Addr {
	t.Helper()
	args = append(args, "-n", "-q1", "-w0.5", "-m14", target.String())
	out, err := exec.Command("traceroute", args...).Output()
	if err != nil {
		t.Fatalf("traceroute %v: %v", args, err)
	}
	var responders []netip.Addr
	for l := range strings.Lines(string(out)) {
		f := strings.Fields(l)
		if ttl, err := strconv.Atoi(f[0]); err != nil || ttl != len(responders)+1 {
			continue // the heading
		}
		a, _ := netip.ParseAddr(f[1]) // "*" is the zero Addr
		responders = append(responders, a)
	}
	return responders
}

// wantLength returns how many TTLs traceroute prints.
func wantLength(truth Truth) int {
	if truth.Ending == Dropped {
		return 14
	}
	return truth.Distance
}

func TestTracerouteICMP(t *testing.T) {
	lab.NeedTool(t, "traceroute")
	eachTerritory(t, func(t *testing.T, a Territory, family string, truth Truth) {
		got := traceroute(t, sample(a, family, 0), "-I")
		if len(got) != wantLength(truth) || !truth.Allows(got) {
			t.Errorf("traceroute prints %v, truth is one of %v", got, truth.Paths)
		}
	})
}

// traceroute changes the port, and so the flow, with every probe.
func TestTracerouteUDP(t *testing.T) {
	lab.NeedTool(t, "traceroute")
	eachTerritory(t, func(t *testing.T, a Territory, family string, truth Truth) {
		got := traceroute(t, sample(a, family, 0))
		if len(got) != wantLength(truth) {
			t.Errorf("traceroute goes to TTL %d, want %d: %v", len(got), wantLength(truth), got)
		}
		for i, addr := range got {
			if want := truth.At(i + 1); addr.IsValid() && !slices.Contains(want, addr) || !addr.IsValid() && len(want) > 0 {
				t.Errorf("TTL %d: traceroute prints %v, want one of %v", i+1, addr, want)
			}
		}
	})
}

// Flows spread over all branches.
func TestBranches(t *testing.T) {
	lab.NeedTool(t, "traceroute")
	for _, target := range []string{"45.80.1.1", "2a00:80::1"} {
		lab.Need(t, Name)
		truth, _ := New().Truth(netip.MustParseAddr(target))
		for _, ttl := range []int{4, 5, 10} {
			hop := strconv.Itoa(ttl)
			var seen []netip.Addr
			for range 5 {
				out, err := exec.Command("traceroute", "-n", "-q10", "-w0.5", "-f"+hop, "-m"+hop, target).Output()
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range strings.Fields(string(out[strings.IndexByte(string(out), '\n')+1:])) {
					if a, err := netip.ParseAddr(f); err == nil && !slices.Contains(seen, a) {
						seen = append(seen, a)
					}
				}
			}
			slices.SortFunc(seen, netip.Addr.Compare)
			if want := truth.At(ttl); !slices.Equal(seen, want) {
				t.Errorf("%s at TTL %d: saw %v, want %v", target, ttl, seen, want)
			}
		}
	}
}

// scamperTrace is the part of scamper's JSON that the test reads.
type scamperTrace struct {
	Type string
	Dst  netip.Addr
	Hops []struct {
		Addr     netip.Addr
		ProbeTTL int `json:"probe_ttl"`
		Type     int `json:"icmp_type"`
		Code     int `json:"icmp_code"`
	}
}

func TestScamper(t *testing.T) {
	lab.Need(t, Name)
	lab.NeedTool(t, "scamper")
	if m, _ := os.ReadFile("/proc/self/uid_map"); len(strings.Fields(string(m))) != 3 || strings.Fields(string(m))[2] == "1" {
		t.Skip("needs root: scamper drops privileges, which a user namespace of one user does not let it")
	}
	topology := New()
	const each = 4
	for _, method := range []string{"udp-paris", "icmp-paris"} {
		args := []string{"-p", "1000", "-O", "json", "-c", "trace -P " + method + " -q 1 -w 1 -g 2", "-i"}
		for _, a := range topology.Territories() {
			for i := range each {
				args = append(args, sample(a, "IPv4", i).String(), sample(a, "IPv6", i).String())
			}
		}
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			out, err := exec.Command("scamper", args...).Output()
			if err != nil {
				t.Fatal(err)
			}
			traces := 0
			for l := range strings.Lines(string(out)) {
				var trace scamperTrace
				if err := json.Unmarshal([]byte(l), &trace); err != nil {
					t.Fatal(err)
				}
				if trace.Type == "trace" {
					traces++
					checkScamper(t, topology, trace, method)
				}
			}
			if want := 2 * each * len(topology.Territories()); traces != want {
				t.Errorf("%d traces, want %d", traces, want)
			}
		})
	}
}

func checkScamper(t *testing.T, topology *Topology, trace scamperTrace, method string) {
	truth, _ := topology.Truth(trace.Dst)
	got := make([]netip.Addr, truth.Distance)
	last := ""
	for _, h := range trace.Hops {
		if h.ProbeTTL > len(got) {
			t.Errorf("%s answers to TTL %d of %s, want the end at %d", h.Addr, h.ProbeTTL, trace.Dst, len(got))
			return
		}
		got[h.ProbeTTL-1] = h.Addr
		last = fmt.Sprintf("%d/%d", h.Type, h.Code)
	}
	if !truth.Allows(got) {
		t.Errorf("scamper reports %v for %s, truth is one of %v", got, trace.Dst, truth.Paths)
	}
	if want := ending(truth.Ending, trace.Dst.Is4(), method); last != want {
		t.Errorf("trace to %s ends by ICMP %s, want %s", trace.Dst, last, want)
	}
}

// ending returns the type and code of the last answer.
func ending(e Ending, is4 bool, method string) string {
	v4 := map[Ending]string{Reached: "3/3", Prohibited: "3/13", Unreachable: "3/1", Dropped: "11/0"}
	v6 := map[Ending]string{Reached: "1/4", Prohibited: "1/1", Unreachable: "1/0", Dropped: "3/0"}
	switch echo := e == Reached && method == "icmp-paris"; {
	case echo && is4:
		return "0/0"
	case echo:
		return "129/0"
	case is4:
		return v4[e]
	default:
		return v6[e]
	}
}

func TestServices(t *testing.T) {
	lab.Need(t, Name)
	for _, host := range []string{"45.16.3.4", "45.80.3.4", "2a00:16:3::4", "2a00:80:3::4"} {
		for port, want := range map[int]error{openPort: nil, openPortToo: nil, 81: syscall.ECONNREFUSED, filteredPort: os.ErrDeadlineExceeded} {
			c, err := net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port)), 300*time.Millisecond)
			if err == nil {
				c.Close()
			}
			var timeout net.Error
			switch {
			case want == os.ErrDeadlineExceeded && errors.As(err, &timeout) && timeout.Timeout():
			case !errors.Is(err, want):
				t.Errorf("%s port %d: %v, want %v", host, port, err, want)
			}
		}
	}
}
