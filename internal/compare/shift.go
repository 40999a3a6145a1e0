package compare

import (
	"cmp"
	"math"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/change"
)

// The test. Take the targets of a prefix, and the addresses that answered at one TTL in both
// scans: a pair for each target. The pairs are the edges of a graph of addresses. If only
// balancers differ, each pair could as well have the other order. Take a component of n edges
// whose old addresses are all others than its new ones. Two orders of the 2ⁿ are like this, so
// its probability is 2/2ⁿ. Its strength is the number of bits, n − 1. No width and no shares of
// branches are assumed.
//
// Components are looked for in all prefixes that part the targets, the largest first. A target
// whose address stays the same keeps its component from being a change, which leads to smaller
// prefixes. If no target of a prefix keeps its address, all components of the prefix are one.

// least is the least strength of a component that is kept: it may belong to a stronger one.
const least = 3

// leastAlone is the least strength of a component that is taken out of a prefix in which other
// addresses stay the same. Weaker ones may be stronger together, in a smaller prefix.
const leastAlone = 10

// falseShare is the accepted share of false changes among all (Benjamini and Hochberg 1995).
const falseShare = 0.01

// component is a part of the graph.
type component struct {
	edges  int
	dead   bool // an address stays the same, or the graph has a cycle of odd length
	mixed  bool // an address is old and new
	number int  // of the candidate, -1 without
}

// candidate is a component that is not dead.
type candidate struct {
	ttl      uint8
	strength int
	members  []uint32 // rows, in order; nil if the component is mixed
	// leader is the strongest candidate that has the same targets, at another TTL. It decides the
	// probability of all of them. It is the candidate itself, or nil before leaders are known.
	leader *candidate

	old, new id // of a straggler
}

// finder finds changes.
type finder struct {
	c          *comparison
	candidates []*candidate
	// The graph of a prefix and a TTL. Entries are valid if their stamp is that of now.
	now    uint32
	stamp  []uint32
	parent []id
	odd    []bool  // the way to parent has odd length
	seen   []uint8 // bit 0: old, bit 1: new
	parts  map[id]*component
	taken  []uint64 // for each row: TTLs that are in a candidate
}

// mostTTL is the highest TTL that is compared.
const mostTTL = 63

// changes finds the changed paths.
func (c *comparison) changes() {
	n := len(c.names.addrs)
	f := &finder{c: c, stamp: make([]uint32, n), parent: make([]id, n), odd: make([]bool, n), seen: make([]uint8, n),
		parts: map[id]*component{}, taken: make([]uint64, len(c.rows))}
	for from := 0; from < len(c.rows); {
		to := from
		for to < len(c.rows) && c.names.addrs[c.rows[to].target].Is4() == c.names.addrs[c.rows[from].target].Is4() {
			to++
		}
		f.visit(from, to, math.MaxUint64&^1)
		from = to
	}
	f.report(f.accepted())
}

// visit tests the targets of a prefix, then those of its two halves. ttls are those with
// differences.
func (f *finder) visit(from, to int, ttls uint64) {
	var left uint64
	for set := ttls; set != 0; set &= set - 1 {
		ttl := uint8(bits.TrailingZeros64(set))
		if f.at(from, to, ttl) {
			left |= 1 << ttl
		}
	}
	if left == 0 || to-from < 2 {
		return
	}
	half := f.c.half(from, to)
	f.visit(from, half, left)
	f.visit(half, to, left)
}

// half returns the first row of a range whose target has a 1 in the first bit that differs.
func (c *comparison) half(from, to int) int {
	length := c.common(from, to-1)
	at, _ := slices.BinarySearchFunc(c.rows[from:to], length, func(r row, length int) int {
		if a := c.names.addrs[r.target]; a[length/8]>>(7-length%8)&1 == 1 {
			return 1
		}
		return -1
	})
	return from + at
}

// common returns the number of bits that the targets of two rows have in common, of 128.
func (c *comparison) common(i, j int) int {
	x, y := &c.names.addrs[c.rows[i].target], &c.names.addrs[c.rows[j].target]
	for k := range x {
		if d := x[k] ^ y[k]; d != 0 {
			return 8*k + bits.LeadingZeros8(d)
		}
	}
	return 127
}

