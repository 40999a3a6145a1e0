package list

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/findings"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/gather"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// list sends the probes of a list, in its order, and nothing else. A list may name any
// probe at any time, so arithmetic cannot find a slot. The probes in flight are in the
// table of a Gatherer. Sender and receiver share it, under a lock that each takes for a
// batch.
type list struct {
	cfg     *Config
	time    session.Timeline
	observe observe.Observer
	in      *reader
	exclude target.Set
	key     [16]byte
	params  plan.Params
	codec   *codec.Listed
	// newSleeper makes the sleeper of the sender, on its thread.
	newSleeper func(spin time.Duration) sender.Sleeper

	session *session.Session
	capture *capture.Capture // nil if no capture is wanted
	files   *fileset.Files
	writer  fileset.Lines
	found   *findings.Counter // nil if no traces are written

	first   codec.Line // which shows the way out
	pending batch      // read, not sent
	fed     chan batch
	bad     error // a line that is wrong, which ended the list

	strays   *session.Strays         // nil if all lines leave in the same way
	way      *session.Paths          // nil in a dry run without one
	other    string                  // the way of the other family, if it leaves by another link
	leftOut  leftOut                 // lines that were not sent
	repeats  [2]map[codec.Line]uint8 // which attempt is next; the older half is forgotten
	receiver *receiver.Receiver

	supervisor *run.Run
	began      int64 // on the time line, as ended
	ended      int64

	mu       sync.Mutex
	gather   gather.Listed
	failed   account.TxErrorsBy // probes that the kernel never took
	patience sender.Patience
	upTo     int64 // replies stamped before are matched
	writeErr error
}

// mostRepeats is how many different lines are remembered in each half.
const mostRepeats = 1 << 20

// Run sends the probes of c. When interrupted ends, it stops sending, waits for replies and
// writes all records. When ctx ends, it ends at once, with whole records. Errors are as
// those of a scan.
func Run(ctx, interrupted context.Context, c Config) error {
	l, err := newList(&c)
	if err != nil {
		return err
	}
	defer l.in.close()
	defer func() { l.strays.Close() }()
	if err := l.open(ctx); err != nil {
		l.session.Close()
		return link.Permission(errors.Join(err, l.files.Discard(), l.capture.Discard()))
	}
	defer l.session.Close()
	return l.run(ctx, interrupted)
}

// newList reads exclusions and the first line.
func newList(c *Config) (*list, error) {
	c.withDefaults()
	if err := c.CheckFiles(); err != nil {
		return nil, err
	}
	l := &list{cfg: c, observe: c.Observer}
	for i := range l.repeats {
		l.repeats[i] = map[codec.Line]uint8{}
	}
	var err error
	if l.key, err = plan.KeyOf(c.Key); err != nil {
		return nil, err
	}
	if l.exclude, err = c.lists().Excluded(); err != nil {
		return nil, err
	}
	if l.time, err = session.NewTimeline(); err != nil {
		return nil, err
	}
	l.newSleeper = func(spin time.Duration) sender.Sleeper { return ratelimit.NewSleeper(l.time.Clock, spin) }
	if l.in, err = open(c.Probes, c.Stdin); err != nil {
		return nil, err
	}
	err = l.in.next(&l.first)
	if err == io.EOF {
		err = plan.Refuse("Probes", "%s has no probes", l.in.name)
	}
	if err != nil {
		l.in.close()
		return nil, err
	}
	l.pending.lines = []codec.Line{l.first}
	start := time.Now()
	l.params = plan.Params{
		Masstrace: plan.ParamsVersion, Run: plan.RunID(start), Hostname: plan.Hostname(), StartNS: start.UnixNano(),
		Tool: c.Tool, Argv: c.Argv, KeyID: plan.KeyID(l.key), Method: plan.ListMethod, TOS: c.TOS,
		RatePPS: c.RatePPS, Burst: c.Burst, WaitNS: int64(c.Wait),
		Shape:   window.Shape{FirstTTL: 1, LastTTL: probe.MaxTTL, Flows: 1, Attempts: probe.MaxAttempts},
		Senders: 1, ExcludeSHA256: l.exclude.Digest(),
	}
	return l, nil
}

// wayOut are addresses of root name servers in both families. Only their route is looked
// up, to find the way of the family that the first line does not have.
var wayOut = map[bool]netip.Addr{
	true: netip.AddrFrom4([4]byte{198, 41, 0, 4}), false: netip.MustParseAddr("2001:503:ba3e::2:30"),
}

