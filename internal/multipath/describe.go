package multipath

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/masstrace/masstrace/internal/record"
)

// Describer makes records of targets. Its buffers are reused. The zero value is ready.
type Describer struct {
	samples
	spans
	cfg    *Config
	halted bool // the search was stopped, or the most probes were sent

	nodes  []uint16            // the numbers of the nodes of the record
	place  [maxNodes + 1]int32 // of a number in nodes, if it is there
	forks  []fork              // by TTL, then number
	passes []pass              // those into the row at hand
	steps  []step              // the links that count, of all flows; see Cover
	cover  []uint16

	apart  [][]pass // the passes of the links to be dropped, into the row at hand
	groups []group
	in     [MaxFlows]uint16 // the group of each flow, from 1
	widths [65]uint16       // nodes of each row
	hidden [65]uint16       // flows in each row that nothing answered
	heard  [65]uint16       // and those that were answered
	missed [65]uint16       // flows in each row with an attempt that nothing answered
	misses [65]uint16       // and those attempts
	veiled [65]uint8        // row with several nodes, after a per-packet balancer in front of this row
	moved  [MaxFlows]bool
	shaken [65]bool             // the balancer in front of a row moved flows once
	since  [65]int64            // when it had certainly done so, ns
	seen   [maxNodes + 1]uint8  // highest TTL at which a node goes on
	counts [maxNodes + 1]uint16 // flows at each node of a row
	random [maxNodes + 1]bool   // a node is a per-packet balancer at some TTL
	routes [maxNodes + 1]route  // next hops of a node at all its TTLs
	full   uint8                // TTL from which nodes are controlled; 0: nowhere
	starts uint8                // lowest TTL probed
	last   uint8                // highest TTL with an answer
}

// Describe fills m with what the observations of one target show. They come in any order. halted
// is set if the search was stopped before its end. Describe leaves Target, Source and Method of m
// as they are. Prefix sets PerDestination and HashDestination, which one target cannot show.
func (d *Describer) Describe(m *record.Multipath, cfg *Config, seen []Observation, halted bool) {
	target, source, method := m.Target, m.Source, m.Method
	m.Reset()
	m.Target, m.Source, m.Method, m.MDA = target, source, method, cfg.MDA
	m.Probes = len(seen)
	d.cfg, d.halted = cfg, halted || cfg.MaxProbes > 0 && len(seen) >= cfg.MaxProbes
	m.Unfinished = d.halted
	d.nodes, d.forks, d.steps = d.nodes[:0], d.forks[:0], d.steps[:0]
	clear(d.moved[:])
	clear(d.random[:])
	clear(d.routes[:])
	clear(d.widths[:])
	clear(d.hidden[:])
	clear(d.heard[:])
	clear(d.missed[:])
	clear(d.misses[:])
	clear(d.veiled[:])
	d.full, d.starts, d.last = 0, 0, 0
	if len(seen) == 0 {
		return
	}
	d.gather(seen)
	m.Start = seen[0].Sent
	for i := range seen {
		m.Start = min(m.Start, seen[i].Sent)
	}
	for i := range d.all {
		if d.all[i].node != 0 {
			d.last = d.all[i].ttl
		}
	}
	if len(d.all) > 0 {
		d.starts = d.all[0].ttl
	}
	if d.starts == 0 {
		return
	}
	for t := int(d.starts); t <= int(d.last)+1; t++ {
		d.describeNodes(m, t)
	}
	d.findVeiled()
	d.findMoves()
	for d.describeRows(m); d.isRandomElsewhere() || d.isPartedElsewhere(); {
		d.describeRows(m)
	}
	if d.full != 0 {
		m.MDA = record.Full
	}
	for _, moved := range d.moved {
		if moved {
			m.Remapped++
		}
	}
	d.describeForks(m)
}

// describeRows adds the links and finds the forks.
func (d *Describer) describeRows(m *record.Multipath) {
	d.forks, d.steps, d.groups, d.edges = d.forks[:0], d.steps[:0], d.groups[:0], d.edges[:0]
	m.Links, d.full = m.Links[:0], 0
	clear(d.in[:])
	clear(d.seen[:])
	if d.cfg.MDA == record.Full {
		d.full = 1
	}
	for t := int(d.starts); t <= int(d.last)+1; t++ {
		d.describeRow(m, t)
	}
}

// isRandomElsewhere reports whether a fork is at a node that is a per-packet balancer at another TTL,
// and was not taken for one. It may have shown one next hop there: few flows are as late, and those that
// moved do not count.
func (d *Describer) isRandomElsewhere() bool {
	for i := range d.forks {
		if f := &d.forks[i]; f.packet && f.node != 0 {
			d.random[f.node] = true
		}
	}
	return slices.ContainsFunc(d.forks, func(f fork) bool { return !f.packet && d.random[f.node] })
}

