//go:build !race

package programs

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/scamper"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/record"
)

// The output of other tools about a path reads as that path.
func TestTexts(t *testing.T) {
	for _, tt := range []struct {
		name, format string
		cmd          []string // and the target in its last word
		heads        int      // how often the text has the target if no answer comes from there
	}{
		{"traceroute", "traceroute", []string{"traceroute", "-n", "-q2", "-w0.5", "-m14", "%s"}, 2},
		{"traceroute-names", "traceroute", []string{"traceroute", "-e", "-q2", "-w0.5", "-m14", "-I", "%s"}, 2},
		{"mtr", "mtr", []string{"mtr", "--json", "-n", "-c2", "-i0.2", "-Z1", "-m14", "%s"}, 1},
		{"mtr-both", "mtr", []string{"mtr", "--json", "-b", "-c2", "-i0.2", "-Z1", "-m14", "--udp", "%s"}, 1},
		{"scamper", "scamper", []string{"scamper", "-O", "json", "-p", "1000", "-I", "trace -P udp-paris -w 1 -g 2 -m 14 %s"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			needTool(t, tt.cmd[0])
			t.Parallel()
			for _, target := range peersTargets {
				t.Run(target, func(t *testing.T) {
					t.Parallel()
					args := slices.Clone(tt.cmd[1:])
					args[len(args)-1] = fmt.Sprintf(args[len(args)-1], target)
					cmd := exec.CommandContext(t.Context(), tt.cmd[0], args...)
					cmd.Env = append(os.Environ(), "TZ=UTC")
					out, err := cmd.Output()
					if err != nil {
						t.Fatalf("%v\n%s", err, out)
					}
					f, err := all.New(strings.NewReader(string(out)))
					if err != nil || f.Name() != tt.format {
						t.Fatalf("%v\n%s", err, out)
					}
					var again strings.Builder
					w := scamper.NewWriter(format.Output{Out: &again})
					traces := 0
					for {
						r, err := f.Read()
						if err == io.EOF && traces == 1 {
							break
						}
						if err != nil {
							t.Fatalf("%d traces, %v\n%s", traces, err, out)
						}
						if trace, ok := r.(*record.Trace); ok {
							traces++
							checkText(t, trace, netip.MustParseAddr(target), string(out), tt.heads)
						}
						_ = w.Write(r)
					}
					if _ = w.Flush(); tt.format == "scamper" && again.String() != string(out) {
						t.Errorf("written again it is\n%s\nand not\n%s", again.String(), out)
					}
				})
			}
		})
	}
}

// checkText compares a trace with the network.
func checkText(t *testing.T, trace *record.Trace, target netip.Addr, text string, heads int) {
	t.Helper()
	truth, ok := routers.New().Truth(target)
	if !ok || trace.Target.Netip() != target || len(trace.Hops) == 0 {
		t.Fatalf("%v of %v:\n%s", trace.Target, target, text)
	}
	for i := range trace.Hops {
		h := &trace.Hops[i]
		at := truth.At(int(h.TTL))
		if from := h.Responder.Netip(); from != target && !slices.Contains(at, from) {
			t.Errorf("%s at TTL %d; want one of %s:\n%s", from, h.TTL, fmt.Sprint(at), text)
		}
	}
	answered := strings.Count(text, target.String()) > heads
	if trace.Reached != answered || answered && int(trace.End) != truth.Distance {
		t.Errorf("reached %t, end %d; want %d:\n%s", trace.Reached, trace.End, truth.Distance, text)
	}
}
