package replay

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/gather"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/receiver"
)

// listed replays a capture of a list of probes to the records of the run. The capture has
// probes and replies in the order in which the run remembered and matched them. All on one
// goroutine.
type listed struct {
	copied
	gather  gather.Listed
	decoder *receiver.Replay
	facts   probe.Facts
	header  probe.Header
	reply   probe.Reply
}

func newListed(p *replay, v *plan.Params, key [16]byte) (*listed, error) {
	c, err := codec.NewListed(codec.ListedConfig{Key: key, Source4: v.Source4, Source6: v.Source6, TOS: v.TOS})
	if err != nil {
		return nil, err
	}
	l := &listed{copied: newCopied(p, v), decoder: receiver.NewReplay(c)}
	l.gather = gather.NewListed(c, l.writer, p.cfg.Records, v.TOS, v.Wait())
	return l, nil
}

// run replays the file.
func (l *listed) run(ctx context.Context, f *pcapng.File) error {
	if err := l.begin(); err != nil {
		return err
	}
	fault := each(ctx, f, l.entry)
	if fault != nil && !errors.Is(fault, pcapng.ErrCapture) || ctx.Err() != nil {
		return fault
	}
	return l.finish(fault)
}

// entry takes the next entry of the file.
func (l *listed) entry(e *pcapng.Entry) error {
	if e.Note != nil {
		var n capture.Note
		if json.Unmarshal(e.Note, &n) == nil && n.End != nil {
			l.end = n.End
		}
		return nil
	}
	l.last = max(l.last, e.Stamp)
	if e.Direction == pcapng.Outbound {
		l.probe(e)
		return nil
	}
	var err error
	if l.decoder.Reply(e, &l.reply) {
		err = l.gather.Reply(&l.reply)
	}
	if _, swept := l.gather.Sweep(l.last); err == nil {
		err = swept
	}
	if err != nil {
		return run.OutputFailed(err)
	}
	return nil
}

// probe remembers a probe.
func (l *listed) probe(e *pcapng.Entry) {
	if !l.decoder.Header(e, &l.header) || !l.decoder.Probe(e, &l.facts) {
		l.strays++
		return
	}
	h, p := &l.header, &l.facts.Probe
	line := codec.Line{Target: p.Target, SrcPort: h.SrcPort, DstPort: h.DstPort, TTL: p.TTL, Method: h.Method}
	l.gather.Probe(&line, p.Attempt, e.Stamp)
}

// finish writes what is left.
func (l *listed) finish(fault error) error {
	if l.end != nil {
		l.gather.Sum.TxErrors = l.end.TxErrors
	}
	if err := l.gather.Finish(); err != nil {
		return run.OutputFailed(err)
	}
	sum := l.gather.Summary(account.Load(&l.decoder.Heard))
	l.ended(sum)
	sum.Complete = sum.Reason == record.ReasonDone
	return l.copied.finish(sum, fault, "")
}
