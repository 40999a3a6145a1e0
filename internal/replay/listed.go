package replay

import (
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/gather"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/receiver"
)

// listed is the identity of the capture of a list of probes of ours. The capture has probes
// and replies in the order in which the run remembered and matched them.
type listed struct {
	gather  gather.Listed
	decoder *receiver.Replay
	facts   probe.Facts
	header  probe.Header
	reply   probe.Reply
}

// newListed returns the replay of such a capture.
func newListed(p *replay, v *plan.Params, key [16]byte) (*table, error) {
	c, err := codec.NewListed(codec.ListedConfig{Key: key, Source4: v.Source4, Source6: v.Source6, TOS: v.TOS})
	if err != nil {
		return nil, err
	}
	t := &table{results: newOwn(p, v)}
	l := &listed{gather: gather.NewListed(c, t.writer, p.cfg.Records, v.TOS, v.Wait()), decoder: receiver.NewReplay(c)}
	t.identity, t.decoder, t.gather = l, l.decoder, l.gather.Gatherer
	return t, nil
}

func (l *listed) entry(e *pcapng.Entry) (stray bool, err error) {
	if e.Direction != pcapng.Outbound {
		if l.decoder.Reply(e, &l.reply) {
			err = l.gather.Reply(&l.reply)
		}
		return false, err
	}
	if !l.decoder.Header(e, &l.header) || !l.decoder.Probe(e, &l.facts) {
		return true, nil
	}
	h, p := &l.header, &l.facts.Probe
	line := codec.Line{Target: p.Target, SrcPort: h.SrcPort, DstPort: h.DstPort, TTL: p.TTL, Method: h.Method}
	l.gather.Probe(&line, p.Attempt, e.Stamp)
	return false, nil
}
