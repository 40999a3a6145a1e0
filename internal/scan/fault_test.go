package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/faulty"
	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/sender"
)

// rig is a scan on a faulty link.
type rig struct {
	*scan
	*faulty.Link
	out     bytes.Buffer
	capture string
}

// newRig returns a scan of twelve windows.
func newRig(t *testing.T, breaks faulty.Part, after float64) *rig {
	t.Helper()
	r := &rig{Link: &faulty.Link{Breaks: breaks}, capture: filepath.Join(t.TempDir(), "capture")}
	c := &Config{Output: "-"}
	c.Targets, c.AllowReserved = []string{"198.18.0.0/18"}, true
	c.Seed, c.Key, c.Granularity4, c.PerPrefix = "rig", strings.Repeat("00", 16), 24, 1
	c.Method, c.MinTTL, c.MaxTTL, c.DstPort, c.Flows, c.Attempts = probe.UDP, 1, 8, 33434, 1, 1
	c.Strategy.Strategy, c.RatePPS, c.Wait, c.Memory, c.Records = plan.Exhaustive, 100, 500*time.Millisecond, 1<<30, record.Both
	var err error
	if r.scan, err = newScan(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	r.plan.Shape.Targets = 6
	r.plan.CountWindows()
	if r.plan.Windows < 10 {
		t.Fatalf("only %d windows", r.plan.Windows)
	}
	r.After = int64(after * float64(r.plan.Probes()))
	r.newSleeper = func(time.Duration) sender.Sleeper { return faulty.Sleeper{Clock: r.time.Clock} }
	r.plan.Source4 = faulty.Source4
	built, err := codec.New(r.plan.CodecConfig())
	if err != nil {
		t.Fatal(err)
	}
	r.session = r.Session(built)
	if r.scan.capture, err = capture.Create(capture.Config{
		Path: r.capture, Key: c.Key, LinkType: faulty.LinkType, Senders: 1,
	}, r.plan.Params, r.plan.Include, r.plan.Exclude); err != nil {
		t.Fatal(err)
	}
	if r.files, err = fileset.Create(r.cfg.paths(), r.Writer(&r.out), outfile.Keep); err != nil {
		t.Fatal(err)
	}
	return r
}

// whole reports whether the capture of the rig has a note that it is.
func (r *rig) whole(t *testing.T) (whole bool) {
	t.Helper()
	f, err := pcapng.OpenFile(r.capture, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var e pcapng.Entry
	for f.Read(&e) == nil {
		var n capture.Note
		whole = whole || json.Unmarshal(e.Note, &n) == nil && n.End != nil
	}
	return whole
}

// checkLines wants whole lines of JSON, with a summary or without.
func (r *rig) checkLines(t *testing.T, summary bool) {
	t.Helper()
	text := r.out.String()
	if text != "" && !strings.HasSuffix(text, "\n") {
		t.Error("the last line is cut")
	}
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not a record: %.80s", line)
		}
	}
	if got := strings.Contains(text, `"type":"summary"`); got != summary {
		t.Errorf("summary: %v, want %v", got, summary)
	}
}

// A stage that fails at any moment ends the run within a second. It ends with the error of
// the stage, whole records, and a capture without an end note.
func TestStageFails(t *testing.T) {
	for _, part := range []faulty.Part{faulty.Port, faulty.Source, faulty.Monitor} {
		for _, phase := range []struct {
			name  string
			after float64 // share of the probes
		}{{"at once", 0}, {"in the first window", 0.02}, {"in the fifth", 0.45}, {"in the last", 0.99}, {"while it waits", 1}} {
			if part == faulty.Port && phase.after == 1 {
				continue // nothing is sent by then
			}
			t.Run(string(part)+" "+phase.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, part, phase.after)
					err := r.run(t.Context(), context.Background())
					if !errors.Is(err, faulty.ErrBroken) {
						t.Errorf("run = %v, want %v", err, faulty.ErrBroken)
					}
					if took, broken := r.Since(); !broken || took > time.Second {
						t.Errorf("it took %v to end", took)
					}
					r.checkLines(t, false)
					if r.whole(t) {
						t.Error("the capture claims to be whole")
					}
				})
			})
		}
	}
}

// An output that fails stops the sending; the run waits for replies and reports it.
func TestOutputFails(t *testing.T) {
	for _, after := range []float64{0.02, 0.45, 0.99, 1} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, faulty.Sink, after)
			err := r.run(t.Context(), context.Background())
			partial := new(run.Incomplete)
			if !errors.Is(err, faulty.ErrBroken) || !errors.As(err, &partial) {
				t.Errorf("after %v of the probes: run = %v, want an incomplete one by %v", after, err, faulty.ErrBroken)
			}
			r.checkLines(t, false)
			if took, broken := r.Since(); !broken || after < 1 && took > r.cfg.Wait+time.Second {
				t.Errorf("after %v of the probes it took %v to end", after, took)
			}
		})
	}
}

// A scan ends by itself, by a signal and by two, at any moment.
func TestSignals(t *testing.T) {
	for _, phase := range []float64{0, 0.02, 0.45, 0.99, 1, 2} {
		for _, signals := range []int{1, 2} {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "signal", phase)
				ctx, kill := context.WithCancel(t.Context())
				interrupted, interrupt := context.WithCancel(t.Context())
				defer kill()
				defer interrupt()
				done := make(chan struct{})
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for !r.Due("signal") {
						select {
						case <-time.After(time.Millisecond):
						case <-done:
							return
						}
					}
					if signals == 2 {
						kill() // before the first one's end
					}
					interrupt()
				}()
				err := r.run(ctx, interrupted)
				close(done)
				<-ended
				partial := new(run.Incomplete)
				took, _ := r.Since()
				switch {
				case phase > 1: // never
					if err != nil {
						t.Errorf("run = %v", err)
					}
					r.checkLines(t, true)
				case signals == 1 && phase < 1:
					if !errors.As(err, &partial) || took > r.cfg.Wait+time.Second {
						t.Errorf("one signal at %v: run = %v after %v, want an incomplete one", phase, err, took)
					}
					r.checkLines(t, true)
				case signals == 2:
					if !errors.Is(err, run.ErrKilled) || !errors.As(err, &partial) || took > time.Second {
						t.Errorf("two signals at %v: run = %v after %v", phase, err, took)
					}
					r.checkLines(t, false)
				}
				if whole := r.whole(t); whole != (phase > 1 || signals == 1) {
					t.Errorf("%d signals at %v: the capture claims to be whole: %v", signals, phase, whole)
				}
			})
		}
	}
}

// A pipe without a reader does not stop a scan from ending.
func TestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "", 0)
		release := make(chan struct{})
		defer close(release)
		head := true // written before any stage runs
		full := writerFunc(func(b []byte) (int, error) {
			if head {
				head = false
				return len(b), nil
			}
			<-release
			return 0, faulty.ErrBroken
		})
		var err error
		if r.files, err = fileset.Create(r.cfg.paths(), full, outfile.Keep); err != nil {
			t.Fatal(err)
		}
		ctx, kill := context.WithTimeout(t.Context(), time.Minute)
		defer kill()
		began := time.Now()
		err = r.run(ctx, context.Background())
		held := new(run.HeldError)
		if !errors.As(err, &held) || len(held.Stages) != 1 || time.Since(began) > time.Minute+time.Second {
			t.Errorf("run = %v after %v", err, time.Since(began))
		}
	})
}

// writerFunc is a Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
