package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// rig is a scan on a network that answers nothing, on the virtual clock of a synctest
// bubble. A part of it breaks after so many probes.
type rig struct {
	*scan
	out     bytes.Buffer
	capture string

	breaks string // part that breaks
	after  int64  // probes
	ended  bool   // or once all probes are sent, and replies are waited for

	probes int64
	sent   atomic.Int64
	once   sync.Once
	broken chan struct{} // closed when the part breaks
	at     time.Time     // when it did
}

// errBroken is the error of the part that breaks.
var errBroken = errors.New("broken on purpose")

// due reports whether the part is to break now.
func (r *rig) due(part string) bool {
	if part != r.breaks || r.sent.Load() < r.after {
		return false
	}
	r.once.Do(func() { r.at = time.Now(); close(r.broken) })
	return true
}

// rigPort is the port of a rig.
type rigPort struct {
	*rig
	packets [sender.MaxBatch][codec.MaxSize]byte
}

func (p *rigPort) Packet(i int, _ bool) []byte { return p.packets[i][:] }

func (p *rigPort) Send(_ []int, from, to int) (int, error) {
	if p.due("port") {
		return 0, errors.Join(errBroken, unix.EPERM) // a firewall
	}
	p.sent.Add(int64(to - from))
	return to - from, nil
}

func (p *rigPort) Close() error { return nil }

// rigLive is the source of frames of a rig: there are none.
type rigLive struct{ *rig }

func (l rigLive) Next() ([]byte, int64, error) {
	time.Sleep(5 * time.Millisecond)
	if l.due("source") {
		return nil, 0, errBroken
	}
	return nil, 0, receiver.ErrIdle
}

func (rigLive) LinkType() int                  { return 101 } // raw IP
func (rigLive) Drops() (uint64, uint64, error) { return 0, 0, nil }
func (rigLive) Close()                         {}

// rigMonitor is the link of a rig: always up.
type rigMonitor struct{ *rig }

func (rigMonitor) State() link.State                { return link.Up }
func (rigMonitor) Counters() (link.Counters, error) { return link.Counters{}, nil }
func (rigMonitor) Close()                           {}

func (m rigMonitor) Run(ctx context.Context, _ func(link.State)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Millisecond):
			if m.due("monitor") {
				return errBroken
			}
		}
	}
}

// rigSleeper sleeps on the clock of the bubble.
type rigSleeper struct{ clock *ratelimit.Clock }

func (s rigSleeper) Until(ctx context.Context, at int64) error {
	select {
	case <-time.After(time.Duration(at - s.clock.Now())):
	case <-ctx.Done():
	}
	return ctx.Err()
}

// Write is the output of a rig.
func (r *rig) Write(b []byte) (int, error) {
	if r.due("sink") {
		return 0, errBroken
	}
	return r.out.Write(b)
}

// newRig returns a scan of twelve windows.
func newRig(t *testing.T, breaks string, after float64) *rig {
	t.Helper()
	r := &rig{breaks: breaks, broken: make(chan struct{}), capture: filepath.Join(t.TempDir(), "capture")}
	c := &Config{Output: "-", Stdout: r}
	c.Targets, c.AllowReserved = []string{"198.18.0.0/18"}, true
	c.Seed, c.Key, c.Granularity4, c.PerPrefix = "rig", strings.Repeat("00", 16), 24, 1
	c.Method, c.MinTTL, c.MaxTTL, c.DstPort, c.Flows, c.Attempts = probe.UDP, 1, 8, 33434, 1, 1
	c.Strategy.Strategy, c.RatePPS, c.Wait, c.Memory, c.Records = plan.Exhaustive, 100, 500*time.Millisecond, 1<<30, record.Both
	var err error
	if r.scan, err = newScan(c); err != nil {
		t.Fatal(err)
	}
	r.plan.Shape.Targets = 6
	r.plan.CountWindows()
	if r.plan.Windows < 10 {
		t.Fatalf("only %d windows", r.plan.Windows)
	}
	r.probes = int64(r.plan.Probes())
	r.after = int64(after * float64(r.probes))
	r.newSleeper = func(time.Duration) sender.Sleeper { return rigSleeper{r.time.Clock} }
	r.plan.Source4 = netip.MustParseAddr("192.0.2.1")
	built, err := codec.New(r.plan.CodecConfig())
	if err != nil {
		t.Fatal(err)
	}
	r.session = &session.Session{
		Paths: &session.Paths{Source4: r.plan.Source4}, Codec: built, Monitor: rigMonitor{r},
		Ports: []sender.Port{&rigPort{rig: r}}, Live: rigLive{r}, IO: "packet",
	}
	if r.scan.capture, err = capture.Create(capture.Config{
		Path: r.capture, Key: c.Key, LinkType: 101, Senders: 1,
	}, r.plan.Params, r.plan.Include, r.plan.Exclude); err != nil {
		t.Fatal(err)
	}
	if r.file, err = outfile.Open("-", r); err != nil {
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

// A stage that fails, at any moment, ends the run within a second with its error, whole
// records, and a capture that does not claim to be whole.
func TestStageFails(t *testing.T) {
	for _, part := range []string{"port", "source", "monitor"} {
		for _, phase := range []struct {
			name  string
			after float64 // share of the probes
		}{{"at once", 0}, {"in the first window", 0.02}, {"in the fifth", 0.45}, {"in the last", 0.99}, {"while it waits", 1}} {
			if part == "port" && phase.after == 1 {
				continue // nothing is sent by then
			}
			t.Run(part+" "+phase.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, part, phase.after)
					err := r.run(t.Context(), context.Background())
					<-r.broken
					if !errors.Is(err, errBroken) {
						t.Errorf("run = %v, want %v", err, errBroken)
					}
					if took := time.Since(r.at); took > time.Second {
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
			r := newRig(t, "sink", after)
			err := r.run(t.Context(), context.Background())
			partial := new(run.Incomplete)
			if !errors.Is(err, errBroken) || !errors.As(err, &partial) {
				t.Errorf("after %v of the probes: run = %v, want an incomplete one by %v", after, err, errBroken)
			}
			<-r.broken
			r.checkLines(t, false)
			if took := time.Since(r.at); after < 1 && took > r.cfg.Wait+time.Second {
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
				go func() {
					for !r.due("signal") {
						select {
						case <-time.After(time.Millisecond):
						case <-done:
							return
						}
					}
					interrupt()
					if signals == 2 {
						time.Sleep(time.Millisecond)
						kill()
					}
				}()
				err := r.run(ctx, interrupted)
				close(done)
				partial := new(run.Incomplete)
				switch {
				case phase > 1: // never
					if err != nil {
						t.Errorf("run = %v", err)
					}
					r.checkLines(t, true)
				case signals == 1 && phase < 1:
					if !errors.As(err, &partial) || time.Since(r.at) > r.cfg.Wait+time.Second {
						t.Errorf("one signal at %v: run = %v after %v, want an incomplete one", phase, err, time.Since(r.at))
					}
					r.checkLines(t, true)
				case signals == 2:
					if !errors.Is(err, run.ErrKilled) || !errors.As(err, &partial) || time.Since(r.at) > time.Second {
						t.Errorf("two signals at %v: run = %v after %v", phase, err, time.Since(r.at))
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

// A pipe that nobody reads does not keep a scan from ending.
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
			return 0, errBroken
		})
		var err error
		if r.file, err = outfile.Open("-", full); err != nil {
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
