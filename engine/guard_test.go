package engine

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// What exclude files come to say is excluded for as long as the run takes, also by
// another process that goes on with it; what they no longer say comes back with
// another run only.
func TestReread(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "exclude")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("45.16.1.0/24\n45.16.2.0/24\n")
	c := config("45.16.0.0/16")
	c.Exclude, c.Seed, c.Stderr = []string{list}, "s", io.Discard
	c.Output, c.Checkpoint = filepath.Join(dir, "out"), filepath.Join(dir, "checkpoint")
	s, err := newScan(&c)
	if err != nil {
		t.Fatal(err)
	}
	s.paths = new(paths)
	s.keeper.checkpoint = s.checkpoint()

	steps := []struct {
		text    string
		ranges  int // newly excluded; -1: the file is wrong
		allowed map[string]bool
	}{
		{"45.16.1.0/24 # no more than before", 0, map[string]bool{"45.16.1.9": false, "45.16.2.9": false, "45.16.3.9": true}},
		{"45.16.1.0/24\n45.16.3.0/24\n45.16.5.0/24", 2, map[string]bool{"45.16.2.9": false, "45.16.3.9": false, "45.16.5.9": false, "45.16.4.9": true}},
		{"45.16.4.0/24\nnonsense", -1, map[string]bool{"45.16.3.9": false, "45.16.4.9": true}},
		{"45.16.1.0/24\n45.16.5.0/24", 0, map[string]bool{"45.16.3.9": false, "45.16.5.9": false, "45.16.6.9": true}},
	}
	check := func(name string, s *scan, allowed map[string]bool) {
		t.Helper()
		for addr, want := range allowed {
			if s.guard.Contains(probe.AddrFrom(netip.MustParseAddr(addr))) != want {
				t.Errorf("%s: %s allowed: %v", name, addr, !want)
			}
		}
	}
	for _, step := range steps {
		write(step.text)
		before := s.guard.Change()
		n, err := s.excludeMore()
		if (err != nil) != (step.ranges < 0) || err == nil && n != step.ranges || (s.guard.Change() > before) != (step.ranges > 0) {
			t.Errorf("%q: %d ranges, %v; want %d", step.text, n, err, step.ranges)
		}
		check(step.text, s, step.allowed)

		// A process that goes on takes the file as it is now, and as it was at the
		// beginning, and has the same order.
		if step.ranges < 0 {
			continue
		}
		for _, text := range []string{step.text, "45.16.1.0/24\n45.16.2.0/24\n"} {
			write(text)
			again := c
			again.Checkpoint, again.Resume = "", c.Checkpoint
			resumed, err := newScan(&again)
			if err != nil {
				t.Errorf("%q, resumed with %q: %v", step.text, text, err)
				continue
			}
			check("resumed, "+step.text, resumed, step.allowed)
			if got, want := resumed.plan.order.Len(), s.plan.order.Len(); got != want || resumed.plan.order.At(7) != s.plan.order.At(7) {
				t.Errorf("%q: %d targets, or in another order; want %d", step.text, got, want)
			}
		}
	}
	write("45.16.77.0/24")
	again := c
	again.Checkpoint, again.Resume = "", c.Checkpoint
	if _, err := newScan(&again); err == nil || ClassOf(err) != Usage {
		t.Errorf("other exclusions: %v, want a refusal", err)
	}
	s.cfg.Exclude = []string{"-"}
	if _, err := s.excludeMore(); err == nil {
		t.Error("standard input was read again")
	}
}
