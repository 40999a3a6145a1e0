package verify

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// traceSums is the sums over trace and trace-ext records.
type traceSums struct {
	traces                 uint64
	exts                   uint64
	sent, answered         uint64
	wrongSent, wrongAnswer uint64 // traces whose counts differ from the log
}

// trace judges a trace.
func (c *checker) trace(t *record.Trace) {
	c.sums.traces++
	c.found.trace(t)
	c.flows = c.asked.pick(c.flows[:0], t.Target, c.selectorOf(&t.Head))
	if d := c.asked.destOf(t.Target); d != nil {
		d.traces = addOne(d.traces)
	}
	for _, i := range c.flows {
		f := &c.asked.flows[i]
		if f.marks&traced != 0 && c.tool == Masstrace {
			c.ends.Again++
			c.example("second trace", "%s", c.asked.title(f))
		}
		f.marks |= traced
		f.end, f.attempts = t.End, t.Attempts
	}
	c.forget(c.flows)
	c.forgetOlder(t, c.flows)
	if c.tool == Scamper {
		c.waitNS = int64(t.Wait)
	}
	for i := range t.Inferred {
		c.infer(c.flows, t.Target, &t.Inferred[i])
	}
	for i := range t.Hops {
		q := c.claimOf(t.Target, &t.Hops[i])
		c.judge(&c.traces, c.flows, &q)
	}
	c.end(t, c.flows)
	c.verdicts.note(t, c.flows)
	if !t.Bare {
		c.traceExt(t)
	}
}

// reply judges a reply that shows a hop.
func (c *checker) reply(r *record.Reply) {
	if !r.HasHop() || r.TTL == 0 {
		return
	}
	q := c.claimOf(r.Head.Target, &r.Hop)
	c.flows = c.asked.pick(c.flows[:0], q.dst, c.selectorOf(&r.Head))
	if !q.late {
		c.forget(c.flows)
	}
	c.judge(&c.replies, c.flows, &q)
}

// selectorOf returns the flow of a record.
func (c *checker) selectorOf(h *record.Head) *selector {
	s := &selector{strict: c.tool == Masstrace}
	if h.Method != record.NoMethod {
		s.proto = h.Method.Protocol(h.Target.Is4())
	}
	if h.Flow.Value != 0 {
		s.sport, s.dport, s.sum = h.Flow.Value, h.DstPort, h.Flow.Value
		s.ports, s.isSum = true, true
	}
	return s
}

// claimOf returns the claim of a hop towards dst.
func (c *checker) claimOf(dst probe.Addr, h *record.Hop) claim {
	q := claim{
		dst: dst, from: h.Responder, ttl: h.TTL, replyTTL: h.ReplyTTL, kind: h.Kind, valid: h.Valid, mangled: h.Mangled,
		hasKind: !h.Lacks.Has(record.LacksKind), hasValid: !h.Lacks.Has(record.LacksValid),
		tx: h.Sent, rttNS: -1, attempt: -1, quotedTTL: -1, labels: -1, late: h.Late, copy: h.Dup > 0, withheld: h.Withheld,
	}
	if h.HasRTT() {
		q.rttNS = h.RTT
	}
	if c.tool == Masstrace {
		q.attempt = int(h.Attempt)
	}
	if h.HasQuote {
		q.quotedTTL = int(h.QuotedTTL)
	}
	if c.tool == Masstrace || c.tool == Scamper { // the other tools do not record all labels
		q.labels = labels(h.Ext)
	}
	return q
}

// labels counts the labels of an extension structure.
func labels(ext []byte) (n int) {
	var x wire.Extension
	if len(ext) == 0 || x.Decode(ext) != nil {
		return 0
	}
	for objects := x.Objects(); objects.Next(); {
		n += objects.NumLabels()
	}
	return n
}