// describeNodes adds the nodes at a TTL.
func (d *Describer) describeNodes(m *record.Multipath, t int) {
	begin := len(d.nodes)
	add := func(node uint16) {
		if i := int(d.place[node]); i >= begin && i < len(d.nodes) && d.nodes[i] == node {
			m.Nodes[i].Flows++
			return
		}
		d.place[node] = int32(len(d.nodes))
		d.nodes = append(d.nodes, node)
		m.Nodes = append(m.Nodes, record.Node{TTL: uint8(t), Addr: d.addrs[node-1], Flows: 1})
	}
	row := d.row(t)
	for i := range row {
		if o := &row[i]; o.node != 0 {
			add(o.node)
		}
	}
	d.widths[t] = uint16(len(d.nodes) - begin)
	d.hidden[t], d.heard[t], d.missed[t], d.misses[t] = 0, 0, 0, 0
	for i := range row {
		if d.misses[t] += uint16(row[i].misses); row[i].misses > 0 {
			d.missed[t]++
		}
		if row[i].silent() {
			d.hidden[t]++
		} else if row[i].node != 0 {
			d.heard[t]++
		}
	}
	for i := range row {
		o := &row[i]
		if o.node == 0 || o.away {
			continue
		}
		if o.second != 0 && o.second != o.node {
			add(o.second)
		}
		if o.third != 0 && o.third != o.second && o.third != o.node {
			add(o.third)
		}
	}
	slices.SortFunc(d.nodes[begin:], d.byAddress)
	slices.SortFunc(m.Nodes[begin:], func(a, b record.Node) int { return bytes.Compare(a.Addr[:], b.Addr[:]) })
}

// findMoves finds the balancers that moved flows. In a row after them another node answered a
// repeat than the first probe, and no flow moved twice. A per-packet balancer in front of the row, in
// the same diamond, explains all moves.
func (d *Describer) findMoves() {
	clear(d.shaken[:])
	clear(d.since[:])
	var turns [65]bool // by the first row of the diamond
	for t := int(d.starts); t <= int(d.last); t++ {
		row, when, front := d.row(t), moment{}, d.front(t)
		for i := range row {
			turns[front] = turns[front] || row[i].turned()
			when.take(&row[i])
		}
		turns[front] = turns[front] || when.isSeveral()
	}
	for t := int(d.starts); t <= int(d.last); t++ {
		row, when, front := d.row(t), moment{}, d.front(t)
		for i := range row {
			when.take(&row[i])
		}
		if when.before == 0 || turns[front] {
			continue
		}
		d.shaken[front] = true
		d.since[front] = max(d.since[front], when.before)
		for i := range row {
			if row[i].moved() {
				d.moved[row[i].flow] = true
			}
		}
	}
}

// front is Search.front.
func (d *Describer) front(t int) int {
	for t > int(d.starts) && (d.widths[t-1] != 1 || hides(int(d.hidden[t-1]), int(d.heard[t-1]))) {
		t--
	}
	return t
}

// findVeiled finds the per-packet balancers whose branches partly do not answer. Flows turn in a row,
// and silence in the row before may be a branch too. So the nearest TTL counts before which all
// flows certainly meet one node.
func (d *Describer) findVeiled() {
	sole := uint16(d.cfg.rule.Flows(1)) // the search asks more, if it can
	for t := int(d.starts) + 1; t <= int(d.last); t++ {
		if d.widths[t] < 2 || !d.turnsBehind(t) {
			continue
		}
		front := t
		if d.isAgain(t) {
			front--
		}
		for front > int(d.starts) && (d.widths[front-1] != 1 || d.isVeiled(front-1) || d.heard[front-1] < sole) {
			front--
		}
		if front < t && d.veiled[front] == 0 {
			d.veiled[front] = uint8(t)
		}
	}
}

// isVeiled reports whether silence may be a branch in the row at t. Of many flows, some are lost.
func (d *Describer) isVeiled(t int) bool {
	return hides(int(d.missed[t]), int(d.heard[t]))
}

