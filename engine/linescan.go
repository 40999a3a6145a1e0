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

	"github.com/masstrace/masstrace/codec"
	"github.com/masstrace/masstrace/link"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/output"
	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/target"
	"github.com/masstrace/masstrace/trace"
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
	codec   *codec.Listed
	exclude target.Set
	key     [16]byte
	rate    float64
	burst   int
	sink    *output.Sink
	writer  *output.Writer
	first   codec.Line // which told the way out
	pending lineBatch  // read, not sent
	fed     chan lineBatch
	halt    context.CancelCauseFunc

	mu        sync.Mutex
	table     *matcher.Table
	collector *trace.Collector
	count     lineCounts
	receiver  *receiver.Receiver
	swept     int64
	err       error // of the writer
	hop       trace.Hop
	repeats   [2]map[codec.Line]uint8 // which attempt is next; the older half is forgotten
}

// lineCounts counts what became of lines and replies.
type lineCounts struct {
	sent, excluded, failed     uint64
	answered, duplicates, late uint64
	began, lastSent            int64 // ns since the Unix epoch
	over                       int64 // replies stamped before are matched
}

// mostRepeats is how many different lines are remembered in each half.
const mostRepeats = 1 << 20

// scanLines is Scan with a list of probes.
func scanLines(ctx, interrupted context.Context, c Config) (err error) {
	if c.Key == "" {
		c.Key = randomHex(16)
	}
	s := &lineScan{cfg: &c, console: newConsole(&c), table: matcher.NewTable(), rate: c.RatePPS, burst: c.Burst}
	for i := range s.repeats {
		s.repeats[i] = map[codec.Line]uint8{}
	}
	if s.key, err = keyOf(c.Key); err != nil {
		return err
	}
	excluded, err := target.ParseArgs(c.Exclude, c.Stdin)
	if err != nil {
		return usage("--exclude: %w", err)
	}
	s.exclude = excluded.Set()
	if !c.AllowReserved {
		s.exclude = s.exclude.Union(target.ReservedSet())
	}
	if s.time, err = newTimeline(); err != nil {
		return err
	}
	if s.lines, err = openLines(c.Probes, c.Stdin); err != nil {
		return err
	}
	defer s.lines.close()
	if err := s.lines.next(&s.first); err != nil {
		if err == io.EOF {
			return usage("--probes: %s has no probe", s.lines.name)
		}
		return err
	}
	s.pending.lines = []codec.Line{s.first}
	defer s.close()
	if err := s.openLink(ctx); err != nil {
		return environment(link.Permission(err))
	}
	return s.run(ctx, interrupted)
}

// wayOut are addresses of which only the route is looked up, to find the way of
// the family that the first line is not of: root name servers, in both.
var wayOut = map[bool]netip.Addr{
	true: netip.AddrFrom4([4]byte{198, 41, 0, 4}), false: netip.MustParseAddr("2001:503:ba3e::2:30"),
}

// openLink finds the way out, of the first line's family and if there is one of
// the other, and opens everything.
func (s *lineScan) openLink(ctx context.Context) error {
	if err := link.MayCapture(); err != nil {
		return err
	}
	s.paths = new(paths)
	is4 := s.first.Target.Is4()
	path, err := link.Find(ctx, s.cfg.linkRequest(s.first.Target.Netip()))
	if err != nil {
		return err
	}
	s.paths.add(path, is4)
	if other, err := link.Find(ctx, s.cfg.linkRequest(wayOut[!is4])); err == nil && other.Index == path.Index {
		s.paths.add(other, !is4)
	}
	s.codec, err = codec.NewListed(codec.ListedConfig{
		Key: s.key, Source4: s.paths.source4, Source6: s.paths.source6, TOS: s.cfg.TOS,
	})
	if err != nil {
		return &Error{Usage, err}
	}
	if s.cfg.Bandwidth > 0 {
		s.rate = s.cfg.Bandwidth / wireBits(s.codec.Size(s.first.Method, is4))
	}
	if s.burst == 0 {
		s.burst = ratelimit.DefaultBurst(s.rate)
	}
	if err := s.session.openLink(s.codec.Filter(), sessionConfig{ports: s.cfg.ports()}); err != nil {
		return err
	}
	if s.sink, err = output.Open(s.cfg.Output, s.cfg.Stdout); err != nil {
		return err
	}
	return s.cfg.Privileges.renounce(0)
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
	start := time.Now()
	s.writer = output.NewWriter(s.sink, output.Config{Records: s.cfg.Records, Run: runID(start), Hostname: hostname()})
	keep := trace.KeepNothing
	if s.cfg.Records&output.Traces != 0 {
		keep = trace.KeepFlows
	}
	s.collector = trace.NewCollector(keep)
	var err error
	if s.receiver, err = receiver.New(s.live, s.codec, s.time); err != nil {
		return environment(err)
	}
	if err := s.writeHead(start); err != nil {
		return outputFailed(err)
	}
	s.count.began = s.time.Now()

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
		if err == nil {
			s.await(failed)
		}
		return err
	})
	g.Go(func() error { return s.receiver.Run(over, s) })
	g.Go(func() error { return s.monitor.Run(over, func(link.State) {}) })
	err = g.Wait()
	switch {
	case ctx.Err() != nil:
		return &Error{Partial, errors.New("left at once: the output has no summary")}
	case err != nil:
		return &Error{Partial, errors.Join(link.Permission(err), s.writer.Flush(), s.sink.Close())}
	}
	return s.sumUp(stopped, bad)
}

