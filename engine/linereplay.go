package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/masstrace/masstrace/codec"
	"github.com/masstrace/masstrace/output"
	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/receiver"
)

// lineReplay replays a capture of a list of probes to the records of the scan. The
// capture has probes and replies in the order in which the scan remembered and
// matched them. All on one goroutine.
type lineReplay struct {
	*replayer
	v       *parameters
	match   lineMatcher
	decoder *receiver.Replay
	facts   probe.Facts
	header  probe.Header
	reply   probe.Reply
	last    int64 // stamp of an entry, the highest
	end     *endOfCopy
	strays  uint64 // packets that are no probes
}

func newLineReplay(r *replayer, v *parameters, key [16]byte) (*lineReplay, error) {
	listed, err := codec.NewListed(codec.ListedConfig{Key: key, Source4: v.Source4, Source6: v.Source6, TOS: v.TOS})
	if err != nil {
		return nil, err
	}
	writer := output.NewWriter(r.sink, output.Config{Records: r.cfg.Records, Run: v.Run, Hostname: v.Hostname})
	l := &lineReplay{
		replayer: r, v: v, decoder: receiver.NewReplay(listed),
		match: newLineMatcher(listed, writer, r.cfg.Records, v.TOS, v.wait()),
	}
	l.match.count.began = v.StartNS
	return l, nil
}

// run replays the file.
func (l *lineReplay) run(ctx context.Context, f *receiver.File) error {
	run := l.v.runRecord()
	if err := errors.Join(l.match.writer.CycleStart(endsAt(l.v.StartNS)), l.match.writer.Run(&run)); err != nil {
		return outputFailed(err)
	}
	fault := each(ctx, f, l.entry)
	if fault != nil && !errors.Is(fault, receiver.ErrCapture) {
		return fault
	}
	if ctx.Err() != nil {
		return nil
	}
	return l.finish(fault)
}

// entry takes the next entry of the file.
func (l *lineReplay) entry(e *receiver.Entry) error {
	if e.Note != nil {
		var n note
		if json.Unmarshal(e.Note, &n) == nil && n.End != nil {
			l.end = n.End
		}
		return nil
	}
	l.last = max(l.last, e.Stamp)
	if e.Direction == receiver.Outbound {
		l.probe(e)
		return nil
	}
	err := error(nil)
	if l.decoder.Reply(e, &l.reply) {
		err = l.match.reply(&l.reply)
	}
	if _, swept := l.match.sweep(l.last); err == nil {
		err = swept
	}
	if err != nil {
		return outputFailed(err)
	}
	return nil
}

// probe remembers a probe.
func (l *lineReplay) probe(e *receiver.Entry) {
	if !l.decoder.Header(e, &l.header) || !l.decoder.Probe(e, &l.facts) {
		l.strays++
		return
	}
	h, p := &l.header, &l.facts.Probe
	line := codec.Line{Target: p.Target, SrcPort: h.SrcPort, DstPort: h.DstPort, TTL: p.TTL, Method: h.Method}
	l.match.sent(&line, p.Attempt, e.Stamp)
}

// finish writes what is left.
func (l *lineReplay) finish(fault error) error {
	m, whole := &l.match, l.end != nil
	if whole {
		m.count.failed = l.end.TxErrors
	}
	sum := m.summary(&l.decoder.Stats)
	switch {
	case !whole:
		sum.Complete, sum.Reason = false, output.ReasonCapture
		sum.ElapsedS = float64(l.last-l.v.StartNS) / 1e9
	default:
		sum.Drops.Kernel, sum.ElapsedS = l.end.KernelDrops, l.end.ElapsedS
		if l.end.Cause != "" {
			sum.Complete, sum.Reason = false, l.end.Cause
		}
	}
	if l.strays > 0 {
		l.console.say("%d packets sent in the capture are no probes of its run", l.strays)
	}
	if err := sum.Balance(); err != nil {
		return fmt.Errorf("the counts do not add up, which is a fault of this program: %w", err)
	}
	err := errors.Join(m.collector.Expire(math.MaxInt64, m.writer.Trace),
		m.writer.Summary(sum), m.writer.CycleStop(endsAt(l.last)), m.writer.Flush())
	if err != nil {
		return outputFailed(err)
	}
	if !l.cfg.Quiet {
		_ = sum.Text(l.cfg.Stderr) // lost where nobody reads it
	}
	switch {
	case fault != nil:
		return fault
	case !whole:
		return fmt.Errorf("%w of run %s ends before the scan did", receiver.ErrCapture, l.v.Run)
	}
	return nil
}
