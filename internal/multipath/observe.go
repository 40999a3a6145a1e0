package multipath

import (
	"cmp"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
)

// sample has the answers to the probes of one (flow, TTL).
type sample struct {
	flow   uint16
	ttl    uint8
	ends   bool
	node   uint16 // that answered first; 0: none, see table.number
	second uint16 // that answered a repeat
	third  uint16
	// away is set if a repeat was answered from the end of a path, and the first probe was not.
	away   bool
	misses uint8 // attempts before the repeats that nothing answered
	sent   int64 // of the probe that node answered, or of the first one
	// sentAgain is when the repeats were sent that second and third answered.
	sentAgain [2]int64
}

// moved reports whether a repeat was answered by another node than the first probe.
func (o *sample) moved() bool {
	return o.node != 0 && (o.second != 0 && o.second != o.node || o.third != 0 && o.third != o.node)
}

// turned reports whether the flow moved twice, which balancers of flows do not do.
func (o *sample) turned() bool {
	return o.node != 0 && o.second != 0 && o.third != 0 && o.second != o.node && o.third != o.second
}

// moment bounds the time at which some flows moved, if all of them moved at once.
type moment struct {
	after, before int64 // ns; before 0: no flow moved
}

// take takes a flow.
func (m *moment) take(o *sample) {
	if !o.moved() {
		return
	}
	from, to := o.sent, o.sentAgain[0]
	if o.second == 0 || o.second == o.node {
		to = o.sentAgain[1]
		if o.second != 0 {
			from = o.sentAgain[0]
		}
	}
	if m.before == 0 || to < m.before {
		m.before = to
	}
	m.after = max(m.after, from)
}

// isSeveral reports whether the flows cannot have moved at one time.
func (m *moment) isSeveral() bool { return m.before != 0 && m.after > m.before }

// stays returns how many repeats were answered by the same node as the probe before them, if that one was
// sent since a time.
func (o *sample) stays(since int64) (n int) {
	if o.node != 0 && o.second == o.node && o.sent >= since {
		n++
	}
	if o.third != 0 && o.third == o.second && o.sentAgain[0] >= since {
		n++
	}
	return n
}

// confirmed reports whether all repeats were answered by the same node.
func (o *sample) confirmed() bool { return o.second != 0 && !o.moved() }

// void reports whether the answer came from beyond the end of the path.
func (o *sample) void() bool { return o.node == 0 && o.ends }

// silent reports whether nothing answered.
func (o *sample) silent() bool { return o.node == 0 && !o.ends }

// samples are the samples of a target.
type samples struct {
	table           // of addresses only
	all    []sample // by TTL, then flow
	varied []sample // those with a variation
	rows   [65]int  // where each TTL begins in all
	ends   [MaxFlows]uint8
	first  uint8 // lowest TTL at which a path ends; 0: none does
	order  []int32
}

// gather makes the samples of the observations.
func (d *samples) gather(seen []Observation) {
	d.table.reset(0)
	d.all, d.varied, d.order = d.all[:0], d.varied[:0], d.order[:0]
	for i := range seen {
		p := &seen[i].Probe
		if p.TTL >= 1 && p.TTL <= probe.MaxTTL && variationOf(p.Flow) <= probe.VaryTOS {
			d.order = append(d.order, int32(i))
		}
	}
	slices.SortFunc(d.order, func(i, j int32) int {
		a, b := &seen[i].Probe, &seen[j].Probe
		return cmp.Or(cmp.Compare(a.TTL, b.TTL), cmp.Compare(a.Flow, b.Flow), cmp.Compare(a.Attempt, b.Attempt))
	})
	d.findEnds(seen)
	for _, i := range d.order {
		d.take(&seen[i])
	}
	ttl := 0
	for i := range d.all {
		for ; ttl <= int(d.all[i].ttl); ttl++ {
			d.rows[ttl] = i
		}
	}
	for ; ttl < len(d.rows); ttl++ {
		d.rows[ttl] = len(d.all)
	}
	d.dropBeyond()
}