// at adds the components at a TTL to the candidates, and reports whether differences are left.
func (f *finder) at(from, to int, ttl uint8) (left bool) {
	f.now++
	clear(f.parts)
	differ := false
	for i := from; i < to; i++ {
		if f.taken[i]>>ttl&1 != 0 {
			continue
		}
		f.c.pair(&f.c.rows[i], ttl, func(a, b id) {
			differ = differ || a != b
			f.edge(a, b)
		})
	}
	if !differ {
		return false
	}
	if !f.whole(ttl) {
		for _, p := range f.parts {
			if p.number = -1; p.dead || p.edges-1 < leastAlone {
				continue
			}
			if !p.mixed {
				p.number = len(f.candidates)
			}
			f.candidates = append(f.candidates, &candidate{ttl: ttl, strength: p.edges - 1})
		}
	}
	return f.members(from, to, ttl)
}

// whole adds all components as one candidate, if none is dead.
func (f *finder) whole(ttl uint8) bool {
	strength, mixed := 0, false
	for _, p := range f.parts {
		if p.dead {
			return false
		}
		strength, mixed = strength+p.edges-1, mixed || p.mixed
	}
	if strength < least {
		return false
	}
	for _, p := range f.parts {
		if p.number = -1; !mixed {
			p.number = len(f.candidates)
		}
	}
	f.candidates = append(f.candidates, &candidate{ttl: ttl, strength: strength})
	return true
}

// members finds the rows of the new candidates, and reports whether other rows differ.
func (f *finder) members(from, to int, ttl uint8) (left bool) {
	for i := from; i < to; i++ {
		if f.taken[i]>>ttl&1 != 0 {
			continue
		}
		in := -1
		f.c.pair(&f.c.rows[i], ttl, func(a, b id) {
			if a == b {
				return
			}
			root, _ := f.root(a)
			if p := f.parts[root]; p.number >= 0 {
				in = p.number
			} else {
				left = true
			}
		})
		if in >= 0 {
			f.taken[i] |= 1 << ttl
			f.candidates[in].members = append(f.candidates[in].members, uint32(i))
		}
	}
	return left
}

// root returns the root of the component of an address, and whether the way there is odd.
func (f *finder) root(a id) (id, bool) {
	if f.stamp[a] != f.now {
		f.stamp[a], f.parent[a], f.odd[a], f.seen[a] = f.now, a, false, 0
		return a, false
	}
	if f.parent[a] == a {
		return a, false
	}
	root, odd := f.root(f.parent[a])
	f.parent[a], f.odd[a] = root, f.odd[a] != odd
	return root, f.odd[a]
}

func (f *finder) part(root id) *component {
	p := f.parts[root]
	if p == nil {
		p = &component{number: -1}
		f.parts[root] = p
	}
	return p
}

// edge adds a pair to the graph.
func (f *finder) edge(a, b id) {
	x, xOdd := f.root(a)
	y, yOdd := f.root(b)
	f.seen[a] |= 1
	f.seen[b] |= 2
	p := f.part(x)
	p.edges++
	p.mixed = p.mixed || f.seen[a] == 3 || f.seen[b] == 3
	switch {
	case x == y:
		p.dead = p.dead || xOdd == yOdd
	default:
		q := f.part(y)
		p.edges, p.dead, p.mixed = p.edges+q.edges, p.dead || q.dead, p.mixed || q.mixed
		f.parent[y], f.odd[y] = x, xOdd == yOdd
		delete(f.parts, y)
	}
}

// accepted returns the candidates that are changes. Candidates of the same targets are one test:
// the strongest one is tested, and decides for all. Candidates that cannot reach the level do not
// count as tests (Tarone 1990).
func (f *finder) accepted() (list []*candidate) {
	slices.SortFunc(f.candidates, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.strength, a.strength), slices.Compare(a.members, b.members), cmp.Compare(a.ttl, b.ttl))
	})
	of := map[uint32]*candidate{}
	var tests []*candidate
	for _, one := range f.candidates {
		if one.leader = leader(one, of); one.leader == one && chance(one.strength) <= falseShare {
			tests = append(tests, one)
		}
		for _, m := range one.members {
			if of[m] == nil {
				of[m] = one.leader
			}
		}
	}
	good := map[*candidate]bool{}
	var disjoint []*candidate
	for _, one := range tests {
		if one.members == nil {
			continue
		}
		if disjoint = append(disjoint, one); chance(one.strength) <= falseShare*float64(len(disjoint))/float64(len(tests)) {
			for _, d := range disjoint {
				good[d] = true
			}
		}
	}
	for _, one := range f.candidates {
		if one.members != nil && good[one.leader] {
			list = append(list, one)
		}
	}
	return list
}

// leader returns the leader of most members of a candidate, or the candidate itself.
func leader(one *candidate, of map[uint32]*candidate) *candidate {
	counts := map[*candidate]int{}
	for _, m := range one.members {
		if l := of[m]; l != nil {
			if counts[l]++; 2*counts[l] > len(one.members) {
				return l
			}
		}
	}
	return one
}

