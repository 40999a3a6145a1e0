package traceroute

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/faulty"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/sender"
)

// newRig returns a trace on a faulty link.
func newRig(t *testing.T, l *faulty.Link, json bool, out io.Writer) *tracer {
	t.Helper()
	c := &Config{
		Method: probe.UDP, FirstTTL: 1, MaxTTL: 20, Attempts: 3, Flows: 1, DstPort: 33434, Numeric: true,
		Patience: Patience{Max: time.Second, Here: 3, Near: 10}, Observer: observe.Nobody{}, Stdout: l.Writer(out),
	}
	if json {
		c.Traces = func(out io.Writer) format.Writer { return ndjson.NewWriter(out, ndjson.Config{Bare: true}) }
	}
	b, err := newBatch(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	r := newTracer(b, b.cfg, "host", netip.MustParseAddr("198.18.0.1"), c.Stdout)
	r.newSleeper = func() sender.Sleeper { return faulty.Sleeper{Clock: r.time.Clock} }
	built, err := codec.New(codec.Config{
		Method: c.Method, DstPort: c.DstPort, Flows: 1, MinTTL: 1, MaxTTL: c.MaxTTL, Attempts: 3, Source4: faulty.Source4,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.session = l.Session(built)
	if err := r.build(); err != nil {
		t.Fatal(err)
	}
	return r
}

// A stage that fails, at any moment, ends the trace within a second with its error, in
// text and in records.
func TestStageFails(t *testing.T) {
	const probes = 60 // nothing answers
	for _, part := range []faulty.Part{faulty.Port, faulty.Source, faulty.Monitor, faulty.Sink} {
		for _, after := range []int64{0, 1, 20, probes} {
			for _, asJSON := range []bool{false, true} {
				if part == faulty.Port && after == probes {
					continue // nothing is sent by then
				}
				synctest.Test(t, func(t *testing.T) {
					var out bytes.Buffer
					l := &faulty.Link{Breaks: part, After: after}
					err := newRig(t, l, asJSON, &out).run(t.Context(), context.Background())
					if !errors.Is(err, faulty.ErrBroken) {
						t.Errorf("%s after %d probes, JSON %v: run = %v", part, after, asJSON, err)
					}
					if took, broken := l.Since(); !broken || took > time.Second {
						t.Errorf("%s after %d probes, JSON %v: it took %v to end", part, after, asJSON, took)
					}
					for line := range strings.Lines(out.String()) {
						if asJSON && !json.Valid([]byte(line)) {
							t.Errorf("not a record: %.80q", line)
						}
					}
				})
			}
		}
	}
}

// A trace ends by a signal and by two, with any time between them.
func TestSignals(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		for _, gap := range []time.Duration{-1, 0, 100 * time.Microsecond, 2 * time.Millisecond, 100 * time.Millisecond} {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				ctx, kill := context.WithCancel(t.Context())
				defer kill()
				interrupted, interrupt := context.WithCancel(t.Context())
				defer interrupt()
				l := &faulty.Link{Breaks: "signal", After: 20}
				r := newRig(t, l, asJSON, &out)
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for !l.Due("signal") {
						time.Sleep(time.Millisecond)
					}
					interrupt()
					if gap >= 0 {
						time.Sleep(gap)
						kill()
					}
				}()
				err := r.run(ctx, interrupted)
				took, _ := l.Since()
				<-ended
				if took > time.Second || err != nil && !errors.Is(err, run.ErrKilled) {
					t.Errorf("JSON %v, %v between two signals: run = %v after %v", asJSON, gap, err, took)
				}
			})
		}
	}
}
