package verify

import (
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Inferred counts hops that a trace took from other traces. No other count includes them, because
// they were not measured.
type Inferred struct {
	Hops uint64 `json:"hops"`
	True uint64 `json:"true"` // probes of the flow meet this router at that TTL
	// OtherFlow: probes of other flows to the target meet it; Impossible: no probe does.
	OtherFlow  uint64 `json:"other_flow"`
	Impossible uint64 `json:"impossible"`
}

// False returns how many hops are false in any way.
func (i *Inferred) False() uint64 { return i.OtherFlow + i.Impossible }

// infer judges an inferred hop in a trace of one of the flows.
func (c *checker) infer(flows []uint32, dst probe.Addr, k *record.Interface) {
	if len(flows) == 0 {
		return // the trace itself is counted as not probed
	}
	c.inferred.Hops++
	verdict := netsim.Impossible
	for _, i := range flows {
		f := &c.asked.flows[i]
		v := c.verdict(f, k.TTL, k.Addr)
		if v == netsim.TrueHop && k.TTL <= probe.MaxTTL {
			f.inferred |= 1 << k.TTL
		}
		verdict = min(verdict, v)
	}
	switch verdict {
	case netsim.TrueHop:
		c.inferred.True++
	case netsim.OtherFlow:
		c.inferred.OtherFlow++
		c.example("inferred, of another flow", "%s TTL %d from %s", dst, k.TTL, k.Addr)
	default:
		c.inferred.Impossible++
		c.example("inferred, impossible", "%s TTL %d from %s", dst, k.TTL, k.Addr)
	}
}

// Whole compares the traces of a strategy that leaves out probes with those that all probes would
// have given. It counts each (target, flow, TTL) that always answers, up to the end of the path and
// without loops, for flows that have a trace.
type Whole struct {
	Hops  uint64  `json:"hops"`
	Asked uint64  `json:"asked"` // hops that were probed at least once
	Share float64 `json:"share"` // part of the hops that were probed, 1 without hops
	// Inferred are hops that were not probed but truly inferred.
	Inferred uint64 `json:"inferred"`
}

// whole follows the true paths of all flows with traces.
func (c *checker) whole() *Whole {
	if c.run == nil || c.run.Strategy.Strategy == "" || c.run.Strategy.Strategy == "exhaustive" {
		return nil
	}
	w := new(Whole)
	for f := range c.asked.each {
		if f.marks&traced != 0 {
			c.wholePath(w, f)
		}
	}
	w.Share = share(w.Asked, w.Hops)
	return w
}

// wholePath counts one path.
func (c *checker) wholePath(w *Whole, f *flow) {
	in := c.asked.netsimFlowAt(f, c.asked.probes[f.from].time)
	for ttl := c.run.TTL[0]; ttl <= min(c.run.TTL[1], probe.MaxTTL) && ttl > 0; ttl++ {
		c.hops = c.truth.AppendHops(c.hops[:0], &in, ttl)
		answers, end := false, true
		for k := range c.hops {
			h := &c.hops[k]
			if h.Loop {
				return
			}
			answers = answers || c.shows(f, h)
			end = end && (h.End || h.Fate == netsim.Answered && h.Answer != netsim.TimeExceeded)
		}
		if answers {
			w.Hops++
			switch {
			case len(c.asked.at(f, ttl)) > 0:
				w.Asked++
			case f.inferred>>ttl&1 != 0:
				w.Inferred++
			}
		}
		if end {
			return
		}
	}
}

// shows reports whether the hop sends an answer that masstrace can and may accept as a hop.
func (c *checker) shows(f *flow, h *netsim.Hop) bool {
	return h.Fate == netsim.Answered && showsHop(h.Answer) &&
		h.Mangled&(netsim.MangledDestination|netsim.MangledPort) == 0 && !expect(f, h.Answer, h).rejected
}
