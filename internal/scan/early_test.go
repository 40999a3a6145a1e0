package scan

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/faulty"
	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/sender"
)

// The first traces of a long scan are written within three seconds plus the wait for replies. From
// then on no second passes without a trace.
func TestEarly(t *testing.T) {
	for strategy, targets := range map[string]uint64{plan.Complete: 10_000, plan.Exhaustive: 4000} {
		t.Run(strategy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, written := traceTimes(t, strategy, targets)
				if len(written) == 0 || written[len(written)-1].Sub(began) < 8*time.Second {
					t.Fatalf("%d writes are no long scan", len(written))
				}
				if first := written[0].Sub(began); first > 3*time.Second+earlyWait {
					t.Errorf("the first traces came after %v", first)
				}
				for i, at := range written[1:] {
					if pause := at.Sub(written[i]); pause > time.Second {
						t.Errorf("no trace for %v, %v after the start", pause, written[i].Sub(began))
					}
				}
			})
		})
	}
}

// earlyWait is how long the scans of TestEarly wait for replies.
const earlyWait = 2 * time.Second

// traceTimes runs a scan, and returns the times at which its output got traces.
func traceTimes(t *testing.T, strategy string, targets uint64) (began time.Time, written []time.Time) {
	t.Helper()
	c := config("198.18.0.0/15")
	c.AllowReserved, c.Granularity4, c.MaxTargets, c.Seed = true, 32, targets, "early"
	c.Strategy.Strategy, c.Wait = strategy, earlyWait
	s, err := newScan(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	s.plan.Source4 = faulty.Source4
	s.newSleeper = func(time.Duration) sender.Sleeper { return faulty.Sleeper{Clock: s.time.Clock} }
	built, err := codec.New(s.plan.CodecConfig())
	if err != nil {
		t.Fatal(err)
	}
	s.session = new(faulty.Link).Session(built)
	sink := writerFunc(func(b []byte) (int, error) {
		if bytes.Contains(b, []byte(`{"type":"trace",`)) {
			written = append(written, time.Now())
		}
		return len(b), nil
	})
	if s.files, err = fileset.Create(s.cfg.paths(), sink, outfile.Keep); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	if err := s.run(t.Context(), context.Background()); err != nil {
		t.Fatal(err)
	}
	return began, written
}