// writeHead writes the records in front of all others.
func (s *lineScan) writeHead(start time.Time) error {
	c := s.cfg
	run := output.Run{
		Tool: "masstrace/" + c.Version, Argv: c.Argv, KeyID: keyID(s.key), RatePPS: s.rate, Burst: s.burst,
		TTL: [2]uint8{1, probe.MaxTTL}, Flows: 1, Attempts: probe.MaxAttempts, Protocol: "list",
		TOS: c.TOS, WaitS: c.Wait.Seconds(), Link: s.paths.Name, IO: s.io, Senders: 1, Clock: "CLOCK_REALTIME/kernel", Shard: [2]int{0, 1},
		ExcludeSHA256: s.exclude.Digest(),
	}
	run.Source = s.paths.source4.String()
	if !s.paths.source4.IsValid() {
		run.Source = s.paths.source6.String()
	} else if s.paths.source6.IsValid() {
		run.Source6 = s.paths.source6.String()
	}
	return errors.Join(s.writer.CycleStart(start), s.writer.Run(&run), s.writer.Flush())
}

// await waits until every reply in time has been matched.
func (s *lineScan) await(ctx context.Context) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		s.mu.Lock()
		done := s.count.over >= s.count.lastSent+int64(s.cfg.Wait)
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

// Replies implements receiver.Sink.
func (s *lineScan) Replies(batch []probe.Reply, upTo int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range batch {
		s.reply(&batch[i])
	}
	s.count.over = upTo
	if now := s.time.Now(); now-s.swept > matcher.Forgotten/2 {
		s.swept = now
		s.failed(s.collector.Expire(now-2*matcher.Forgotten, s.writer.Trace))
		s.failed(s.writer.Flush())
	}
}

func (s *lineScan) failed(err error) {
	if err != nil && s.err == nil {
		s.err = err
		s.halt(errDisk)
	}
}

// reply takes an authentic reply. One that came after the wait, or to a probe that
// the table has forgotten, is late.
func (s *lineScan) reply(r *probe.Reply) {
	s.hop = trace.Hop{Reply: *r}
	h := identityOf(&r.Probe)
	seen := s.table.Exact(&h)
	if seen == nil {
		s.count.late++
		return
	}
	head := s.collector.Head(seen.Flow)
	s.hop.Flow = head.FlowIndex
	switch rtt := r.Stamp - seen.Sent; {
	case rtt > int64(s.cfg.Wait):
		s.count.late++
		s.hop.Late = true
	case seen.Answers > 0:
		s.count.duplicates++
		s.hop.Sent, s.hop.RTT, s.hop.Dup = seen.Sent, max(rtt, 0), seen.Answers
		seen.Answers++
	default:
		s.count.answered++
		seen.Answers++
		s.hop.Sent, s.hop.RTT = seen.Sent, max(rtt, 0)
		s.collector.Reply(seen.Flow, seen.Sent, &s.hop)
	}
	s.failed(s.writer.Reply(head, &s.hop))
}

// sumUp writes what is left, and says what kept the run from being whole.
func (s *lineScan) sumUp(stopped context.Context, bad error) error {
	n, f := &s.count, &s.receiver.Stats
	sum := &output.Summary{
		Targets: s.collector.Groups(), Sent: n.sent, Answered: n.answered, Silent: n.sent - n.answered, TxErrors: n.failed,
		SilentBy: output.SilentBy{Unknown: n.sent - n.answered},
		Frames: output.Frames{
			Received: f.Frames.Load(), Malformed: f.Malformed.Load(),
			Unrelated: f.Unrelated.Load(), Fragments: f.Fragments.Load(),
			Rejected: output.Rejected{Checksum: f.Checksum.Load(), Source: f.Source.Load(), Tag: f.Tag.Load(), Conflict: f.Conflict.Load()},
			Late:     n.late, Duplicates: n.duplicates, Strong: n.answered,
		},
		ElapsedS: float64(s.time.Now()-n.began) / 1e9, Complete: true, Reason: output.ReasonDone,
	}
	if cause := stopCause(stopped); cause != "" || bad != nil {
		sum.Complete, sum.Reason = false, cause
		if bad != nil {
			sum.Reason = output.ReasonList
		}
	}
	sum.Drops.Kernel, _, _ = s.live.Drops() // not known is none
	if err := sum.Balance(); err != nil {
		return fmt.Errorf("the counts do not add up, which is a fault of this program: %w", err)
	}
	if n.excluded > 0 {
		s.console.say("%d probes of the list were not sent: excluded, or of a family without a route", n.excluded)
	}
	err := errors.Join(s.err, s.collector.Expire(math.MaxInt64, s.writer.Trace),
		s.writer.Summary(sum), s.writer.CycleStop(time.Now()), s.writer.Flush(), s.sink.Close())
	if !s.cfg.Quiet {
		_ = sum.Text(s.cfg.Stderr) // lost where nobody reads it
	}
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
