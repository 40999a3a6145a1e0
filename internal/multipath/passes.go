package multipath

import (
	"cmp"
	"slices"

	"github.com/masstrace/masstrace/internal/record"
)

// pass is a flow on its way from a TTL to the next.
type pass struct {
	near, far uint16 // 0 did not answer, or was not asked
	flow      uint16
	dt        int64
	flags     passFlags
}

type passFlags uint8

const (
	passLink    passFlags = 1 << iota // both ends were asked
	passThrough                       // the flow went through near: it counts there
	passSure                          // no balancer is known to have moved the flow
)

// fork is a node and its branches.
type fork struct {
	ttl    uint8 // of the node
	node   uint16
	packet bool // it is a per-packet balancer
	open   bool // too few repeats show that it is none
	loose  bool // a per-packet balancer lies before it
	stays  bool // enough repeats show that flows stay
	width  int
	length int // if packet

	tally                           tally
	asked, answered                 int
	rowAsked, rowAnswered, rowWidth int // of all flows
}

// step is a link that a flow took.
type step struct {
	flow uint16
	link int32
}

// describeRow adds the links into the row at t and the forks in front of it.
func (d *Describer) describeRow(m *record.Multipath, t int) {
	d.countGroups(t)
	d.walk(t)
	slices.SortFunc(d.passes, func(a, b pass) int {
		if a.near != b.near {
			return d.byAddress(a.near, b.near)
		}
		if a.far != b.far {
			return d.byAddress(a.far, b.far)
		}
		return cmp.Compare(a.flow, b.flow)
	})
	first := len(d.forks)
	d.addForks(t)
	d.dropApart(t, d.forks[first:])
	d.addLinks(m, t)
	d.dissolve(t)
	uneven := d.isUneven(first, t)
	for _, o := range d.row(t) {
		if o.node != 0 && !o.ends {
			d.seen[o.node] = uint8(t)
		}
	}
	if uneven {
		from := d.front(t)
		if d.full == 0 || from < int(d.full) {
			d.full = uint8(from)
		}
	}
}

// alone returns the node that all flows pass at the TTL before t. It is 0 in front of the first
// TTL, where this host is.
func (d *Describer) alone(t int) (node uint16, ok bool) {
	if t == int(d.starts) {
		return 0, true
	}
	if d.first != 0 && t > int(d.first) {
		return 0, false
	}
	row := d.row(t - 1)
	for i := range row {
		switch o := &row[i]; {
		case o.node == 0 || node != 0 && o.node != node:
			return 0, false
		default:
			node = o.node
		}
	}
	return node, node != 0
}

// walk fills passes with the flows from the TTL before t to t.
func (d *Describer) walk(t int) {
	d.passes = d.passes[:0]
	node, alone := d.alone(t)
	before, row := d.row(t-1), d.row(t)
	if t == int(d.starts) {
		before = nil
	}
	for len(before) > 0 || len(row) > 0 {
		var near, far *sample
		if len(row) == 0 || len(before) > 0 && before[0].flow <= row[0].flow {
			near = &before[0]
		}
		if len(before) == 0 || len(row) > 0 && row[0].flow <= before[0].flow {
			far = &row[0]
		}
		if near != nil {
			before = before[1:]
		}
		if far != nil {
			row = row[1:]
		}
		if far != nil && !far.void() && (near == nil || !near.ends) {
			d.pass(t, near, far, node, alone)
		}
	}
}

// pass adds the flow of far, which passes near if it was asked there, and the node alone if all do.
func (d *Describer) pass(t int, near, far *sample, node uint16, alone bool) {
	p := pass{far: far.node, flow: far.flow, flags: passSure}
	if far.moved() {
		p.flags &^= passSure
	}
	switch {
	case near == nil && !alone:
		return
	case near == nil:
		p.near = node
		p.flags |= passThrough
	default:
		p.near = near.node
		p.dt = max(far.sent-near.sent, near.sent-far.sent)
		p.flags |= passLink
		if near.node != 0 {
			p.flags |= passThrough
		}
		if near.moved() {
			p.flags &^= passSure
		}
	}
	if i := d.in[far.flow]; i != 0 && t > int(d.groups[i-1].from) {
		g := &d.groups[i-1]
		switch {
		case g.packet && !g.joined: // near and far are of different ways
			return
		case g.packet:
			p.flags &^= passThrough
		case g.turns || near == nil || !near.confirmed() || !g.joined && !far.confirmed():
			p.flags &^= passSure
		}
	}
	d.passes = append(d.passes, p)
}

// addForks adds the forks in front of the row at t, from the passes.
func (d *Describer) addForks(t int) {
	all := fork{ttl: uint8(t - 1)}
	row := d.row(t)
	for i := range row {
		if !row[i].void() {
			all.rowAsked++
			if row[i].node != 0 {
				all.rowAnswered++
			}
		}
	}
	all.rowWidth = int(d.widths[t])
	for begin, end := 0, 0; begin < len(d.passes); begin = end {
		for end = begin; end < len(d.passes) && d.passes[end].near == d.passes[begin].near; end++ {
		}
		f := all
		f.node = d.passes[begin].near
		if f.node != 0 || t == int(d.starts) {
			d.addFork(t, f, d.passes[begin:end])
		}
	}
}

