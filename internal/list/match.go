package list

import (
	"errors"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/gather"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// Remember has g know a probe of a list that left at a time in ns.
func Remember(g *gather.Gatherer, c *codec.Listed, v *codec.Line, attempt, tos uint8, now int64) {
	is4 := v.Target.Is4()
	head := record.Head{
		Target: v.Target, Source: c.Source(is4), Method: v.Method, Flow: v.Flow(),
		DstPort: v.DstPort, TOS: tos, ProbeSize: c.Size(v.Method, is4),
	}
	name := gather.NameOf(&probe.Probe{Target: v.Target, Flow: v.SrcPort, TTL: v.TTL, Attempt: attempt})
	g.Sent(&head, &name, v.TTL, int(attempt), now, now)
}

// Reply has g take an authentic reply to a probe of a list. One whose probe g has
// forgotten is late.
func Reply(g *gather.Gatherer, r *probe.Reply) error {
	if r.Valid == probe.Garbled { // the receiver has counted it
		return nil
	}
	name := gather.NameOf(&r.Probe)
	seen := g.Find(&name)
	if seen == nil {
		g.Late()
		return nil
	}
	return g.Answered(seen, &record.Hop{Reply: *r})
}

// Replies implements receiver.Sink. The capture gets frames and probes in the order in
// which they are matched and remembered: under the same lock.
func (l *list) Replies(batch []probe.Reply, upTo int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if tap := l.capture.Received(); tap != nil {
		tap.Flush()
	}
	for i := range batch {
		l.check(Reply(l.gather, &batch[i]))
	}
	l.upTo = upTo
	if len(batch) > 0 {
		l.check(l.writer.HandOver()) // the program that writes the list may wait for them
	}
	swept, err := l.gather.Sweep(l.time.Now())
	if swept {
		err = errors.Join(err, l.writer.Flush())
	}
	l.check(err)
}

// laterTap is a tap that Replies flushes.
type laterTap struct{ *pcapng.Tap }

// Flush implements receiver.Tap.
func (laterTap) Flush() {}

// check keeps the first error of the writer.
func (l *list) check(err error) {
	if err != nil && l.writeErr == nil {
		l.writeErr = err
		l.supervisor.Stop(run.ErrOutput)
	}
}
