package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/output"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/receiver"
)

// lineScan sends the probes of a list, in its order, and nothing else. A list may
// name any probe at any time, so that there is no slot to be found by arithmetic:
// what is in flight is in a table, which forgets, and traces are gathered by
// target and ports. The sender and the receiver share both, under a lock that
// each takes for a batch.
type lineScan struct {
	session
	cfg     *Config
	time    timeline
	console *console
	lines   *lineReader
	exclude target.Set
	key     [16]byte
	rate    float64
	burst   int
	listed  *codec.Listed
	sink    *output.Sink
	copy    *copier    // nil if no capture is wanted
	first   codec.Line // which told the way out
	pending lineBatch  // read, not sent
	fed     chan lineBatch
	halt    context.CancelCauseFunc

	excluded uint64                  // lines
	repeats  [2]map[codec.Line]uint8 // which attempt is next; the older half is forgotten
	receiver *receiver.Receiver

	mu       sync.Mutex
	match    lineMatcher
	over     int64 // replies stamped before are matched
	ended    int64
	writeErr error
}

// mostRepeats is how many different lines are remembered in each half.
const mostRepeats = 1 << 20

// scanLines is Scan with a list of probes.
func scanLines(ctx, interrupted context.Context, c Config) error {
	s, err := newLineScan(&c)
	if err != nil {
		return err
	}
	defer s.lines.close()
	defer s.close()
	if err := s.openLink(ctx); err != nil {
		return environment(link.Permission(err))
	}
	return s.run(ctx, interrupted)
}

// newLineScan reads exclusions and the first line.
func newLineScan(c *Config) (*lineScan, error) {
	if c.Key == "" {
		c.Key = randomHex(16)
	}
	s := &lineScan{cfg: c, console: newConsole(c), rate: c.RatePPS, burst: c.Burst}
	for i := range s.repeats {
		s.repeats[i] = map[codec.Line]uint8{}
	}
	var err error
	if s.key, err = keyOf(c.Key); err != nil {
		return nil, err
	}
	excluded, err := target.ParseArgs(c.Exclude, c.Stdin)
	if err != nil {
		return nil, usage("--exclude: %w", err)
	}
	s.exclude = withReserved(excluded.Set(), c)
	if s.time, err = newTimeline(); err != nil {
		return nil, err
	}
	if s.lines, err = openLines(c.Probes, c.Stdin); err != nil {
		return nil, err
	}
	err = s.lines.next(&s.first)
	if err == io.EOF {
		err = usage("--probes: %s has no probe", s.lines.name)
	}
	if err != nil {
		s.lines.close()
		return nil, err
	}
	s.pending.lines = []codec.Line{s.first}
	return s, nil
}

// wayOut are addresses of which only the route is looked up, to find the way of
// the family that the first line is not of: root name servers, in both.
var wayOut = map[bool]netip.Addr{
	true: netip.AddrFrom4([4]byte{198, 41, 0, 4}), false: netip.MustParseAddr("2001:503:ba3e::2:30"),
}

// findPaths finds the way out, of the first line's family and if there is one of
// the other.
func (s *lineScan) findPaths(ctx context.Context, c *Config) error {
	found := new(paths)
	is4 := s.first.Target.Is4()
	path, err := link.Find(ctx, c.linkRequest(s.first.Target.Netip()))
	if err != nil {
		return err
	}
	found.add(path, is4)
	if other, err := link.Find(ctx, c.linkRequest(wayOut[!is4])); err == nil && other.Index == path.Index {
		found.add(other, !is4)
	}
	s.paths = found
	return nil
}

// makeCodec makes the codec for the paths that were found, and works out the rate,
// which may depend on the size of probes.
func (s *lineScan) makeCodec() (err error) {
	c := codec.ListedConfig{Key: s.key, TOS: s.cfg.TOS, Source4: exampleSource4, Source6: exampleSource6}
	if s.paths != nil {
		c.Source4, c.Source6 = s.paths.source4, s.paths.source6
	}
	if s.listed, err = codec.NewListed(c); err != nil {
		return &Error{Usage, err}
	}
	if s.cfg.Bandwidth > 0 {
		s.rate = s.cfg.Bandwidth / wireBits(s.listed.Size(s.first.Method, s.first.Target.Is4()))
	}
	if s.burst == 0 {
		s.burst = ratelimit.DefaultBurst(s.rate)
	}
	return nil
}