// addFork adds the fork f, which the passes, sorted by far end, go through.
func (d *Describer) addFork(t int, f fork, passes []pass) {
	moved, far, flows, when := d.shaken[t], uint16(0), 0, moment{}
	for i := range passes {
		p := &passes[i]
		if p.flags&passThrough == 0 {
			f.loose = true
			continue
		}
		o, inMoved := d.find(p.flow, t), false
		if g := d.in[p.flow]; g != 0 {
			inMoved = !d.groups[g-1].packet // the move may fall between two repeats
		}
		if inMoved {
			continue
		}
		when.take(o)
		f.packet = f.packet || o.turned() || o.moved() && !moved // other flows of the diamond turned
	}
	f.packet = f.packet || when.isSeveral() || d.turnsUnseen(t) || d.veiled[t] != 0 || f.node != 0 && d.random[f.node]
	for i := range passes {
		p := &passes[i]
		if p.flags&passThrough == 0 {
			continue
		}
		f.asked++
		if p.far == 0 {
			continue
		}
		f.answered++
		sure := p.flags&passSure != 0
		if moved && !f.packet {
			sure = sure && d.find(p.flow, t).confirmed()
			if !sure {
				p.flags &^= passSure
			}
		}
		if !sure && !f.packet {
			continue
		}
		if p.far != far {
			f.width++
			if flows > 0 {
				f.tally.add(flows)
			}
			far, flows = p.far, 0
		}
		flows++
	}
	if flows > 0 {
		f.tally.add(flows)
	}
	if d.veiled[t] != 0 && d.widths[t] > 0 { // the nodes of its branches come into sight there
		f.width = max(f.width, int(d.widths[d.veiled[t]]))
	}
	f.stays = d.isProven(t, passes)
	f.open = !f.packet && f.width > 1 && !f.stays
	d.findParted(&f, passes)
	if !f.packet && d.mayTurn(t, passes) {
		for i := range passes {
			if g := d.in[passes[i].flow]; g != 0 {
				d.groups[g-1].turns = true
			}
		}
	}
	d.forks = append(d.forks, f)
	if f.packet || f.open || moved {
		d.addGroup(t, passes, &f)
	}
}

// mayTurn reports whether flows of the passes moved in the row at t, and too few flows of the row stayed since
// then to show that they moved once.
func (d *Describer) mayTurn(t int, passes []pass) bool {
	moved := slices.ContainsFunc(passes, func(p pass) bool { return p.far != 0 && d.find(p.flow, t).moved() })
	return moved && d.stays(t, d.since[d.front(t)]) < provenBits
}

// addLinks adds the links of the passes.
func (d *Describer) addLinks(m *record.Multipath, t int) {
	for begin, end := 0, 0; begin < len(d.passes); begin = end {
		l := record.Link{TTL: uint8(t - 1), Remapped: true}
		p := &d.passes[begin]
		for end = begin; end < len(d.passes) && d.passes[end].near == p.near && d.passes[end].far == p.far; end++ {
			q := &d.passes[end]
			if q.flags&passLink == 0 {
				continue
			}
			if l.Flows == 0 || q.dt < l.Dt {
				l.Dt = q.dt
			}
			l.Flows++
			l.Remapped = l.Remapped && q.flags&passSure == 0
		}
		if l.Flows == 0 || p.near == 0 && p.far == 0 || p.far == 0 && t > int(d.last) {
			continue
		}
		if p.near != 0 {
			l.Near = d.addrs[p.near-1]
		}
		if p.far != 0 {
			l.Far = d.addrs[p.far-1]
		}
		if !l.Remapped {
			d.edges = append(d.edges, edge{l.TTL, p.near, p.far})
			for _, q := range d.passes[begin:end] {
				if q.flags&(passLink|passSure) == passLink|passSure {
					d.steps = append(d.steps, step{q.flow, int32(len(m.Links))})
				}
			}
		}
		m.Links = append(m.Links, l)
	}
}

// isUneven is Search.isUneven for the row at t, whose forks begin with first.
func (d *Describer) isUneven(first, t int) bool {
	nears, meshed := 0, false
	for i := first; i < len(d.forks); i++ {
		if d.forks[i].loose {
			return false
		}
		nears++
		meshed = meshed || d.forks[i].width > 1
	}
	for _, g := range d.groups {
		if g.packet && d.in[0] != 0 && int(g.from) < t && !g.joined {
			return false
		}
	}
	if meshed && nears > 1 {
		return true
	}
	ends, others := false, false
	row := d.row(t)
	for i := range row {
		if row[i].node != 0 {
			ends, others = ends || row[i].ends, others || !row[i].ends
		}
	}
	if ends && others {
		return true
	}
	if ends || d.widths[t] <= 1 && (t == int(d.starts) || d.widths[t-1] <= 1) {
		return false
	}
	return d.isElsewhere(t)
}

// isElsewhere is Search.isElsewhere.
func (d *Describer) isElsewhere(t int) bool {
	row := d.row(t)
	for i := range row {
		if o := &row[i]; o.node != 0 && d.seen[o.node] != 0 && int(d.seen[o.node]) >= t-farthest {
			return true
		}
	}
	return false
}