// findPaths finds the way out, of the first line's family and if there is one of the
// other.
func (l *list) findPaths(ctx context.Context, c session.Config) (*session.Paths, error) {
	paths, err := session.FindTo(ctx, l.first.Target.Netip(), c)
	if err != nil {
		return nil, err
	}
	l.way, l.other = paths, paths.AddTo(ctx, wayOut[!l.first.Target.Is4()], c)
	if l.strays, err = paths.Strays(ctx, c); err != nil {
		return nil, err
	}
	l.params.Source4, l.params.Source6, l.params.Link = paths.Source4, paths.Source6, paths.Name
	return paths, nil
}

// makeCodec makes the codec for the sources that were found, and works out the rate, which
// may depend on the size of probes.
func (l *list) makeCodec() (err error) {
	c := codec.ListedConfig{Key: l.key, TOS: l.cfg.TOS, Source4: l.params.Source4, Source6: l.params.Source6}
	if !c.Source4.IsValid() && !c.Source6.IsValid() {
		c.Source4, c.Source6 = plan.ExampleSource4, plan.ExampleSource6
	}
	if l.codec, err = codec.NewListed(c); err != nil {
		return &plan.ConfigError{Err: err}
	}
	p := &l.params
	if l.cfg.Bandwidth > 0 {
		p.RatePPS = l.cfg.Bandwidth / plan.WireBits(l.codec.Size(l.first.Method, l.first.Target.Is4()))
	}
	if p.Burst == 0 {
		p.Burst = ratelimit.DefaultBurst(p.RatePPS)
	}
	return nil
}

// open finds the way out and opens everything.
func (l *list) open(ctx context.Context) error {
	if err := link.MayCapture(); err != nil {
		return err
	}
	paths, err := l.findPaths(ctx, l.cfg.Link)
	if err != nil {
		return err
	}
	if err := l.makeCodec(); err != nil {
		return err
	}
	if l.session, err = session.OpenListed(paths, l.codec.Filter(), l.cfg.Link); err != nil {
		return err
	}
	l.params.IO = l.session.IO
	if text := l.cfg.paths().Lacks(l.cfg.Records); text != "" {
		l.observe.Event(observe.Notice(text))
	}
	if l.files, err = fileset.Create(l.cfg.paths(), l.cfg.Stdout, l.cfg.Existing); err != nil {
		return err
	}
	if l.cfg.Capture != "" {
		if l.capture, err = capture.Create(capture.Config{
			Path: l.cfg.Capture, Existing: l.cfg.Existing, Key: l.cfg.Key, LinkType: l.session.Live.LinkType(), Senders: 1,
			Head4: paths.Head(true), Head6: paths.Head(false),
		}, l.params, nil, target.Set{}); err != nil {
			return err
		}
	}
	return l.cfg.Opened()
}

// run starts every goroutine, waits for them, and sums up.
func (l *list) run(ctx, interrupted context.Context) error {
	r := run.New(ctx)
	defer r.Close()
	l.supervisor = r
	if err := l.build(); err != nil {
		return err
	}
	l.began = l.time.Now()
	l.observe.Event(observe.Began{})
	announce := func() { l.observe.Event(observe.Stopping{Cause: r.Cause()}) }
	defer r.StopWhen(interrupted, run.ErrInterrupted, announce)()
	defer r.StopAfter(l.cfg.MaxRuntime, run.ErrMaxRuntime, announce)()
	l.start(r)
	err := r.Wait()
	switch held := new(run.HeldError); {
	case errors.As(err, &held): // these stages block their files
		return &run.Incomplete{Err: fmt.Errorf("%w: the output has no summary", err)}
	case errors.Is(err, run.ErrKilled):
		return &run.Incomplete{Err: errors.Join(fmt.Errorf("%w: the output has no summary", err), l.abandon())}
	case err != nil:
		return &run.Incomplete{Err: errors.Join(err, l.abandon())}
	}
	return l.sumUp()
}

// build makes the stages, and writes the first records.
func (l *list) build() (err error) {
	p := &l.params
	l.writer = l.files.Writer(ndjson.Config{Kinds: l.cfg.Records, Run: p.Run, Hostname: p.Hostname})
	l.found = findings.CounterFor(l.cfg.Records)
	l.gather = gather.NewListed(l.codec, findings.Watch(format.Changed(l.writer, l.cfg.Annotate), l.found), l.cfg.Records, p.TOS, l.cfg.Wait)
	if l.receiver, err = receiver.New(l.session.Live, l.codec, l.time); err != nil {
		return err
	}
	if tap := l.capture.Received(); tap != nil {
		l.receiver.Show(laterTap{tap})
	}
	start := &record.CycleStart{Cycle: record.Cycle{Hostname: p.Hostname, Time: p.StartNS / 1e9}}
	about := p.Record()
	about.Files = l.cfg.paths().Names()
	if l.cfg.Annotate != nil {
		l.cfg.Annotate(about)
	}
	if err := errors.Join(l.writer.Write(start), l.writer.Write(about), l.writer.Flush()); err != nil {
		return run.OutputFailed(err)
	}
	return nil
}

