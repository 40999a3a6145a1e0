package highlights

import (
	"bytes"
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
)

// mostHeavy is how many addresses a heavy remembers.
const mostHeavy = 4096

// heavy finds the addresses with the largest sums, in a bounded memory (Space-Saving: Metwally,
// Agrawal, El Abbadi, ICDT 2005). An address that was not there takes the place of the one with the
// least sum, and inherits that sum as its rank. So an address with more than 1/4096 of the sum of all is
// always there.
type heavy struct {
	index map[probe.Addr]*sum
	least sums
}

// sum is the sum of an address.
type sum struct {
	addr   probe.Addr
	rank   int64 // own, and what was inherited
	own    int64
	n      uint64 // numbers in own
	placed int    // in the heap
}

func newHeavy() heavy { return heavy{index: make(map[probe.Addr]*sum)} }

// add adds a number, which is not negative, to the sum of an address.
func (h *heavy) add(addr probe.Addr, v int64) {
	s := h.index[addr]
	switch {
	case s != nil:
	case len(h.least) < mostHeavy:
		s = &sum{addr: addr}
		h.index[addr] = s
		heap.Push(&h.least, s)
	default:
		s = h.least[0]
		delete(h.index, s.addr)
		*s = sum{addr: addr, rank: s.rank, placed: s.placed}
		h.index[addr] = s
	}
	s.rank += v
	s.own += v
	s.n++
	heap.Fix(&h.least, s.placed)
}

// top returns the addresses with the largest sums of their own, at most so many.
func (h *heavy) top(most int) (list []SlowHop) {
	all := slices.Clone(h.least)
	slices.SortFunc(all, func(a, b *sum) int {
		return cmp.Or(cmp.Compare(b.own, a.own), bytes.Compare(a.addr[:], b.addr[:]))
	})
	for _, s := range all[:min(len(all), most)] {
		list = append(list, SlowHop{Addr: s.addr, Mean: time.Duration(s.own / int64(s.n)), Traces: s.n})
	}
	return list
}

// sums is a heap with the least rank first.
type sums []*sum

func (s sums) Len() int           { return len(s) }
func (s sums) Less(i, j int) bool { return s[i].rank < s[j].rank }
func (s sums) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].placed, s[j].placed = i, j
}

// Push implements heap.Interface.
func (s *sums) Push(x any) {
	one := x.(*sum)
	one.placed = len(*s)
	*s = append(*s, one)
}

// Pop implements heap.Interface. Nothing is ever taken out.
func (s *sums) Pop() any {
	last := len(*s) - 1
	one := (*s)[last]
	*s = (*s)[:last]
	return one
}
