package gather

import (
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/matcher"
)

// Listed gathers the probes of a list and their replies: while they are sent, and when
// their capture is replayed.
type Listed struct {
	*Gatherer
	codec *codec.Listed
	tos   uint8
}

// NewListed returns a Listed that has seen nothing.
func NewListed(c *codec.Listed, w format.Writer, kinds record.Kinds, tos uint8, wait time.Duration) Listed {
	g := New(Config{Writer: w, Kinds: kinds, Table: matcher.NewExactTable(), Keep: trace.KeepFlows, Keyed: true, Wait: wait})
	return Listed{g, c, tos}
}

// Probe remembers a probe that left at a time in ns.
func (l *Listed) Probe(v *codec.Line, attempt uint8, now int64) {
	is4 := v.Target.Is4()
	head := record.Head{
		Target: v.Target, Source: l.codec.Source(is4), Method: v.Method, Flow: v.Flow(),
		DstPort: v.DstPort, TOS: l.tos, ProbeSize: l.codec.Size(v.Method, is4),
	}
	name := NameOf(&probe.Probe{Target: v.Target, Flow: v.SrcPort, TTL: v.TTL, Attempt: attempt})
	l.Sent(&head, &name, v.TTL, int(attempt), now, now)
}

// Reply takes an authentic reply. One whose probe is forgotten is late.
func (l *Listed) Reply(r *probe.Reply) error {
	if r.Valid == probe.Garbled { // the receiver has counted it
		return nil
	}
	name := NameOf(&r.Probe)
	seen := l.Find(&name)
	if seen == nil {
		l.Late()
		return nil
	}
	return l.Answered(seen, &record.Hop{Reply: *r})
}
