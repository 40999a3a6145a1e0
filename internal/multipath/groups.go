package multipath

// group is the flows through a balancer that does not keep them together, up to the TTL at which
// their paths join again.
type group struct {
	fork    int   // in forks; the fork of a per-packet balancer
	packet  bool  // otherwise the balancer moved flows once
	open    bool  // it may as well be no per-packet balancer
	from    uint8 // first TTL at which the flows are mixed
	since   int64 // when the balancer had certainly moved the flows, ns; 0 if packet
	seen    uint16
	answers int // from then on
	silent  int
	nodes   uint8 // that they reach in the row at hand: 0, 1, or 2 for several
	joined  bool  // they certainly reach one node only
	turns   bool  // if not packet: the balancer may have moved the flows several times
}

// countGroups finds how many nodes the flows of each group reach at t.
func (d *Describer) countGroups(t int) {
	if len(d.groups) == 0 {
		return
	}
	for i := range d.groups {
		g := &d.groups[i]
		g.nodes, g.seen, g.joined, g.answers, g.silent = 0, 0, false, 0, 0
	}
	row := d.row(t)
	for i := range row {
		o := &row[i]
		if d.in[o.flow] == 0 {
			continue
		}
		g := &d.groups[d.in[o.flow]-1]
		if o.silent() || o.misses > 0 {
			g.silent++
		}
		sent := [...]int64{o.sent, o.sentAgain[0], o.sentAgain[1]}
		for k, node := range [...]uint16{o.node, o.second, o.third} {
			if node == 0 {
				continue
			}
			if sent[k] >= g.since { // all flows may have met one node only before they moved
				g.answers++
			}
			if node != g.seen {
				g.nodes = min(2, g.nodes+1)
				g.seen = node
			}
		}
	}
	for i := range d.groups {
		// An end tells nothing of the flows that did not get there.
		g := &d.groups[i]
		need := d.cfg.rule.Flows(1)
		if g.packet && !g.open {
			need = d.soleFlows(int(g.from), t)
		}
		g.joined = g.nodes == 1 && g.answers >= need && !(g.packet && hides(g.silent, g.answers)) && (d.first == 0 || t <= int(d.first))
	}
}

// dissolve ends the groups whose flows are at one node at t.
func (d *Describer) dissolve(t int) {
	ended := false
	for i := range d.groups {
		if g := &d.groups[i]; g.joined && t > int(g.from) {
			ended = true
			if g.packet {
				d.forks[g.fork].length = t - int(d.forks[g.fork].ttl)
			}
		}
	}
	if !ended {
		return
	}
	for f, i := range d.in {
		if i != 0 && d.groups[i-1].joined && t > int(d.groups[i-1].from) {
			d.in[f] = 0
		}
	}
}

// joinUnknown joins the flows to a group that no row shows at another node than near.
func (d *Describer) joinUnknown(number, near uint16) {
	for f := range d.in {
		if d.in[f] == 0 {
			d.in[f] = number
		}
	}
	for i := range d.passes {
		if p := &d.passes[i]; p.near != 0 && p.near != near && d.in[p.flow] == number {
			d.in[p.flow] = 0
		}
	}
}

// addGroup joins the flows of the passes through f to a group, and all flows that are not known to pass
// elsewhere.
func (d *Describer) addGroup(t int, passes []pass, f *fork) {
	packet := f.packet || f.open
	g := group{fork: len(d.forks) - 1, packet: packet, open: f.open, from: uint8(t), nodes: 2}
	if !packet {
		g.since = d.since[t]
	}
	d.groups = append(d.groups, g)
	number := uint16(len(d.groups))
	if _, alone := d.alone(t); alone || packet && (t == int(d.starts) || d.widths[t-1] <= 1) {
		for f := range d.in {
			d.in[f] = number
		}
	} else if packet {
		d.joinUnknown(number, passes[0].near)
	}
	for i := range passes {
		p := &passes[i]
		d.in[p.flow] = number
		if packet {
			p.flags |= passSure
		}
	}
}
