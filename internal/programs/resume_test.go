package programs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/scan"
)

// A scan is interrupted and continued by another one, while its exclude files are read
// again and again. The result is one scan.
func TestScanGoesOn(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	dir := t.TempDir()
	exclude := filepath.Join(dir, "exclude")
	if err := os.WriteFile(exclude, []byte("45.16.9.0/24"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config("45.16.0.0/18", "2a00:16::/43")
	c.Exclude, c.Output, c.Seed = []string{exclude}, filepath.Join(dir, "out.ndjson.gz"), "s"
	c.Memory, c.RatePPS, c.Wait, c.Records = 256<<10, 1000, 200*time.Millisecond, record.Both
	again := make(chan os.Signal, 1)
	c.Reread = again
	state := filepath.Join(dir, "state")
	interrupted, interrupt := context.WithCancel(t.Context())
	first := c
	first.Checkpoint = state
	time.AfterFunc(300*time.Millisecond, func() { again <- os.Interrupt; interrupt() })
	if err := scan.Run(t.Context(), interrupted, first); err != nil && !isPartial(err) {
		t.Fatal(err)
	}
	if _, err := os.Stat(state); err == nil { // it was not done already
		time.AfterFunc(300*time.Millisecond, func() { again <- os.Interrupt })
		c.Resume = state
		if err := scan.Run(t.Context(), context.Background(), c); err != nil {
			t.Fatal(err)
		}
	}
	in, err := all.Open(c.Output, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	seen := map[string]int{}
	var sum *record.Summary
	for {
		rec, err := in.Read()
		if err != nil {
			break
		}
		switch r := rec.(type) {
		case *record.Trace:
			seen[r.Target.String()]++
		case *record.Summary:
			sum = r
		}
	}
	const targets = 63 + 32
	if sum == nil || !sum.Complete || sum.Targets != targets || len(seen) != targets {
		t.Fatalf("%d traces, summary %+v; want %d targets, complete", len(seen), sum, targets)
	}
	if err := sum.Balance(); err != nil {
		t.Error(err)
	}
	for dst, n := range seen {
		if n != 1 {
			t.Errorf("%s has %d traces", dst, n)
		}
	}
	if _, err := os.Stat(state); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the checkpoint is still there: %v", err)
	}
}
