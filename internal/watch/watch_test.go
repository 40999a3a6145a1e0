package watch

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/faulty"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/sender"
)

var targets = []board.Target{{Addr: netip.MustParseAddr("198.18.0.1")}, {Addr: netip.MustParseAddr("198.18.0.2")}}

// keyConfig is a configuration of a codec for the tests.
func keyConfig() codec.Config {
	return codec.Config{
		Method: probe.UDP, Seed: plan.SeedOf("seed"), Key: plan.SeedOf("key"), DstPort: 33434, Flows: 2,
		MinTTL: 1, MaxTTL: 10, Attempts: keyed, Source4: faulty.Source4,
	}
}

// brokenSink fails once it is due.
type brokenSink struct{ *faulty.Link }

func (b brokenSink) Sample(*board.Sample) error {
	if b.Due(faulty.Sink) {
		return faulty.ErrBroken
	}
	return nil
}
func (b brokenSink) Change(*board.Change) error { return nil }

// newRig returns a watch on a link that answers nothing.
func newRig(t *testing.T, l *faulty.Link, count uint32) *Watch {
	t.Helper()
	c := Config{
		Targets: targets, Flows: 2, Method: probe.UDP, FirstTTL: 1, MaxTTL: 10, DstPort: 33434,
		Interval: time.Second, Wait: 2 * time.Second, Count: count, Sink: brokenSink{l},
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	w, err := newWatch(c)
	if err != nil {
		t.Fatal(err)
	}
	w.newSleeper = func() sender.Sleeper { return faulty.Sleeper{Clock: w.time.Clock} }
	built, err := codec.New(keyConfig())
	if err != nil {
		t.Fatal(err)
	}
	w.session = l.Session(built)
	if err := w.build(keyConfig()); err != nil {
		t.Fatal(err)
	}
	return w
}

// A stage that fails, at any moment, ends the watch within a second with its error.
func TestStageFails(t *testing.T) {
	for _, part := range []faulty.Part{faulty.Port, faulty.Source, faulty.Monitor, faulty.Sink} {
		for _, after := range []int64{0, 1, 100} {
			synctest.Test(t, func(t *testing.T) {
				l := &faulty.Link{Breaks: part, After: after}
				err := newRig(t, l, 0).Run(t.Context(), context.Background())
				if !errors.Is(err, faulty.ErrBroken) {
					t.Errorf("%s after %d probes: Run = %v", part, after, err)
				}
				if took, broken := l.Since(); !broken || took > time.Second {
					t.Errorf("%s after %d probes: it took %v to end", part, after, took)
				}
			})
		}
	}
}

// A watch of n cycles sends as many, waits for their answers, and ends.
func TestCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRig(t, &faulty.Link{}, 3)
		began := time.Now()
		if err := w.Run(t.Context(), context.Background()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 4*time.Second || took > 6*time.Second {
			t.Errorf("3 cycles took %v", took)
		}
		w.View(func(b *board.Board) {
			for _, target := range b.Targets {
				for _, p := range target.Flows {
					if h := p.Hop(1); h == nil || h.Sent != 3 || h.Received != 0 {
						t.Errorf("TTL 1 of flow %d: %+v", p.Flow, h)
					}
				}
			}
		})
	})
}

// An interrupted watch ends at once.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRig(t, &faulty.Link{}, 0)
		interrupted, interrupt := context.WithTimeout(t.Context(), 5*time.Second)
		defer interrupt()
		began := time.Now()
		err := w.Run(t.Context(), interrupted)
		if took := time.Since(began); !errors.Is(err, run.ErrInterrupted) || took > 6*time.Second {
			t.Errorf("Run = %v after %v", err, took)
		}
	})
}

// A paused watch sends nothing.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newRig(t, &faulty.Link{}, 0)
		w.Pause(true)
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		_ = w.Run(t.Context(), ctx)
		if w.board.Cycles != 0 {
			t.Errorf("%d cycles were begun", w.board.Cycles)
		}
	})
}

// A request that makes no sense is refused with its field.
func TestCheck(t *testing.T) {
	base := Config{Targets: targets, Flows: 1, Interval: time.Second}
	twice, many, fast, none := base, base, base, base
	twice.Targets = []board.Target{targets[0], targets[0]}
	many.Flows, fast.Interval, none.Targets = MostPaths, time.Millisecond, nil
	for field, c := range map[string]Config{"Targets": twice, "Flows": many, "Interval": fast} {
		err := c.check()
		if err == nil {
			_, err = newWatch(c)
		}
		if wrong, ok := errors.AsType[*plan.ConfigError](err); !ok || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if none.check() == nil {
		t.Error("no target is accepted")
	}
}

// Every cycle has its own tags, and the fields that balancers hash are the same in all of them. An
// answer to a cycle is told apart from those of the seven others, and an older one is refused.
func TestKeyring(t *testing.T) {
	for _, method := range []probe.Method{probe.UDP, probe.ICMP, probe.TCPSYN, probe.TCPACK} {
		cfg := keyConfig()
		if cfg.Method = method; method == probe.ICMP {
			cfg.DstPort = 0
		}
		first, err := codec.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		k := newCycleKeys(first, cfg)
		target := probe.AddrFrom(targets[0].Addr)
		var flow probe.Flow
		seen := map[string]uint32{}
		var codecs []*codec.Codec
		for cycle := range uint32(16) {
			c, attempt, fresh, err := k.codecOf(cycle)
			if err != nil || fresh != (cycle%keyed == 0) {
				t.Fatalf("%s, cycle %d: fresh %v, %v", method, cycle, fresh, err)
			}
			if cycle == 0 {
				flow = c.Flow(target, 1)
			}
			if got := c.Flow(target, 1); got != flow {
				t.Errorf("%s: the flow of cycle %d is %+v, that of the first %+v", method, cycle, got, flow)
			}
			var p codec.Prepared
			var buf [codec.MaxSize]byte
			c.Prepare(&p, target, 1)
			n := c.Encode(buf[:], &p, 5, attempt)
			if before, twice := seen[string(buf[:n])]; twice {
				t.Errorf("%s: the probes of cycles %d and %d are the same", method, before, cycle)
			}
			seen[string(buf[:n])] = cycle
			codecs = append(codecs, c)
		}
		valid := 0
		for i := 0; i < len(codecs); i += keyed {
			if k.IsLive(codecs[i]) {
				valid++
			}
		}
		if valid != 2 || codecs[12] == codecs[8] || codecs[12] != codecs[15] {
			t.Errorf("%s: %d of 4 keys are valid", method, valid)
		}
	}
}