// findEnds finds the TTL at which the path of each flow ends. A weak end counts if no router
// answered beyond it.
func (d *samples) findEnds(seen []Observation) {
	clear(d.ends[:])
	d.first = 0
	var weak, router, proven [MaxFlows]uint8
	for _, i := range d.order {
		o := &seen[i]
		if !o.Answered || o.From.IsZero() || o.Attempt >= firstRepeat || variationOf(o.Flow) != probe.Unvaried {
			continue
		}
		f := o.Flow
		if at := o.TTL - min(o.Beyond, o.TTL-1); o.ends() && o.Beyond > 0 && (proven[f] == 0 || at < proven[f]) {
			proven[f] = at
		}
		switch {
		case o.ends() && d.ends[f] == 0:
			d.ends[f] = o.TTL
		case o.Ends && weak[f] == 0:
			weak[f] = o.TTL
		case !o.Ends:
			router[f] = o.TTL
		}
	}
	for f := range d.ends {
		if w := weak[f]; w != 0 && w > router[f] && (d.ends[f] == 0 || w < d.ends[f]) {
			d.ends[f] = w
		}
		if p := proven[f]; p > router[f] && p < d.ends[f] { // the target did not answer there
			d.ends[f] = p
		}
		if d.ends[f] != 0 && (d.first == 0 || d.ends[f] < d.first) {
			d.first = d.ends[f]
		}
	}
}

// take takes an observation, in the order of TTL, flow and attempt.
func (d *samples) take(o *Observation) {
	list := &d.all
	if variationOf(o.Flow) != probe.Unvaried {
		list = &d.varied
	} else if end := d.ends[o.Flow]; end != 0 && o.TTL > end {
		return
	}
	if n := len(*list); n == 0 || (*list)[n-1].flow != o.Flow || (*list)[n-1].ttl != o.TTL {
		*list = append(*list, sample{flow: o.Flow, ttl: o.TTL, sent: o.Sent})
	}
	s := &(*list)[len(*list)-1]
	if !o.Answered || o.From.IsZero() {
		if o.Attempt < firstRepeat {
			s.misses++
		}
		return
	}
	node := uint16(d.number(o.From))
	switch {
	case s.node == 0 && o.Attempt < firstRepeat:
		s.node, s.sent = node, o.Sent
		s.ends = list == &d.all && d.ends[o.Flow] == o.TTL
	case s.node == 0 || o.Attempt < firstRepeat:
		return
	case o.Attempt == firstRepeat:
		s.second, s.sentAgain[0] = node, o.Sent
	default:
		s.third, s.sentAgain[1] = node, o.Sent
	}
	s.away = s.away || o.Ends && !s.ends
}

// dropBeyond drops answers from beyond the end of a path. A flow that was not asked at the TTL
// before may have ended there, if others did.
func (d *samples) dropBeyond() {
	if d.first == 0 {
		return
	}
	for t := int(d.first) + 1; t < len(d.rows)-1; t++ {
		row, before := d.row(t), d.row(t-1)
		j := 0
		for i := range row {
			for ; j < len(before) && before[j].flow < row[i].flow; j++ {
			}
			goesOn := j < len(before) && before[j].flow == row[i].flow && before[j].node != 0 && !before[j].ends
			if row[i].ends && !goesOn {
				row[i] = sample{flow: row[i].flow, ttl: row[i].ttl, sent: row[i].sent, ends: true}
			}
		}
	}
}

// row returns the samples at a TTL, by flow.
func (d *samples) row(ttl int) []sample {
	if ttl < 0 || ttl+1 >= len(d.rows) {
		return nil
	}
	return d.all[d.rows[ttl]:d.rows[ttl+1]]
}

// find returns the sample of a flow at a TTL, or nil.
func (d *samples) find(flow uint16, ttl int) *sample {
	row := d.row(ttl)
	i, ok := slices.BinarySearchFunc(row, flow, func(o sample, f uint16) int { return cmp.Compare(o.flow, f) })
	if !ok {
		return nil
	}
	return &row[i]
}
