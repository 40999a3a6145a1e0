//go:build !race

package programs

import (
	"bytes"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
)

// Comparisons with tools of others mostly wait for them: the race detector sees as much without.

// Well-known tools show the same hops of the same targets.
func TestTracePeers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		method probe.Method
		cmd    string // and the target
	}{
		{"traceroute-udp", probe.UDP, "traceroute -n -w0.5 -m14"},
		{"traceroute-icmp", probe.ICMP, "traceroute -n -w0.5 -m14 -I"},
		{"traceroute-tcp", probe.TCPSYN, "traceroute -n -w0.5 -m14 -T"},
		{"mtr-udp", probe.UDP, "mtr --report -n -c3 -i0.2 -Z1 -m14 --udp"},
		{"mtr-icmp", probe.ICMP, "mtr --report -n -c3 -i0.2 -Z1 -m14"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			words := strings.Fields(tt.cmd)
			needTool(t, words[0])
			t.Parallel()
			for _, target := range peersTargets {
				if tt.method == probe.TCPSYN && strings.Contains(target, "48") {
					continue // no TCP there
				}
				t.Run(target, func(t *testing.T) {
					t.Parallel()
					out, err := exec.CommandContext(t.Context(), words[0], append(words[1:], target)...).CombinedOutput()
					if err != nil {
						t.Fatalf("%v\n%s", err, out)
					}
					text, _ := runTrace(t, traceConfig(tt.method, target))
					var ours, theirs []string
					for i, a := range rowsOf(t, text) {
						ours = append(ours, branch(t, netip.MustParseAddr(target), i+1, a))
					}
					for i, a := range rowsOf(t, string(out)) {
						theirs = append(theirs, branch(t, netip.MustParseAddr(target), i+1, a))
					}
					if len(ours) == 0 || !slices.Equal(ours, theirs) {
						t.Errorf("we say\n%sand %s\n%s", text, words[0], out)
					}
				})
			}
		})
	}
}

// Scamper meets the same hops, with the same answers.
func TestTCPScamper(t *testing.T) {
	needTool(t, "scamper")
	t.Parallel()
	for name, method := range map[string]probe.Method{"tcp": probe.TCPSYN, "tcp-ack": probe.TCPACK} {
		for _, port := range []uint16{openPort, closedPort, filteredPort} {
			t.Run(fmt.Sprintf("%s %d", name, port), func(t *testing.T) {
				t.Parallel()
				c := tcpConfig(method, port, samples(effort.Count(1, 8))...)
				c.MaxTTL = peersTTL
				ours := map[netip.Addr]*ndjson.TraceLine{}
				for _, trace := range runScan(t, c).traces {
					ours[trace.Dst] = trace
				}
				args := []string{"-p", "1000", "-O", "json"}
				for target := range ours {
					args = append(args, "-I", fmt.Sprintf("trace -P %s -d %d -q 2 -w 1 -g 2 -m %d %v", name, port, peersTTL, target))
				}
				out, err := exec.CommandContext(t.Context(), "scamper", args...).Output()
				if err != nil {
					t.Fatal(err)
				}
				traces := read(t, bytes.NewReader(out)).traces
				n := len(traces)
				for _, theirs := range traces {
					compareTCP(t, ours[theirs.Dst], theirs)
				}
				if n != len(ours) {
					t.Errorf("scamper has %d traces, we have %d:\n%s", n, len(ours), out)
				}
			})
		}
	}
}
