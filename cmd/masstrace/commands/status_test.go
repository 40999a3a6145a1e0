package commands

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
)

func TestReport(t *testing.T) {
	failure := errors.New("it failed")
	differ := &plan.DifferError{Path: "state", Differences: []plan.Difference{
		{Field: "Targets", Was: "3a5c", Now: "77f0"},
		{Field: "RatePPS", Was: 10.0, Now: 5.0},
		{Field: "Shard", Was: [2]uint64{0, 0}, Now: [2]uint64{1, 4}},
		{Field: "Output", Was: ".zst", Now: ""},
		{Field: "windows", Was: 7, Now: 6},
	}}
	const differs = "--resume state: these options must be the same as in the stopped run: targets, --rate (is 5, was 10), " +
		"--shard (is 2/4, was 1/1), --output (is none, was .zst), the number of windows (is 6, was 7)"
	tests := []struct {
		command string
		err     error
		status  int
		text    string
	}{
		{"scan", nil, 0, ""},
		{"lab", exitStatus(7), 7, ""},
		{"scan", failure, 3, "it failed"},
		{"scan", &run.Incomplete{Err: failure}, 4, "it failed"},
		{"scan", fmt.Errorf("wrapped: %w", run.OutputFailed(failure)), 4, "wrapped: output failed: it failed"},
		{"scan", plan.Refuse("Memory", "%d bytes hold not one target", 1000), 2, "--memory: 1000 bytes hold not one target"},
		{"scan", fmt.Errorf("f: %w", plan.Refuse("Capture", "no")), 2, "f: --pcap: no"},
		{"scan", &plan.ConfigError{Err: failure}, 2, "it failed"},
		{"scan", plan.Refuse("Targets", "list.txt:3: no"), 2, "targets: list.txt:3: no"},
		{"scan", &run.Incomplete{Err: plan.Refuse("", "list.txt:3: no")}, 4, "list.txt:3: no"},
		{"trace", plan.Refuse("MaxTTL", "no"), 2, "-m: no"},
		{"trace", plan.Refuse("Source", "no"), 2, "-s: no"},
		{"replay", plan.Refuse("Key", "no"), 2, "--key: no"},
		{"scan", plan.Refuse("Unheard", "no"), 2, "--unheard: no"},
		{"scan", differ, 2, differs},
		{"convert", &outfile.RefusedError{Name: "Output", Err: failure}, 2, "--output: it failed"},
		{"convert", ofOutput("x", &outfile.RefusedError{Name: "Output", Err: failure}), 2, "--output: it failed"},
		{"convert", ofOutput("", &outfile.RefusedError{Name: "Output", Err: failure}), 2, "the output (the last argument): it failed"},
		{"annotate", ofOutput("", &outfile.RefusedError{Name: "Inputs", Err: failure}), 2, "file: it failed"},
	}
	for _, tt := range tests {
		var stderr strings.Builder
		want := ""
		if tt.text != "" {
			want = "masstrace: " + tt.text + "\n"
		}
		if got := report(&stderr, tt.command, nil, tt.err); got != tt.status || stderr.String() != want {
			t.Errorf("%s, %v: status %d, %q; want %d, %q", tt.command, tt.err, got, stderr.String(), tt.status, want)
		}
	}
}
