package scan

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
)

// Addresses that exclude files list later are excluded for the whole run, also in a process
// that continues it. If the files lose them, only another run probes them again.
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
	c.Exclude, c.Seed = []string{list}, "s"
	c.Output, c.Checkpoint = filepath.Join(dir, "out"), filepath.Join(dir, "checkpoint")
	s, err := newScan(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	if s.files, err = fileset.Create(c.paths(), nil, outfile.Keep); err != nil {
		t.Fatal(err)
	}
	if err := s.keeper.Begin(s.plan, c.Key, s.files, s.found); err != nil {
		t.Fatal(err)
	}

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

		// A resumed process takes the file as it is now, and as it was at the
		// beginning, and has the same order.
		if step.ranges < 0 {
			continue
		}
		for _, text := range []string{step.text, "45.16.1.0/24\n45.16.2.0/24\n"} {
			write(text)
			again := c
			again.Checkpoint, again.Resume = "", c.Checkpoint
			resumed, err := newScan(t.Context(), &again)
			if err != nil {
				t.Errorf("%q, resumed with %q: %v", step.text, text, err)
				continue
			}
			check("resumed, "+step.text, resumed, step.allowed)
			if got, want := resumed.plan.Order.Len(), s.plan.Order.Len(); got != want || resumed.plan.Order.At(7) != s.plan.Order.At(7) {
				t.Errorf("%q: %d targets, or in another order; want %d", step.text, got, want)
			}
		}
	}
	write("45.16.77.0/24")
	again := c
	again.Checkpoint, again.Resume = "", c.Checkpoint
	refused := new(plan.ConfigError)
	if _, err := newScan(t.Context(), &again); !errors.As(err, &refused) || refused.Field != "Exclude" {
		t.Errorf("other exclusions: %v, want a refusal", err)
	}
	s.cfg.Exclude = []string{"-"}
	if _, err := s.excludeMore(); err == nil {
		t.Error("standard input was read again")
	}
}

// A resume may exclude more. These addresses are not probed from then on, as after a
// signal. The order stays that of the run.
func TestResumeExcludesMore(t *testing.T) {
	dir := t.TempDir()
	c := config("45.16.0.0/16")
	c.Exclude, c.Seed = []string{"45.16.1.0/24"}, "s"
	c.Output, c.Checkpoint = filepath.Join(dir, "out"), filepath.Join(dir, "checkpoint")
	began, err := newScan(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	if began.files, err = fileset.Create(c.paths(), nil, outfile.Keep); err != nil {
		t.Fatal(err)
	}
	if err := began.keeper.Begin(began.plan, c.Key, began.files, began.found); err != nil {
		t.Fatal(err)
	}
	began.files.Close()
	for _, exclude := range [][]string{{"45.16.1.0/24", "45.16.9.0/24"}, {"45.16.0.0/20"}} {
		again := config("45.16.0.0/16")
		again.Exclude, again.Output, again.Resume = exclude, c.Output, c.Checkpoint
		again.RatePPS, again.PrefixRate, again.Senders, again.Wait = 77, 5, 2, 3*time.Second
		s, err := newScan(t.Context(), &again)
		if err != nil {
			t.Errorf("excluding %v: %v", exclude, err)
			continue
		}
		if s.plan.Order.Len() != began.plan.Order.Len() || s.plan.Shape.Targets != began.plan.Shape.Targets || s.plan.Run != began.plan.Run {
			t.Errorf("excluding %v: another run: %+v", exclude, s.plan.Params)
		}
		if a := probe.AddrFrom(netip.MustParseAddr("45.16.9.9")); s.guard.Contains(a) {
			t.Errorf("excluding %v: %v may be probed", exclude, a)
		}
		if changed := s.keeper.Changed(s.plan); changed["rate_pps"].Now != 77.0 || len(changed) != 5 { // also burst
			t.Errorf("changed %v", changed)
		}
	}
}
