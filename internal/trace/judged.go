package trace

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// Judge makes c judge replies as a scan does, by the tags of the key. It must be called before the
// first probe, and with KeepFlows.
func (c *Collector) Judge() { c.judge = window.NewJudge() }

// doubt returns the doubts about the replies of a flow.
func (f *flowOf) doubt() *window.Doubts {
	if f.doubts == nil {
		f.doubts = new(window.Doubts)
	}
	return f.doubts
}

// Contest notes that several sources answered a probe of a flow equally well.
func (c *Collector) Contest(flow uint32, ttl uint8) { c.byIndex[flow].doubt().Contest(ttl) }

// Miss takes a reply without a valid tag to a flow, if the flow is known.
func (c *Collector) Miss(head *record.Head, r *probe.Facts) {
	if flow, ok := c.flows[keyOf(head)]; ok && c.judge != nil {
		c.judge.Miss(c.byIndex[flow].doubt(), r)
	}
}

// hear takes a reply that becomes the best to its probe.
func (c *Collector) hear(f *flowOf, r *probe.Facts) {
	if c.judge == nil || r.Valid == probe.Strong && r.Mangled == 0 {
		return
	}
	c.judge.Hear(f.doubt(), r)
	f.alone = f.alone || r.OneTag()
}

// Standing returns the present standing of r, which is the best reply to a probe. Later replies may
// change it.
func (c *Collector) Standing(flow uint32, r *probe.Facts) window.Standing {
	f := c.byIndex[flow]
	if c.judge == nil || !f.isDoubtful(r) {
		return window.Steers
	}
	c.decide(f)
	return c.judge.Standing(r)
}

// isDoubtful reports whether a reply to a probe of the flow may be withheld.
func (f *flowOf) isDoubtful(r *probe.Facts) bool { return r.OneTag() || f.doubts.Flooded() }

// decide judges the replies of a flow.
func (c *Collector) decide(f *flowOf) {
	c.judge.Begin(f.Target, f.doubt())
	for i := range f.probes {
		c.judge.Sent(f.probes[i].ttl, f.probes[i].attempt, f.probes[i].sent)
	}
	for i := range f.probes {
		if hop := f.probes[i].hop; hop != nil {
			c.judge.Answer(&hop.Facts)
		}
	}
	c.judge.Decide()
}

// mostReplaced is how many of the last probes of a flow are searched for the one whose reply is
// replaced. No scan has more for a flow.
const mostReplaced = probe.MaxTTL * probe.MaxAttempts

// Replace puts a reply in the place of the one to the same probe, which proves less. It reports
// whether that one was found.
func (c *Collector) Replace(flow uint32, sent int64, hop *record.Hop) bool {
	f := c.byIndex[flow]
	k := probeKey{sent, hop.TTL, hop.Attempt}
	for i := len(f.probes) - 1; i >= max(len(f.probes)-mostReplaced, 0); i-- {
		if p := &f.probes[i]; p.hop != nil && p.probeKey() == k {
			f.group.last = max(f.group.last, hop.Stamp)
			c.octets -= hopOctets + len(p.hop.Ext)
			c.put(f, p, hop)
			return true
		}
	}
	return c.keep == KeepNothing
}

// withhold removes the hops of a trace that are withheld, and names their TTLs.
func (c *Collector) withhold(t *record.Trace, f *flowOf) {
	for ttls := f.contested(); ttls != 0; ttls &= ttls - 1 {
		t.Contested = append(t.Contested, uint8(bits.TrailingZeros64(ttls)))
	}
	if c.judge == nil || !f.alone && !f.doubts.Flooded() {
		return
	}
	c.decide(f)
	kept := t.Hops[:0]
	for i := range t.Hops {
		h := &t.Hops[i]
		if standing := c.judge.Standing(&h.Facts); standing != window.Withheld || !f.isDoubtful(&h.Facts) {
			h.Alone = standing == window.IsHop
			kept = append(kept, *h)
			continue
		}
		t.Silent = append(t.Silent, record.TTLAttempt{TTL: h.TTL, Attempt: h.Attempt})
		if n := len(t.Withheld); n == 0 || t.Withheld[n-1] != h.TTL {
			t.Withheld = append(t.Withheld, h.TTL)
		}
		t.Answered--
		c.withheld.take(h.Valid)
	}
	t.Hops = kept
	slices.SortFunc(t.Silent, func(a, b record.TTLAttempt) int {
		return cmp.Or(cmp.Compare(a.TTL, b.TTL), cmp.Compare(a.Attempt, b.Attempt))
	})
}

func (f *flowOf) contested() uint64 {
	if f.doubts == nil {
		return 0
	}
	return f.doubts.Contested()
}

// Withheld counts replies that are no hops.
type Withheld struct{ Strong, Weak uint64 }

func (w *Withheld) take(v probe.Validity) {
	if v == probe.Strong {
		w.Strong++
	} else {
		w.Weak++
	}
}

// Withheld returns how many replies of the traces since its last call are no hops.
func (c *Collector) Withheld() (n Withheld) {
	n, c.withheld = c.withheld, Withheld{}
	return n
}