// chance returns the probability of a candidate.
func chance(strength int) float64 { return change.Chance(strength) }

// report adds the accepted changes to the result: for each target that at its lowest TTL.
func (f *finder) report(list []*candidate) {
	changed := make(map[uint32]*candidate)
	for _, one := range list {
		for _, m := range one.members {
			if s := changed[m]; s == nil || one.ttl < s.ttl {
				changed[m] = one
			}
		}
		if one.leader == one {
			f.stragglers(one, changed)
		}
	}
	for i := range f.c.rows {
		if one := changed[uint32(i)]; one != nil {
			f.c.result.Changes = append(f.c.result.Changes, f.c.change(&f.c.rows[i], one))
		}
	}
	f.c.count(func(i int) bool { return changed[uint32(i)] != nil })
}

// mostStragglers is the greatest number of rows among which stragglers are looked for, for each
// row that changed.
const mostStragglers = 16

// stragglers adds the other targets of a prefix that changed, if they lost an address that all
// lost, and have one that none had before. Silence, or branches of other lengths, kept them from
// the graph.
func (f *finder) stragglers(one *candidate, changed map[uint32]*candidate) {
	first, last := one.members[0], one.members[len(one.members)-1]
	if int(last-first) > mostStragglers*len(one.members) {
		return
	}
	f.now++
	for i := first; i <= last; i++ {
		r := &f.c.rows[i]
		for k := range f.c.scans {
			for _, p := range f.c.paths(r, k) {
				for _, a := range f.c.scans[k].of(&p).ids {
					f.root(a)
					f.seen[a] |= 1 << k
				}
			}
		}
	}
	for i := first; i <= last; i++ {
		if changed[i] != nil {
			continue
		}
		r := &f.c.rows[i]
		old, lost := f.firstOf(r, 0, inOld)
		fresh, met := f.firstOf(r, 1, inNew)
		if lost != 0 && met != 0 {
			changed[i] = &candidate{ttl: min(old, fresh), leader: one, old: lost, new: met}
		}
	}
}

// firstOf returns the first router on the paths of a scan that was seen as stated, and its TTL.
func (f *finder) firstOf(r *row, k int, seen uint8) (ttl uint8, first id) {
	for _, p := range f.c.paths(r, k) {
		h := f.c.scans[k].of(&p)
		for i, a := range h.ids {
			if f.seen[a] == seen && a != r.target {
				return h.ttls[i], a
			}
		}
	}
	return 0, 0
}

// change describes the change of a row.
func (c *comparison) change(r *row, one *candidate) Change {
	ttl, leader := one.ttl, one.leader
	n := Change{Target: c.addr(r.target), TTL: ttl, Witnesses: len(leader.members), Chance: chance(leader.strength)}
	n.Prefix = c.prefix(int(leader.members[0]), int(leader.members[len(leader.members)-1]))
	if one.old != 0 {
		n.Old, n.New = c.addr(one.old), c.addr(one.new)
	}
	c.pair(r, ttl, func(a, b id) {
		if a != b && !n.Old.IsValid() {
			n.Old, n.New = c.addr(a), c.addr(b)
		}
	})
	if last, _ := change.LastCommon(ttl, func(ttl uint8) id { return c.shared(r, ttl) }); last != 0 {
		n.After = c.addr(last)
	}
	n.Left, n.Entered = c.systems(r)
	return n
}

// shared returns an address that both scans have at a TTL, the last of several, or 0.
func (c *comparison) shared(r *row, ttl uint8) (last id) {
	c.pair(r, ttl, func(a, b id) {
		if a == b {
			last = a
		}
	})
	return last
}

// prefix returns the smallest prefix of the targets of a range of rows.
func (c *comparison) prefix(first, last int) netip.Prefix {
	a := c.addr(c.rows[first].target)
	length := a.BitLen()
	if first != last {
		length = c.common(first, last) - (128 - length)
	}
	p, err := a.Prefix(length)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// systems returns the autonomous systems of the old paths alone and of the new paths alone.
func (c *comparison) systems(r *row) (left, entered []uint32) {
	var in [2][]uint32
	for i := range in {
		for _, p := range c.paths(r, i) {
			for _, a := range c.scans[i].of(&p).ids {
				if as := c.names.as[a]; as != 0 && !slices.Contains(in[i], as) {
					in[i] = append(in[i], as)
				}
			}
		}
	}
	only := func(x, y []uint32) (list []uint32) {
		for _, as := range x {
			if !slices.Contains(y, as) {
				list = append(list, as)
			}
		}
		return list
	}
	return only(in[0], in[1]), only(in[1], in[0])
}