// openLink finds the way out and opens everything.
func (s *lineScan) openLink(ctx context.Context) error {
	if err := link.MayCapture(); err != nil {
		return err
	}
	err := s.findPaths(ctx, s.cfg)
	if err == nil {
		err = s.makeCodec()
	}
	if err == nil {
		err = s.session.openLink(s.listed.Filter(), sessionConfig{
			ports: s.cfg.ports(), capture: receiver.LiveConfig{RingOctets: s.cfg.ReceiveBuffer},
		})
	}
	if err != nil {
		return err
	}
	s.sink, err = output.Open(s.cfg.Output, s.cfg.Stdout)
	return err
}

// run starts every goroutine of the scan, waits for them, and sums up.
func (s *lineScan) run(ctx, interrupted context.Context) error {
	stopped, halt := context.WithCancelCause(ctx)
	s.halt = halt
	defer halt(nil)
	giveUp := func(cause error) {
		halt(cause)
		s.console.say("%v: no more probes are sent, replies are waited for", cause)
	}
	defer context.AfterFunc(interrupted, func() { giveUp(errInterrupted) })()
	if s.cfg.MaxRuntime > 0 {
		defer time.AfterFunc(s.cfg.MaxRuntime, func() { giveUp(errMaxRuntime) }).Stop()
	}
	if err := s.begin(); err != nil {
		return err
	}
	s.fed = make(chan lineBatch, 4)
	go s.lines.feed(stopped, s.fed) // may be held up by whoever writes the list
	g, failed := errgroup.WithContext(ctx)
	over, finish := context.WithCancel(failed)
	defer finish()
	var bad error // what ended the list early
	g.Go(func() error {
		defer finish()
		runtime.LockOSThread() // ends with its goroutine, as in scan.send
		var err error
		bad, err = s.send(failed, stopped)
		s.copy.sentAll()
		if err == nil {
			s.await(failed)
		}
		s.ended = s.time.Now()
		return err
	})
	g.Go(func() error {
		defer func() {
			s.copy.receivedAll(failed, s.time.Now(), func() endOfCopy { return s.endOfCopy(stopped, bad) })
		}()
		return s.receiver.Run(over, s)
	})
	g.Go(func() error {
		if err := s.copy.run(); err != nil {
			halt(errDisk)
		}
		return nil
	})
	g.Go(func() error { return s.monitor.Run(over, func(link.State) {}) })
	err := g.Wait()
	switch {
	case ctx.Err() != nil:
		return &Error{Partial, errors.New("left at once: the output has no summary")}
	case err != nil:
		return &Error{Partial, errors.Join(err, s.match.writer.Flush(), s.sink.Close(), s.copy.close())}
	}
	return s.sumUp(stopped, bad)
}

// begin makes the stages, opens the capture, and writes the first records.
func (s *lineScan) begin() error {
	start := time.Now()
	v := s.parameters(start)
	if s.cfg.Capture != "" {
		comment, err := v.comment()
		if err == nil {
			s.copy, err = s.openCopy(s.cfg, comment, nil)
		}
		if err != nil {
			return environment(err)
		}
	}
	if err := s.cfg.Privileges.renounce(0); err != nil { // everything is open
		return environment(err)
	}
	writer := output.NewWriter(s.sink, output.Config{Records: s.cfg.Records, Run: v.Run, Hostname: v.Hostname})
	s.match = newLineMatcher(s.listed, writer, s.cfg.Records, s.cfg.TOS, s.cfg.Wait)
	var err error
	if s.receiver, err = receiver.New(s.live, s.listed, s.time); err != nil {
		return environment(err)
	}
	if s.copy != nil {
		s.receiver.Show(lineTap{s.copy.received})
	}
	run := v.runRecord()
	if err := errors.Join(writer.CycleStart(start), writer.Run(&run), writer.Flush()); err != nil {
		return outputFailed(err)
	}
	s.match.count.began = s.time.Now()
	return nil
}

