package watch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// Watch is a watch with open resources. View, Pause and Reset may be called from any goroutine.
type Watch struct {
	cfg        Config
	time       session.Timeline
	session    *session.Session
	keys       cycleKeys
	receiver   *receiver.Receiver
	newSleeper func() sender.Sleeper
	targets    map[probe.Addr]int
	patience   sender.Patience

	mu     sync.Mutex
	board  *board.Board
	cycles cycles
	doubts doubts
	paused bool
	run    *run.Run // set by Run
	sink   error    // the first error of the sink
}

// captureRing is room for answers that wait to be read, in bytes.
const captureRing = 8 << 20

// Open finds the way to the targets and opens everything. The caller must close the watch.
// A *plan.ConfigError is that the request makes no sense.
func Open(ctx context.Context, c Config) (*Watch, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	w, err := newWatch(c)
	if err != nil {
		return nil, err
	}
	if err := link.MayCapture(); err != nil {
		return nil, err
	}
	if err := w.open(ctx); err != nil {
		w.Close()
		return nil, link.Permission(err)
	}
	return w, nil
}

// check refuses a wrong request, and sets defaults.
func (c *Config) check() error {
	if c.Observer == nil {
		c.Observer = observe.Nobody{}
	}
	if c.Opened == nil {
		c.Opened = func() error { return nil }
	}
	switch {
	case len(c.Targets) == 0:
		return plan.Refuse("Targets", "there is no target")
	case len(c.Targets)*c.Flows > MostPaths:
		return plan.Refuse("Flows", "%d targets with %d flows are more than %d paths", len(c.Targets), c.Flows, MostPaths)
	case c.Interval < LeastInterval:
		return plan.Refuse("Interval", "%v is shorter than %v", c.Interval, LeastInterval)
	}
	c.Wait = min(c.Wait, MostWait(c.Interval))
	return nil
}

func newWatch(c Config) (w *Watch, err error) {
	w = &Watch{cfg: c, board: board.New(c.Targets, c.Flows), targets: make(map[probe.Addr]int, len(c.Targets))}
	for i, t := range c.Targets {
		a := probe.AddrFrom(t.Addr)
		if at, twice := w.targets[a]; twice {
			return nil, plan.Refuse("Targets", "%s and %s are the same address, %s", c.Targets[at].Name, t.Name, t.Addr)
		}
		w.targets[a] = i
	}
	w.cycles.init(len(c.Targets) * c.Flows)
	w.doubts.init(len(c.Targets) * c.Flows)
	if w.time, err = session.NewTimeline(); err != nil {
		return nil, err
	}
	w.newSleeper = func() sender.Sleeper { return timers{w.time.Clock} }
	return w, nil
}

// open opens the session. All targets must leave by one link.
func (w *Watch) open(ctx context.Context) error {
	c := session.Config{Interface: w.cfg.Interface, ReceiveBuffer: captureRing, Queue: true, Immediate: true, Pause: pause(w.cfg.Interval)}
	if w.cfg.Source.IsValid() {
		c.Sources = []netip.Addr{w.cfg.Source}
	}
	paths, err := w.findPaths(ctx, c)
	if err != nil {
		return err
	}
	cfg := codec.Config{
		Method: w.cfg.Method, Seed: plan.SeedOf(plan.RandomHex(16)), Key: plan.SeedOf(plan.RandomHex(16)),
		DstPort: w.cfg.DstPort, TOS: w.cfg.TOS, Flows: w.cfg.Flows,
		MinTTL: w.cfg.FirstTTL, MaxTTL: w.cfg.MaxTTL, Attempts: keyed,
	}
	if w.session, err = session.Open(paths, cfg, c); err != nil {
		return err
	}
	cfg.Source4, cfg.Source6, cfg.Avoid = paths.Source4, paths.Source6, w.session.Avoid
	if err := w.build(cfg); err != nil {
		return err
	}
	return w.cfg.Opened()
}

// build makes the stages around the session.
func (w *Watch) build(cfg codec.Config) (err error) {
	if _, resets := w.session.Paths.Refuse(w.cfg.Method, w); resets != nil {
		return plan.Refuse("Source", "TCP SYN needs a source address of this machine: its kernel must reset the connections that targets accept")
	}
	w.keys = newCycleKeys(w.session.Codec, cfg)
	w.receiver, err = receiver.New(w.session.Live, w.keys, w.time)
	return err
}

// findPaths finds the way out for each family.
func (w *Watch) findPaths(ctx context.Context, c session.Config) (*session.Paths, error) {
	first := w.cfg.Targets[0].Addr
	paths, err := session.FindTo(ctx, first, c)
	if err != nil {
		return nil, err
	}
	other := ""
	for _, t := range w.cfg.Targets {
		if t.Addr.Is4() != first.Is4() {
			other = paths.AddTo(ctx, t.Addr, c)
			break
		}
	}
	strays, err := paths.Strays(ctx, c)
	if err != nil {
		return nil, err
	}
	defer strays.Close()
	for _, t := range w.cfg.Targets {
		source := paths.Source6
		if t.Addr.Is4() {
			source = paths.Source4
		}
		switch {
		case !source.IsValid() && other != "":
			return nil, paths.Elsewhere(t.Addr, other)
		case !source.IsValid():
			return nil, plan.Refuse("Targets", "there is no route to %s", t.Addr)
		}
		if err := strays.Check(t.Addr); err != nil {
			return nil, err
		}
	}
	if paths.ForeignSource {
		w.cfg.Observer.Event(observe.Warning(fmt.Sprintf("warning: %s is not an address of this machine; replies arrive only if they are routed here", paths.Source)))
	}
	return paths, nil
}

// Close closes all resources.
func (w *Watch) Close() { w.session.Close() }

// Run probes until all cycles are over; then it returns nil. When interrupted ends, or ctx, it ends
// at once, with run.ErrInterrupted or run.ErrKilled. It may be called once.
func (w *Watch) Run(ctx, interrupted context.Context) error {
	r := run.New(ctx)
	defer r.Close()
	w.run = r
	w.cfg.Observer.Event(observe.Began{})
	defer r.StopWhen(interrupted, run.ErrInterrupted, func() { r.Finish() })()
	r.Go("send", func() error { return w.send(r) })
	r.Go("receive", func() error {
		err := w.receiver.Run(r.Lasting(), w)
		if err == nil && r.Lasting().Err() == nil {
			err = errors.New("the capture of frames ended unexpectedly")
		}
		return err
	})
	r.Go("watch link", func() error { return w.session.Watch(r.Lasting(), w.cfg.Observer, r.Stop) })
	err := r.Wait()
	switch {
	case err != nil:
		return err
	case w.sink != nil:
		return run.OutputFailed(w.sink)
	}
	return r.Cause()
}

// View calls f with the board, which f must neither change nor keep.
func (w *Watch) View(f func(b *board.Board)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w.board)
}

// Pause stops the sending, or lets it go on. The cycle that has begun is finished.
func (w *Watch) Pause(stop bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = stop
}

// Reset forgets all statistics.
func (w *Watch) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.board.Reset()
}
