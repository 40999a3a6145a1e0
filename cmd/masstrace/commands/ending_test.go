package commands

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// The command line that continues a scan is that of the scan, except for the checkpoint. A shell
// reads it as it was.
func TestContinued(t *testing.T) {
	for _, tt := range []struct {
		args command
		want string // after the name of the program
	}{
		{command{"scan", "list.txt", "-o", "out.ndjson", "--checkpoint", "state"}, "scan list.txt -o out.ndjson --resume state"},
		{command{"scan", "--checkpoint=state", "a b.txt", "-o=o'.ndjson"}, `scan 'a b.txt' '-o=o'\''.ndjson' --resume state`},
		{command{"scan", "--overwrite", "list.txt", "--checkpoint", "state", "--seed", ""}, "scan list.txt --seed '' --resume state"},
		{command{"scan", "list.txt", "--resume", "state"}, "scan list.txt --resume state"},
		{command{"scan", "list.txt", "--resume=state", "--rate=1k"}, "scan list.txt --resume=state --rate=1k"},
		{command{"scan", "$(x)*", "--checkpoint", "state"}, "scan '$(x)*' --resume state"},
	} {
		got, ok := strings.CutPrefix(tt.args.continued("state"), shellWord(os.Args[0])+" ")
		if !ok || got != tt.want {
			t.Errorf("%q: %q, want %q", tt.args, got, tt.want)
		}
		out, err := exec.Command("sh", "-c", "printf '%s\\n' "+got).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, arg := range tt.args[1:] {
			if !strings.Contains(string(out), arg+"\n") && !strings.HasPrefix(arg, "--checkpoint") && arg != "--overwrite" {
				t.Errorf("%q: a shell reads %q", tt.args, out)
			}
		}
	}
}

// What a user must do next is written once, with the reason.
func TestConclude(t *testing.T) {
	failure := errors.New("it failed")
	signal := &run.Incomplete{Err: errors.New("not complete: signal"), Reason: record.ReasonSignal}
	kept := &run.Incomplete{Err: signal.Err, Reason: signal.Reason, Checkpoint: "state"}
	args := command{"scan", "x", "--checkpoint=state"}
	next := shellWord(os.Args[0]) + " scan x --resume state\n"
	for _, tt := range []struct {
		name         string
		quiet, keeps bool
		err          error
		said, report string
	}{
		{"a success", false, true, nil, "", ""},
		{"a failure", false, true, failure, "", "masstrace: it failed\n"},
		{"no checkpoint", false, true, signal, "next time: a scan with --checkpoint FILE can be continued\n", ""},
		{"no checkpoint is possible", false, false, signal, "", ""},
		{"a checkpoint", false, true, kept, "to continue it:\n  " + next, ""},
		{"quiet", true, true, signal, "", "masstrace: incomplete: stopped by a signal\n"},
		{"quiet, with a checkpoint", true, true, kept, "", "masstrace: incomplete: stopped by a signal; to continue it:\n  " + next},
		{"killed", false, true, &run.Incomplete{Err: failure, Checkpoint: "state"}, "", "masstrace: it failed; to continue it:\n  " + next},
	} {
		var said, reported strings.Builder
		c := &console{out: &said, quiet: tt.quiet, keeps: tt.keeps}
		status := report(&reported, "scan", args, c.conclude(tt.err, args))
		if said.String() != tt.said || reported.String() != tt.report || status != statusOfTest(tt.err) {
			t.Errorf("%s: status %d, said %q, reported %q; want %q, %q", tt.name, status, said.String(), reported.String(), tt.said, tt.report)
		}
	}
}

func statusOfTest(err error) int {
	if err == nil {
		return 0
	}
	return statusOf(err)
}

// Only a regular file can be shown after the run.
func TestOutputLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.ndjson")
	if err := os.WriteFile(path, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{path: 2, os.DevNull: 1, pipe: 1, "-": 0, "": 0} {
		if lines := outputLines(path); len(lines) != want {
			t.Errorf("%q: %q, want %d lines", path, lines, want)
		}
	}
}
