package engine

import (
	"context"
	"encoding/json"
	"errors"
	"math"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/receiver"
)

// lineReplay replays a capture of a list of probes to the records of the scan. The
// capture has probes and replies in the order in which the scan remembered and
// matched them. All on one goroutine.
type lineReplay struct {
	copied
	match   lineMatcher
	decoder *receiver.Replay
	facts   probe.Facts
	header  probe.Header
	reply   probe.Reply
}

func newLineReplay(r *replayer, v *parameters, key [16]byte) (*lineReplay, error) {
	listed, err := codec.NewListed(codec.ListedConfig{Key: key, Source4: v.Source4, Source6: v.Source6, TOS: v.TOS})
	if err != nil {
		return nil, err
	}
	writer := ndjson.NewWriter(r.sink, ndjson.Config{Kinds: r.cfg.Records, Run: v.Run, Hostname: v.Hostname})
	l := &lineReplay{
		copied: copied{replayer: r, v: v}, decoder: receiver.NewReplay(listed),
		match: newLineMatcher(listed, writer, r.cfg.Records, v.TOS, v.wait()),
	}
	l.match.count.began = v.StartNS
	return l, nil
}

// run replays the file.
func (l *lineReplay) run(ctx context.Context, f *receiver.File) error {
	run := l.v.runRecord()
	if err := errors.Join(l.match.writer.Write(cycleStart(endsAt(l.v.StartNS))), l.match.writer.Write(&run)); err != nil {
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
	m := &l.match
	if l.end != nil {
		m.count.failed = l.end.TxErrors
	}
	if err := m.collector.Expire(math.MaxInt64, m.trace); err != nil {
		return outputFailed(err)
	}
	sum := m.summary(&l.decoder.Stats)
	l.ended(sum)
	sum.Complete = sum.Reason == record.ReasonDone
	return l.copied.finish(m.writer, sum, fault, "")
}
