package commands

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/record"
)

// With a checkpoint, a signal leaves the windows that are not done to another
// process, and the file is valid in between.
func TestSignalCheckpoint(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	out, state := outFile(t), filepath.Join(t.TempDir(), "state")
	args := []string{"scan", "45.16.0.0/16", "--rate=200", "--memory=512k", "--wait=300ms", "--seed=s", "-o", out}
	p := start(t, nil, append(args, "--checkpoint="+state)...)
	grown(t, out, 20_000) // some windows
	again := start(t, nil, append(args, "--resume="+state)...)
	again.end(3)
	again.says("another masstrace process writes it")
	p.signal(syscall.SIGINT)
	p.end(4)
	p.says("recorded so far: ", "incomplete: stopped by a signal", "to continue it:",
		"  "+program+" scan 45.16.0.0/16 --rate=200 --memory=512k --wait=300ms --seed=s -o "+out+" --resume "+state)
	for _, word := range []string{"not complete", "waiting for replies", "next time"} {
		if strings.Contains(p.said(), word) {
			t.Errorf("said %q:\n%s", word, p.said())
		}
	}

	r := mustRead(t, out)
	for _, trace := range r.traces {
		if trace.StopReason == record.StopHalted {
			t.Errorf("%v: HALTED", trace.Target)
		}
	}
	half := len(r.traces)
	if half == 0 || half >= 256 || r.summary.Complete || r.summary.Abandoned == 0 ||
		r.summary.Skipped.Interrupted != uint64(256-half)*32 {
		t.Errorf("%d traces, summary %+v; want a part, and the other one left", half, r.summary)
	}
	if info, err := os.Stat(state); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("checkpoint %v, %v; want one that only its owner reads", info, err)
	}

	p = start(t, nil, append(args, "--attempts=2", "--resume="+state)...)
	p.end(2)
	p.says("these options must be the same as in the stopped run: --attempts (is 2, was 1)")

	nets := filepath.Join(t.TempDir(), "nets")
	if err := os.WriteFile(nets, []byte(knownNets), 0o600); err != nil {
		t.Fatal(err)
	}
	p = start(t, nil, append(args, "--resume="+state, "--annotate="+nets)...) // which may differ
	p.end(0)
	if text, err := os.ReadFile(out); err != nil || !strings.Contains(string(text), `"databases":[{"file":"nets"`) || !strings.Contains(string(text), `"as_path":[`) {
		t.Errorf("no databases in the resumed results, %v", err)
	}
	r = mustRead(t, out)
	seen := map[string]bool{}
	for _, trace := range r.traces {
		seen[trace.Target.String()] = true
	}
	if len(r.traces) != 256 || len(seen) != 256 || !r.summary.Complete || r.summary.Targets != 256 {
		t.Errorf("%d traces of %d targets, summary %+v; want 256, complete", len(r.traces), len(seen), r.summary)
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("the checkpoint is still there: %v", err)
	}
}
