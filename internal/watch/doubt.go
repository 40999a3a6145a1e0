package watch

import (
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/window"
)

// doubts judge answers with one tag as a scan does: by the other answers of the path to probes of the
// same key. An answer in doubt waits as long as its probe would: until then an answer that proves more
// may come. Its owner has a lock.
type doubts struct {
	judge *window.Judge
	paths [mostCycles / keyed][]heard // by key modulo the number of keys, and path
	keys  [mostCycles / keyed]uint32
	held  int // answers that wait
}

// heard is what came back on a path for the probes of a key.
type heard struct {
	doubts window.Doubts
	best   map[probeOf]best
}

// probeOf is a probe of a path and a key.
type probeOf struct{ ttl, attempt uint8 }

// best is the best answer to a probe.
type best struct {
	facts  probe.Facts
	answer board.Answer
	held   bool
}

func (d *doubts) init(paths int) {
	d.judge = window.NewJudge()
	for i := range d.paths {
		d.paths[i] = make([]heard, paths)
	}
}

// on returns what came back on a path for the key of a cycle.
func (d *doubts) on(cycle uint32, path int) *heard {
	key := cycle / keyed
	i := key % uint32(len(d.keys))
	if d.keys[i] != key {
		d.keys[i] = key
		clear(d.paths[i])
	}
	return &d.paths[i][path]
}

// miss takes an answer without a valid tag, in a cycle.
func (d *doubts) miss(cycle uint32, path int, r *probe.Facts) {
	d.judge.Miss(&d.on(cycle, path).doubts, r)
}

// hear takes an answer to a probe that waits, and reports whether it may count at once. Otherwise it is
// held until release.
func (d *doubts) hear(p place, r *probe.Facts, answer board.Answer) (certain bool) {
	h := d.on(p.cycle, p.path)
	facts, at := *r, probeOf{p.ttl, uint8(p.cycle % keyed)}
	facts.Attempt = at.attempt
	before, known := h.best[at]
	if known && (facts.OneTag() || !before.facts.OneTag()) { // it proves no more than the one that waits
		if facts.OneTag() == before.facts.OneTag() && before.facts.Responder != facts.Responder {
			h.doubts.Contest(p.ttl)
		}
		return false
	}
	d.judge.Hear(&h.doubts, &facts)
	if !facts.HasHop() {
		return false
	}
	if before.held {
		d.held--
	}
	b := best{facts: facts, answer: answer, held: facts.OneTag() || h.doubts.Flooded()}
	if b.held {
		d.held++
	}
	if h.best == nil {
		h.best = map[probeOf]best{}
	}
	h.best[at] = b
	return !b.held
}

// release returns the answer to a probe that is held, if it may be a hop now. c has the probes.
func (d *doubts) release(c *cycles, p place) (b best, ok bool) {
	if d.held == 0 {
		return b, false
	}
	h, at := d.on(p.cycle, p.path), probeOf{p.ttl, uint8(p.cycle % keyed)}
	if b = h.best[at]; !b.held {
		return b, false
	}
	d.held--
	d.decide(c, p, h, b.facts.Target)
	ok = d.judge.Standing(&b.facts) != window.Withheld
	b.held = false
	h.best[at] = b
	return b, ok
}

// decide judges a path.
func (d *doubts) decide(c *cycles, p place, h *heard, target probe.Addr) {
	d.judge.Begin(target, &h.doubts)
	first := p.cycle - p.cycle%keyed
	each := func(f func(cycle uint32, at probeOf)) {
		for attempt := range uint32(keyed) {
			for ttl := uint8(1); ttl < ttls; ttl++ {
				f(first+attempt, probeOf{ttl, uint8(attempt)})
			}
		}
	}
	each(func(cycle uint32, at probeOf) {
		if s := &c.states[cycle%mostCycles]; !s.begun || s.cycle != cycle {
			return
		}
		if w := c.at(place{cycle: cycle, path: p.path, ttl: at.ttl}); w.state != notSent {
			d.judge.Sent(at.ttl, at.attempt, w.sent)
		}
	})
	each(func(_ uint32, at probeOf) {
		if b, ok := h.best[at]; ok {
			d.judge.Answer(&b.facts)
		}
	})
	d.judge.Decide()
}

// sampleOf returns the sample of an answer to a probe that was sent at a time.
func (b *best) sampleOf(p place, target, flow int, sent int64) *board.Sample {
	return &board.Sample{
		Target: target, Flow: flow, Cycle: p.cycle, TTL: p.ttl, Sent: sent,
		RTT: max(time.Duration(b.facts.Stamp-sent), 0), From: b.facts.Source(), Answer: b.answer,
	}
}