// turnsBehind reports whether flows turn in the row at t, and perhaps do so before the TTL in front
// of it.
func (d *Describer) turnsBehind(t int) bool {
	row, when, turned := d.row(t), moment{}, false
	hidden, behind := 0, false
	for i := range row {
		o := &row[i]
		turned = turned || o.turned()
		when.take(o)
		if near := d.find(o.flow, t-1); o.second != 0 && (near == nil || near.node == 0 || near.misses > 0) {
			hidden++
			behind = behind || o.moved()
		}
	}
	if !turned && !when.isSeveral() && !(d.isVeiled(t-1) && when.before != 0 && d.stays(t, when.before) < provenBits) {
		return false
	}
	switch {
	case d.isAgain(t):
		return true
	case d.widths[t-1] == 0, behind && d.isVeiled(t-1):
		return true
	case d.isVeiled(t - 1): // the flows through a silent router of another branch stay
		return hidden < steady
	}
	return d.widths[t-1] == 1 && d.heard[t-1] < uint16(d.cfg.rule.Flows(1))
}

// stays returns how many repeats in the row at t stayed since a time.
func (d *Describer) stays(t int, since int64) (n int) {
	for _, o := range d.row(t) {
		n += o.stays(since)
	}
	return n
}

// isAgain reports whether the one node at the TTL before t is in the row at t again, beside others. A balancer
// before it has branches of different lengths.
func (d *Describer) isAgain(t int) bool {
	if d.widths[t-1] != 1 {
		return false
	}
	node := uint16(0)
	for _, o := range d.row(t - 1) {
		node = max(node, o.node)
	}
	return slices.ContainsFunc(d.row(t), func(o sample) bool { return o.node == node || o.second == node || o.third == node })
}

// turnsUnseen reports whether a flow turns in the row at t that was lost at the TTL before. All flows meet
// one node there, so that this one did too.
func (d *Describer) turnsUnseen(t int) bool {
	if d.widths[t-1] != 1 || d.isVeiled(t-1) {
		return false
	}
	row := d.row(t)
	for i := range row {
		o := &row[i]
		near := d.find(o.flow, t-1)
		if o.turned() && d.in[o.flow] == 0 && (near == nil || near.node == 0) {
			return true
		}
	}
	return false
}

// steady is how many flows that stay show that their branch is another one.
const steady = 10

// byAddress compares two nodes by address. 0, which is no node, comes first.
func (d *Describer) byAddress(a, b uint16) int {
	if a == 0 || b == 0 {
		return cmp.Compare(a, b)
	}
	return bytes.Compare(d.addrs[a-1][:], d.addrs[b-1][:])
}

// isMet reports whether the stopping rule is met at a fork, for itself or, in MDA-Lite, for the
// row.
func (d *Describer) isMet(f *fork) bool {
	rule := d.cfg.rule
	if f.answered >= rule.Flows(f.width) || f.width > d.cfg.MaxBranches {
		return true
	}
	lite := d.full == 0 || f.ttl+1 < d.full || f.loose
	return lite && f.rowAnswered >= rule.Flows(f.rowWidth)
}

// isShort reports whether silence kept a fork from meeting the rule.
func (d *Describer) isShort(f *fork) bool {
	need := d.cfg.rule.Flows(f.width)
	return givesUp(need, f.answered, f.asked-f.answered) || givesUp(need, f.rowAnswered, f.rowAsked-f.rowAnswered) ||
		f.rowAnswered == 0 || f.answered == 0 && f.asked > 0
}

// describeForks adds the balancers, and marks the nodes that were borrowed.
func (d *Describer) describeForks(m *record.Multipath) {
	at := 0
	for i := range d.forks {
		f := &d.forks[i]
		borrowed := d.cfg.Borrow && !d.halted && !f.open && f.answered > 0 && !d.isMet(f) && !d.isShort(f)
		for f.node != 0 && at < len(m.Nodes) && (m.Nodes[at].TTL != f.ttl || d.nodes[at] != f.node) {
			at++
		}
		if f.node == 0 || at == len(m.Nodes) {
			continue
		}
		m.Nodes[at].Borrowed = borrowed
		if f.width > 1 && !f.loose {
			d.describeBalancer(m, f, borrowed)
		}
	}
}

func (d *Describer) describeBalancer(m *record.Multipath, f *fork, borrowed bool) {
	b := record.Balancer{
		TTL: f.ttl, Addr: d.addrs[f.node-1], Width: f.width, Asked: f.asked, Answered: f.answered,
		Confidence: d.claim(f), Borrowed: borrowed,
		HashFields: d.hashFields(f, m.Target.Is4()),
	}
	if f.packet {
		b.Kind, b.Length = record.PerPacket, f.length
	} else {
		b.Length, b.Asymmetry = d.span(f)
	}
	switch {
	case f.width > d.cfg.MaxBranches:
		b.State = record.BalancerTruncated
	case f.answered >= d.cfg.rule.Flows(f.width) && !f.open || borrowed:
	case d.halted:
		b.State = record.BalancerUnfinished
	default:
		b.State = record.BalancerLimited
	}
	m.Balancers = append(m.Balancers, b)
}
