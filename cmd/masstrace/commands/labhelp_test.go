package commands

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/netsim"
)

// The lists of lab fit into a terminal of 80 columns, and name every preset and option.
func TestLabLists(t *testing.T) {
	clean, err := netsim.Preset("clean")
	if err != nil {
		t.Fatal(err)
	}
	var names, options []string
	for _, p := range netsim.Presets() {
		names = append(slices.Clone(names), p.Name)
	}
	for _, o := range clean.Options() {
		options = append(slices.Clone(options), o.Name)
	}
	for _, tt := range []struct {
		args string
		want []string
	}{
		{"lab --set help", append(slices.Clone(options), "delay"+strings.Repeat(" ", 13)+"270ms  time")},
		{"lab --preset clean --set help", append(slices.Clone(options), "delay"+strings.Repeat(" ", 16)+"0s  time")},
		{"lab --preset help", names},
		{"lab --preset help --set help", append(slices.Clone(names), options...)},
		{"lab --help", append(slices.Clone(names), "45.150.1.206", "N = 16, 32, 48", "routers, --network routers-limited:")},
	} {
		var stdout, stderr bytes.Buffer
		status := execute(strings.Fields(tt.args), strings.NewReader(""), &stdout, &stderr)
		if status != 0 || stderr.Len() > 0 {
			t.Errorf("masstrace %s: status %d, %s", tt.args, status, stderr.String())
		}
		for _, want := range tt.want {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("masstrace %s lacks %q", tt.args, want)
			}
		}
		for line := range strings.Lines(stdout.String()) {
			if len(strings.TrimRight(line, "\n")) > helpWidth {
				t.Errorf("masstrace %s: more than %d columns: %s", tt.args, helpWidth, line)
			}
		}
	}
}