// start starts the stages.
func (l *list) start(r *run.Run) {
	l.fed = make(chan batch, 4)
	// The program that writes the list may block a read of it forever.
	r.Leave(func() { l.in.feed(r.Sending(), l.fed) })
	r.Go("send", func() error {
		err := l.send(r)
		l.capture.SentAll()
		if err != nil {
			return err
		}
		if l.await(r.Failed()) {
			l.ended = l.time.Now()
			r.Finish()
		}
		return nil
	})
	r.Go("receive", func() error { return l.receive(r) })
	r.Go("write capture", func() error {
		if l.capture.Run(r.Failed()) != nil { // Close returns the error
			r.Stop(run.ErrOutput)
		}
		return nil
	})
	r.Go("watch link", func() error { return l.session.Watch(r.Lasting(), l.observe, r.Stop) })
}

// errCaptureEnded means that the source of frames ended during the run.
var errCaptureEnded = errors.New("the capture of frames ended unexpectedly")

// receive runs the receiver. The capture of its frames gets an end note only if the run
// came to its end.
func (l *list) receive(r *run.Run) error {
	err := l.receiver.Run(r.Lasting(), l)
	if err == nil && r.Lasting().Err() == nil {
		err = errCaptureEnded
	}
	var end *capture.End
	if err == nil && r.Failed().Err() == nil {
		drops, _, _ := l.session.Live.Drops() // an unknown count is 0
		end = &capture.End{
			KernelDrops: drops, Cause: l.reason(), TxErrors: l.failed.Total(), Excluded: l.leftOut.excluded,
			ElapsedS: float64(l.ended-l.began) / 1e9,
		}
	}
	l.capture.ReceivedAll(l.time.Now(), end)
	return err
}

// await waits until every reply in time has been matched, and reports whether that is so;
// it is not when ctx ends.
func (l *list) await(ctx context.Context) bool {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		l.mu.Lock()
		done := l.upTo >= l.gather.LastSent+int64(l.cfg.Wait)
		l.mu.Unlock()
		if done {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
}

// reason returns why the run ended early, "" if it did not.
func (l *list) reason() string {
	if l.bad != nil {
		return record.ReasonList
	}
	return run.ReasonOf(l.supervisor.Cause())
}

// abandon closes the files of a run that has no summary.
func (l *list) abandon() error {
	return errors.Join(l.writer.Flush(), l.files.Close(), l.capture.Close())
}

// sumUp writes the remaining records, and returns the error that made the run incomplete.
func (l *list) sumUp() error {
	l.gather.Sum.TxErrors, l.gather.Sum.TxErrorsBy = l.failed.Total(), l.failed
	l.gather.Sum.Skipped.Excluded = l.leftOut.excluded
	finished := l.gather.Finish()
	sum := l.gather.Summary(account.Load(&l.receiver.Heard))
	sum.Run, sum.ElapsedS = l.params.Run, float64(l.ended-l.began)/1e9
	if reason := l.reason(); reason != "" {
		sum.Complete, sum.Reason = false, reason
	}
	sum.Drops.Kernel, _, _ = l.session.Live.Drops() // an unknown count is 0
	if err := run.Balanced(sum); err != nil {
		return err
	}
	if n := l.leftOut.excluded; n > 0 {
		l.observe.Event(observe.Noticef("%d probes of the list were not sent: their targets are excluded", n))
	}
	if n := l.leftOut.noRoute; n > 0 {
		l.observe.Event(observe.Noticef("%d probes of the list were not sent: no route for their family", n))
	}
	stop := &record.CycleStop{Cycle: record.Cycle{Hostname: l.params.Hostname, Time: time.Now().Unix()}}
	sum.Findings = l.found.Findings()
	err := errors.Join(l.writeErr, finished, l.writer.Write(sum), l.writer.Write(stop), l.writer.Flush(),
		l.files.Close(), l.capture.Close())
	l.observe.Event(observe.Finished{Summary: sum})
	switch {
	case err != nil:
		return run.OutputFailed(err)
	case l.bad != nil:
		return &run.Incomplete{Err: l.bad}
	case !sum.Complete:
		return &run.Incomplete{Err: fmt.Errorf("not complete: %s", sum.Reason), Reason: sum.Reason}
	}
	return nil
}