// listMethod stands for the methods of a list in records and captures.
const listMethod = "list"

// parameters returns what replay has to know of the run.
func (s *lineScan) parameters(start time.Time) parameters {
	c := s.cfg
	return parameters{
		Masstrace: parametersVersion, Run: runID(start), Hostname: hostname(), StartNS: start.UnixNano(),
		Tool: "masstrace/" + c.Version, Argv: c.Argv, KeyID: keyID(s.key), Method: listMethod, TOS: c.TOS,
		Source4: s.paths.source4, Source6: s.paths.source6, RatePPS: s.rate, Burst: s.burst, WaitNS: int64(c.Wait),
		Shape: window.Shape{FirstTTL: 1, LastTTL: probe.MaxTTL, Flows: 1, Attempts: probe.MaxAttempts},
		Link:  s.paths.Name, IO: s.io, Senders: 1, ExcludeSHA256: s.exclude.Digest(),
	}
}

// await waits until every reply in time has been matched.
func (s *lineScan) await(ctx context.Context) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		s.mu.Lock()
		done := s.over >= s.match.count.lastSent+int64(s.cfg.Wait)
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Replies implements receiver.Sink. The capture gets frames and probes in the
// order in which they are matched and remembered: under the same lock.
func (s *lineScan) Replies(batch []probe.Reply, upTo int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.copy != nil {
		s.copy.received.Flush()
	}
	for i := range batch {
		s.failed(s.match.reply(&batch[i]))
	}
	s.over = upTo
	if len(batch) > 0 {
		s.failed(s.match.writer.HandOver()) // who writes the list may wait for them
	}
	swept, err := s.match.sweep(s.time.Now())
	if swept {
		err = errors.Join(err, s.match.writer.Flush())
	}
	s.failed(err)
}

// lineTap is a tap that Replies flushes.
type lineTap struct{ *output.Tap }

// Flush implements receiver.Tap.
func (lineTap) Flush() {}

func (s *lineScan) failed(err error) {
	if err != nil && s.writeErr == nil {
		s.writeErr = err
		s.halt(errDisk)
	}
}

// endOfCopy returns what the capture says of the end.
func (s *lineScan) endOfCopy(stopped context.Context, bad error) endOfCopy {
	drops, _, _ := s.live.Drops() // not known is none
	return endOfCopy{
		KernelDrops: drops, Cause: reasonOf(stopped, bad), TxErrors: s.match.count.failed,
		ElapsedS: float64(s.ended-s.match.count.began) / 1e9,
	}
}

// reasonOf returns why a run ended early, "" if it did not; bad is what was wrong
// with a line.
func reasonOf(stopped context.Context, bad error) string {
	if bad != nil {
		return output.ReasonList
	}
	return stopCause(stopped)
}

// sumUp writes what is left, and says what kept the run from being whole.
func (s *lineScan) sumUp(stopped context.Context, bad error) error {
	m := &s.match
	sum := m.summary(&s.receiver.Stats)
	sum.ElapsedS = float64(s.ended-m.count.began) / 1e9
	if reason := reasonOf(stopped, bad); reason != "" {
		sum.Complete, sum.Reason = false, reason
	}
	sum.Drops.Kernel, _, _ = s.live.Drops() // not known is none
	if err := balanced(sum); err != nil {
		return err
	}
	if s.excluded > 0 {
		s.console.say("%d probes of the list were not sent: excluded, or of a family without a route", s.excluded)
	}
	err := errors.Join(s.writeErr, m.collector.Expire(math.MaxInt64, m.writer.Trace),
		m.writer.Summary(sum), m.writer.CycleStop(time.Now()), m.writer.Flush(), s.sink.Close(), s.copy.close())
	s.console.summary(sum)
	switch {
	case err != nil:
		return outputFailed(err)
	case bad != nil:
		return &Error{Partial, bad}
	case !sum.Complete:
		return &Error{Partial, fmt.Errorf("not complete: %s", sum.Reason)}
	}
	return nil
}
