package compare

import (
	"cmp"
	"math"
	"math/bits"
	"net/netip"
	"slices"
)

// The test. Take the targets of a prefix, and the addresses that answered at one TTL in both scans:
// a pair for each target. The pairs are the edges of a graph of addresses. If only balancers differ,
// each pair could as well have the other order. A component of n edges whose old addresses are all
// others than its new ones then has a probability of 2 in 2ⁿ, because its two orders without a
// common address are the only ones. No width and no shares of branches are assumed.
//
// Components are looked for in all prefixes that part the targets, the largest first. A target whose
// address stays the same keeps its component from being a change, which leads to smaller prefixes.

// least is the least number of edges of a component that is tested.
const least = 4

// family is the accepted probability of any false change in a comparison.
const family = 0.01

// component is a part of the graph.
type component struct {
	edges  int
	dead   bool // an address stays the same, or the graph has a cycle of odd length
	mixed  bool // an address is old and new
	number int  // of the candidate, -1 without
}

// candidate is a component without a common address.
type candidate struct {
	ttl     uint8
	edges   int
	members []uint32 // rows
}

// test is a prefix with components at one TTL or more.
type test struct {
	first, last int // rows
	edges       int // of the largest component: decides the probability
	disjoint    bool
	candidates  []candidate
}

// finder finds changes.
type finder struct {
	c     *comparison
	tests []test
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

// visit tests the targets of a prefix, then those of its two halves. ttls are those with differences.
func (f *finder) visit(from, to int, ttls uint64) {
	t := test{first: from, last: to - 1}
	var left uint64
	for set := ttls; set != 0; set &= set - 1 {
		ttl := uint8(bits.TrailingZeros64(set))
		if f.at(&t, ttl) {
			left |= 1 << ttl
		}
	}
	if t.edges >= least {
		f.tests = append(f.tests, t)
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

// at adds the components at a TTL to t, and reports whether differences are left.
func (f *finder) at(t *test, ttl uint8) (left bool) {
	f.now++
	clear(f.parts)
	differ := false
	for i := t.first; i <= t.last; i++ {
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
	first := len(t.candidates)
	for _, p := range f.parts {
		if p.number = -1; p.dead || p.edges < least {
			continue
		}
		if p.mixed {
			if p.edges > t.edges {
				t.edges, t.disjoint = p.edges, false
			}
			continue
		}
		p.number = len(t.candidates)
		t.candidates = append(t.candidates, candidate{ttl: ttl, edges: p.edges})
		if p.edges >= t.edges {
			t.edges, t.disjoint = p.edges, true
		}
	}
	return f.members(t, ttl, first)
}

// members finds the rows of the new candidates, and reports whether other rows differ.
func (f *finder) members(t *test, ttl uint8, first int) (left bool) {
	for i := t.first; i <= t.last; i++ {
		if f.taken[i]>>ttl&1 != 0 {
			continue
		}
		in := -1
		f.c.pair(&f.c.rows[i], ttl, func(a, b id) {
			if a == b {
				return
			}
			root, _ := f.root(a)
			if p := f.parts[root]; p != nil && p.number >= first {
				in = p.number
			} else {
				left = true
			}
		})
		if in >= 0 {
			f.taken[i] |= 1 << ttl
			t.candidates[in].members = append(t.candidates[in].members, uint32(i))
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

// accepted returns the tests that show changes. A test of n edges can at best have the probability
// 2/2ⁿ. Tests that cannot reach the level count for nothing (Tarone 1990).
func (f *finder) accepted() (list []test) {
	slices.SortStableFunc(f.tests, func(a, b test) int { return cmp.Compare(b.edges, a.edges) })
	k := 0
	for k < len(f.tests) && chance(f.tests[k].edges)*float64(k+1) <= family {
		k++
	}
	for _, t := range f.tests[:k] {
		if t.disjoint {
			list = append(list, t)
		}
	}
	return list
}

// chance returns the probability of a component without a common address.
func chance(edges int) float64 { return math.Exp2(1 - float64(edges)) }

// report adds the changes of the accepted tests to the result. The candidates of a test are those of
// one change if they have targets of its largest one.
func (f *finder) report(list []test) {
	type shown struct {
		ttl  uint8
		test *test
	}
	changed := make(map[uint32]shown)
	for i := range list {
		t := &list[i]
		slices.SortStableFunc(t.candidates, func(a, b candidate) int {
			return cmp.Or(cmp.Compare(b.edges, a.edges), cmp.Compare(a.ttl, b.ttl))
		})
		for j, one := range t.candidates {
			known := 0
			for _, m := range one.members {
				if _, ok := changed[m]; ok {
					known++
				}
			}
			if j > 0 && one.edges < t.edges && 2*known < len(one.members) {
				continue
			}
			for _, m := range one.members {
				if s, ok := changed[m]; !ok || one.ttl < s.ttl {
					changed[m] = shown{one.ttl, t}
				}
			}
		}
	}
	for i := range f.c.rows {
		if s, ok := changed[uint32(i)]; ok {
			f.c.result.Changes = append(f.c.result.Changes, f.c.change(&f.c.rows[i], s.ttl, s.test))
		}
	}
	f.c.count(func(i int) bool { _, ok := changed[uint32(i)]; return ok })
}

// change describes the change of a row.
func (c *comparison) change(r *row, ttl uint8, t *test) Change {
	n := Change{Target: c.addr(r.target), TTL: ttl, Witnesses: t.edges, Chance: chance(t.edges)}
	n.Prefix = c.prefix(t.first, t.last)
	c.pair(r, ttl, func(a, b id) {
		if a != b && !n.Old.IsValid() {
			n.Old, n.New = c.addr(a), c.addr(b)
		}
	})
	for before := ttl - 1; before > 0 && !n.After.IsValid(); before-- {
		c.pair(r, before, func(a, b id) {
			if a == b {
				n.After = c.addr(a)
			}
		})
	}
	n.Left, n.Entered = c.systems(r)
	return n
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
