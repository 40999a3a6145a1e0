package session

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// refuser passes replies on, and queues a reset for each reply that a host with our source
// address would refuse. These are SYN-ACKs, and ACKs of half-open connections. Elsewhere
// the kernel does so by itself, and is not to be helped.
type refuser struct {
	receiver.Sink
	resets             *sender.Resets
	foreign4, foreign6 bool
}

// Replies implements receiver.Sink.
func (f *refuser) Replies(batch []probe.Reply, upTo int64) {
	for i := range batch {
		r := &batch[i]
		if r.Kind != probe.KindSYNACK && r.Kind != probe.KindPureACK {
			continue
		}
		if is4 := r.Target.Is4(); is4 && f.foreign4 || !is4 && f.foreign6 {
			f.resets.Put(r.Probe)
		}
	}
	f.Sink.Replies(batch, upTo)
}

// Refuse returns a sink that passes replies to sink, and the queue of resets for the
// sender. It returns sink itself and nil unless SYNs leave with a source address that this
// machine does not have.
func (l *Paths) Refuse(method probe.Method, sink receiver.Sink) (receiver.Sink, *sender.Resets) {
	f := &refuser{Sink: sink}
	for _, way := range l.ways {
		path := way.Path
		if path.Source.Is4() {
			f.foreign4 = path.ForeignSource
		} else {
			f.foreign6 = path.ForeignSource
		}
	}
	if method != probe.TCPSYN || !f.foreign4 && !f.foreign6 {
		return sink, nil
	}
	f.resets = new(sender.Resets)
	return f, f.resets
}
