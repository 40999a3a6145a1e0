package multipath

import "sync"

// near is an address at the TTL in front of a row, and the flows through it.
type near struct {
	node    int // its number; 0 is all routers that did not answer
	through int // flows that go on through it
	fresh   int // flows of them that were not asked in the row
	asked   int
	answers int
	silent  int
	width   int    // branches found
	sum     uint32 // of their addresses, see Known
	ended   bool   // a branch is the end of a path
	quota   int    // fresh flows to ask
}

// far is an address in a row.
type far struct {
	node  int
	flows int
	back  int // flows of them that were asked at the TTL before
	ends  bool
}

// view has the counts of the cells of a row and of the TTL before it.
type view struct {
	ttl     uint8
	alone   bool // one near end, which all flows pass
	nears   []near
	fars    []far
	asked   int
	answers int
	silent  int
	meshed  bool // a near end out of several has several branches
	ended   bool // a path ends in the row

	// nearOf and farOf have the index in nears and fars of an address.
	nearOf, farOf [maxNodes + 1]mark
	epoch         uint32
	links         [linkSpace]linkMark
	shares        shares
}

type mark struct {
	epoch uint32
	at    uint16
}

// linkMark marks a pair of a near and a far end as seen.
type linkMark struct{ epoch, pair uint32 }

const linkSpace = 2 * MaxFlows // one link at most for each flow

// views are large and used for one step at a time, so that all searches of a run share a few.
type views struct{ pool sync.Pool }

func (v *views) get() *view {
	if w, ok := v.pool.Get().(*view); ok {
		return w
	}
	return &view{}
}

func (v *views) put(w *view) { v.pool.Put(w) }

func (v *view) reset(ttl uint8) {
	v.epoch++
	if v.epoch == 0 { // after 2³² uses, old marks would count
		*v = view{nears: v.nears, fars: v.fars, epoch: 1, shares: v.shares}
	}
	v.ttl, v.alone, v.meshed, v.ended = ttl, false, false, false
	v.nears, v.fars = v.nears[:0], v.fars[:0]
	v.asked, v.answers, v.silent = 0, 0, 0
}

func (v *view) nearAt(node int) *near {
	m := &v.nearOf[node]
	if m.epoch != v.epoch {
		*m = mark{v.epoch, uint16(len(v.nears))}
		v.nears = append(v.nears, near{node: node})
	}
	return &v.nears[m.at]
}

// onlyNear returns the one near end that answered, or nil.
func (v *view) onlyNear() (only *near) {
	for i := range v.nears {
		switch n := &v.nears[i]; {
		case n.node == 0:
		case only != nil:
			return nil
		default:
			only = n
		}
	}
	return only
}

func (v *view) farAt(node int) *far {
	m := &v.farOf[node]
	if m.epoch != v.epoch {
		*m = mark{v.epoch, uint16(len(v.fars))}
		v.fars = append(v.fars, far{node: node})
	}
	return &v.fars[m.at]
}

// link reports whether the pair is seen for the first time.
func (v *view) link(near, far int) bool {
	pair := uint32(near)<<16 | uint32(far)
	for i := pair * 0x9e3779b1 >> 20 % linkSpace; ; i = (i + 1) % linkSpace {
		switch m := &v.links[i]; {
		case m.epoch != v.epoch:
			*m = linkMark{v.epoch, pair}
			return true
		case m.pair == pair:
			return false
		}
	}
}

// look fills v with the row at ttl. Flows whose path is known to end before it do not take part.
func (s *Search) look(v *view, ttl uint8) {
	v.reset(ttl)
	line, before := s.line(ttl), s.line(ttl-1)
	known := ttl > s.first && s.has(ttl-1) // the TTL before has cells
	stars := 0
	if known {
		for f, c := range before {
			if c.answered() && !s.endsBy(uint16(f), ttl-1) {
				v.nearAt(c.node())
			} else if c.silent() {
				stars++
			}
		}
	}
	v.alone = len(v.nears) <= 1 && stars == 0 && !s.splitBefore(ttl)
	switch {
	case len(v.nears) == 0:
		v.nearAt(0)
		v.alone = !s.splitBefore(ttl)
	case stars > 0 && !s.splitBefore(ttl): // a silent flow may have met its end instead
		v.nearAt(0)
	}
	for f := range max(len(line), len(before)) {
		var c, b cell
		if f < len(line) {
			c = line[f]
		}
		if f < len(before) {
			b = before[f]
		}
		if c&cellAsked == 0 && b&cellAsked == 0 || s.endsBefore(uint16(f), ttl) {
			continue
		}
		if c&cellAsked != 0 {
			s.count(v, c)
		}
		if n := v.nearOfFlow(b, known); n != nil {
			s.pass(v, n, c)
		}
		if c.answered() && b&cellAsked != 0 {
			v.farAt(c.node()).back++
		}
	}
}

// count takes a cell of the row.
func (s *Search) count(v *view, c cell) {
	switch {
	case c.answered():
		v.asked++
		v.answers++
		far := v.farAt(c.node())
		far.flows++
		if s.isEnd(c) {
			far.ends, v.ended = true, true
		}
	case c.silent():
		v.asked++
		v.silent++
	case c.pending():
		v.asked++
	}
}

// nearOfFlow returns the near end of a flow whose cell at the TTL before is b. It is nil if that is
// not known.
func (v *view) nearOfFlow(b cell, known bool) *near {
	switch {
	case v.alone, v.nears[0].node == 0:
		return &v.nears[0]
	case known && (b.answered() || b.silent()):
		if m := v.nearOf[b.node()]; m.epoch == v.epoch {
			return &v.nears[m.at]
		}
	}
	return nil
}

// pass takes a flow through n with the cell c in the row.
func (s *Search) pass(v *view, n *near, c cell) {
	n.through++
	switch {
	case c&cellAsked == 0:
		n.fresh++
	case c.answered():
		n.asked++
		n.answers++
		if v.link(n.node, c.node()) {
			n.width++
			n.ended = n.ended || s.isEnd(c)
			if s.cfg.Known != nil {
				n.sum += s.cfg.Known.sum(s.addrs[c.node()-1])
			}
			if n.width > 1 && len(v.nears) > 1 && n.node != 0 {
				v.meshed = true
			}
		}
	case c.silent():
		n.asked++
		n.silent++
	case c.pending():
		n.asked++
	}
}
