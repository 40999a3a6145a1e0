package netsim

// nodeKey identifies a node.
type nodeKey struct {
	ttl    int
	node   node
	target bool
	answer Answer
	fate   Fate
}

// token is a part of the packets on their way.
type token struct {
	from  int     // the last node, −1 before the first
	pos   int     // routers passed
	share float64 // of the packets that met from
}

// builder makes a Graph.
type builder struct {
	t    *Truth
	in   flow
	p    plan
	h    flowHash
	last int
	g    Graph

	nodes map[nodeKey]int
	links map[Link]float64 // shares
	forks map[int]balance
	fixed map[int]bool
}

func (b *builder) build() {
	m := b.t.m
	var (
		tl     tail
		base   int64
		tokens = []token{{from: -1, share: 1}}
		room   = m.cfg.MaxHops - 1
	)
	for level := range levels {
		prefix := b.p.prefix(level)
		g := m.segment(level, prefix, b.p.six, 0, room)
		n := node{prefix: prefix, level: uint8(level), six: b.p.six}
		rest := room - g.most()
		if b.p.vantage != 0 {
			m.further(&g, &n, &b.p)
		}
		v := visitor{b: b, g: &g, n: n, base: base}
		tokens = v.through(tokens)
		from, inside := 0, 0
		if g.layers == 0 {
			from, _ = m.branches(&g.balance, &b.h, int(g.width), perPacket)
			inside = g.branchLen(from)
		}
		tl.add(n, &g, int(g.before+g.after)+inside, from, inside, base)
		base, room = base+g.delay, rest
		if _, done := m.stopped(&b.p, level, &tl, tokens[0].pos, b.in.proto, 255); done {
			for _, tok := range tokens {
				b.stop(tok, level, &tl)
			}
			b.finish()
			return
		}
	}
	for _, tok := range tokens {
		w := m.arrived(&b.p, &tl, tok.pos, base, &b.in, uint8(tok.pos+1))
		b.meet(tok, &w)
	}
	b.finish()
}

// stop adds the nodes at which packets are stopped after a level: one, or those of a loop.
func (b *builder) stop(tok token, level int, tl *tail) {
	for ttl := tok.pos + 1; ttl <= b.last; ttl++ {
		w, _ := b.t.m.stopped(&b.p, level, tl, tok.pos, b.in.proto, uint8(ttl))
		at := tok
		at.pos = ttl - 1
		if tok.from = b.meet(at, &w); !w.loop {
			return
		}
		tok.share = 1
	}
}

// meet adds the node that a token meets at the end of a way, and the link to it. It returns the
// node, −1 beyond the last TTL.
func (b *builder) meet(tok token, w *way) int {
	ttl := tok.pos + 1
	if ttl > b.last {
		return -1
	}
	key := nodeKey{ttl: ttl, node: w.node, target: w.target, answer: w.answer, fate: w.fate}
	if w.target {
		key.node = node{}
	}
	i, ok := b.nodes[key]
	if !ok {
		i = len(b.g.Nodes)
		b.nodes[key] = i
		b.g.Nodes = append(b.g.Nodes, Node{TTL: uint8(ttl), Hop: b.t.hop(&b.p, &b.in, w)})
	}
	if tok.from >= 0 {
		l := Link{Near: tok.from, Far: i}
		if _, ok := b.links[l]; !ok {
			b.g.Links = append(b.g.Links, l)
		}
		b.links[l] += tok.share
	}
	return i
}

// finish adds the forks.
func (b *builder) finish() {
	branches := make([][]Branch, len(b.g.Nodes))
	for _, l := range b.g.Links {
		branches[l.Near] = append(branches[l.Near], Branch{Node: l.Far, Share: b.links[l]})
	}
	for i, list := range branches {
		if b.fixed[i] {
			b.g.Fixed = append(b.g.Fixed, i)
		}
		if len(list) < 2 {
			continue
		}
		by := b.forks[i]
		f := Fork{Node: i, Fields: by.hashed(b.p.six), Remaps: b.t.m.cfg.Remap > 0 && b.t.m.remaps(&by), Branches: list}
		if by.balancer == perPacket {
			f.Kind = ByPacket
		}
		b.g.Forks = append(b.g.Forks, f)
	}
}

// visitor takes tokens through one segment.
type visitor struct {
	b    *builder
	g    *segment
	n    node
	base int64
}

// router takes tokens past a router. Tokens with the same position become one.
func (v *visitor) router(tokens []token, slot uint16, place int) []token {
	m, out := v.b.t.m, tokens[:0:0]
	v.n.slot = slot
	at := make(map[int]bool)
	for _, tok := range tokens {
		ttl := tok.pos + 1
		w := m.expired(&v.b.p, v.n, ttl, v.base+v.g.delayAt(place), uint8(ttl))
		i := v.b.meet(tok, &w)
		if !at[ttl] {
			at[ttl] = true
			out = append(out, token{from: i, pos: ttl, share: 1})
		}
	}
	return out
}

// through takes tokens through the segment.
func (v *visitor) through(tokens []token) []token {
	g := v.g
	for i := range int(g.before) {
		tokens = v.router(tokens, uint16(1+i), i)
	}
	switch {
	case g.layers != 0:
		tokens = v.fabric(tokens)
	case g.width != 0:
		var ends []token
		for i, list := range v.fork(tokens, g.balance, int(g.width)) {
			for k := range g.branchLen(i) {
				if len(list) > 0 {
					slot, place := g.slot(int(g.before)+k, i, g.branchLen(i))
					list = v.router(list, slot, place)
				}
			}
			ends = append(ends, list...)
		}
		tokens = ends
	}
	for i := range int(g.after) {
		tokens = v.router(tokens, uint16(1+int(g.before)+i), int(g.before+g.longest)+i)
	}
	return tokens
}

// fork divides tokens among n branches.
func (v *visitor) fork(tokens []token, by balance, n int) [][]token {
	lists := make([][]token, n)
	from, to := v.b.t.m.branches(&by, &v.b.h, n, perFlow)
	if n > 1 && by.fixed() {
		for _, tok := range tokens {
			v.b.fixed[tok.from] = true
		}
	}
	total := 0
	for i := from; i < to; i++ {
		total += by.weight(i, n)
	}
	for i := from; i < to; i++ {
		for _, tok := range tokens {
			if to-from > 1 {
				v.b.forks[tok.from] = by
			}
			tok.share *= float64(by.weight(i, n)) / float64(total)
			lists[i] = append(lists[i], tok)
		}
	}
	return lists
}

// fabric takes tokens through a fabric.
func (v *visitor) fabric(tokens []token) []token {
	g := v.g
	here := [][]token{tokens}
	for l := range g.depth() {
		width := g.layerWidth(l)
		there := make([][]token, width)
		for i, list := range here {
			if len(list) == 0 {
				continue
			}
			first, count := g.step(l, i)
			for k, part := range v.fork(list, v.b.t.m.balanceAt(g, l, i), count) {
				j := (first + k) % width
				there[j] = append(there[j], part...)
			}
		}
		for j, list := range there {
			if len(list) > 0 && !g.skipped(l, j) {
				there[j] = v.router(list, g.fabricSlot(l, j), int(g.before)+l)
			}
		}
		here = there
	}
	var ends []token
	for _, list := range here {
		ends = append(ends, list...)
	}
	return ends
}
