package multipath

import (
	"cmp"
	"slices"

	"github.com/masstrace/masstrace/internal/record"
)

// edge is a link by the numbers of its ends.
type edge struct {
	ttl       uint8
	near, far uint16
}

// branches is a set of branches of a fork. Those beyond its size count as the last one.
type branches [2]uint64

func (b *branches) join(o branches) { b[0] |= o[0]; b[1] |= o[1] }

func (b *branches) add(i int) {
	i = min(i, 127)
	b[i/64] |= 1 << (i % 64)
}

// spans finds where branches join again.
type spans struct {
	edges  []edge // by TTL
	epoch  uint32
	met    [maxNodes + 1]meeting
	fronts [2]front
}

// meeting has the branches that reach an address at any TTL.
type meeting struct {
	epoch uint32
	first uint8 // TTL of the first branch
	set   branches
}

// front is the nodes of a TTL, and the branches that reach each of them there.
type front struct {
	epoch uint32
	nodes []uint16
	sets  [maxNodes + 1]struct {
		epoch uint32
		set   branches
	}
}

func (f *front) reset(epoch uint32) { f.nodes, f.epoch = f.nodes[:0], epoch }

func (f *front) join(node uint16, set branches) {
	s := &f.sets[node]
	if s.epoch != f.epoch {
		s.epoch, s.set = f.epoch, branches{}
		f.nodes = append(f.nodes, node)
	}
	s.set.join(set)
}

func (f *front) at(node uint16) (branches, bool) {
	return f.sets[node].set, f.sets[node].epoch == f.epoch
}

// at returns the edges whose near end is at a TTL.
func (d *spans) at(ttl uint8) []edge {
	by := func(e edge, ttl uint8) int { return cmp.Compare(e.ttl, ttl) }
	i, _ := slices.BinarySearchFunc(d.edges, ttl, by)
	j, _ := slices.BinarySearchFunc(d.edges[i:], ttl+1, by)
	return d.edges[i : i+j]
}

// span returns the number of TTLs from f to the node where all its branches join. asymmetry is the
// difference between the longest and the shortest branch. Without such a node both are 0.
func (d *spans) span(f *fork) (length, asymmetry int) {
	d.epoch += 2
	now, next := &d.fronts[0], &d.fronts[1]
	now.reset(d.epoch)
	full, n := branches{}, 0
	for _, e := range d.at(f.ttl) {
		if e.near == f.node && e.far != 0 {
			var b branches
			b.add(n)
			full.add(n)
			n++
			now.join(e.far, b)
		}
	}
	meet := d.epoch
	for ttl := f.ttl + 1; len(now.nodes) > 0; ttl++ {
		for _, node := range now.nodes {
			set, _ := now.at(node)
			m := &d.met[node]
			if node == 0 {
				continue
			}
			if m.epoch != meet {
				*m = meeting{epoch: meet, first: ttl}
			}
			m.set.join(set)
			if m.set == full && (length == 0 || int(ttl-m.first) < asymmetry) {
				length, asymmetry = int(ttl-f.ttl), int(ttl-m.first)
			}
		}
		if length > 0 {
			return length, asymmetry
		}
		d.epoch++
		next.reset(d.epoch)
		for _, e := range d.at(ttl) {
			if set, ok := now.at(e.near); ok {
				next.join(e.far, set)
			}
		}
		now, next = next, now
	}
	return 0, 0
}

// hashFields returns the fields that decide the branch at f, if they were varied. A field matters
// if a flow takes another branch when the field alone changes.
func (d *Describer) hashFields(f *fork, is4 bool) record.HashFields {
	var compared, changed [VaryTOS + 1]int
	begin, _ := slices.BinarySearchFunc(d.varied, f.ttl+1, func(o sample, ttl uint8) int { return cmp.Compare(o.ttl, ttl) })
	for i := begin; i < len(d.varied) && d.varied[i].ttl == f.ttl+1; i++ {
		o := &d.varied[i]
		base := d.find(Base(o.flow), int(o.ttl))
		if o.node == 0 || base == nil || base.node == 0 || base.moved() || !d.isThrough(f, o) {
			continue
		}
		v := VariationOf(o.flow)
		compared[v]++
		if o.node != base.node {
			changed[v]++
		}
	}
	fields, any := record.Examined, false
	for v, field := range [...]record.HashFields{
		VaryDestPort: record.HashDestPort, VaryFlowLabel: record.HashFlowLabel, VaryTOS: record.HashTOS,
	} {
		any = any || compared[v] > 0
		if changed[v] > 0 {
			fields |= field
		}
	}
	switch {
	case !any:
		return 0
	case is4, compared[VaryFlowLabel] > 0 && changed[VaryFlowLabel] == 0:
		fields |= record.HashSourcePort // nothing else differs between the flows
	}
	return fields
}

// isThrough reports whether both the probe o with a variation and its base flow pass f.
func (d *Describer) isThrough(f *fork, o *sample) bool {
	near := d.find(Base(o.flow), int(f.ttl))
	if near != nil && near.node != f.node {
		return false
	}
	alone := f.ttl+1 == d.starts || d.widths[f.ttl] == 1
	for i := range d.varied {
		if v := &d.varied[i]; v.flow == o.flow && v.ttl == f.ttl {
			return v.node == f.node && near != nil
		}
	}
	return alone
}
