package trace

import (
	"slices"

	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// Tree remembers which router came before which on the paths of a scan, in a fixed
// amount of memory. Paths from one vantage point are a tree, but for load balancers,
// whose branches come together again: so a router may have several before it, of
// which two are remembered, enough to see that they differ and where they meet.
//
// It is a table of sets of eight nodes. Where a set is full a new node takes the place
// of an old one, and what was borrowed through that one is not any more.
//
// It belongs to one goroutine.
type Tree struct {
	nodes []node
}

const treeWays = 8

// NodeOctets is the memory of one node of a Tree.
const NodeOctets = 48

// node is a router at a TTL.
type node struct {
	key    uint64 // window.HashHop, 0 of none
	before [2]record.Interface
}

// NewTree returns an empty tree of n nodes, rounded up to a power of two.
func NewTree(n int) *Tree {
	size := treeWays
	for size < n {
		size *= 2
	}
	return &Tree{nodes: memory.Make[node](size)}
}

// find returns the node of a router. If it is not there, n is the one to take.
func (t *Tree) find(key uint64) (n *node, ok bool) {
	first := int(key>>8) & (len(t.nodes) - 1) &^ (treeWays - 1)
	set := t.nodes[first : first+treeWays]
	for i := range set {
		if set[i].key == key || set[i].key == 0 {
			return &set[i], set[i].key == key
		}
	}
	return &set[key%treeWays], false
}

// Link says that before was the next router with an answer below at: those between
// were asked, and silent.
func (t *Tree) Link(at, before record.Interface) {
	key := window.HashHop(at.TTL, at.Addr)
	n, ok := t.find(key)
	if !ok {
		*n = node{key: key}
	}
	switch known := n.before[0]; {
	case before.TTL > known.TTL: // between which was silence
		n.before = [2]record.Interface{before}
	case before.TTL == known.TTL && before != known:
		n.before[1] = before
	}
}

// Before calls yield for the routers before at, as far as they are certain: that is
// where all ways that are known lead through the same one. They come by descending
// TTL.
func (t *Tree) Before(at record.Interface, yield func(record.Interface)) {
	var room [maxFront]record.Interface
	front := append(room[:0], at)
	for {
		// The farthest go on to what comes before them.
		far := 0
		for i := range front {
			if front[i].TTL > front[far].TTL {
				far = i
			}
		}
		ttl := front[far].TTL
		n, ok := t.find(window.HashHop(ttl, front[far].Addr))
		if !ok { // its way ends in the unknown, and may be any
			return
		}
		front[far] = front[len(front)-1]
		front = front[:len(front)-1]
		for _, b := range n.before {
			// Where hashes meet, a node may be another's: ways lead down all the same.
			if b.TTL != 0 && b.TTL < ttl && !slices.Contains(front, b) {
				front = append(front, b)
			}
		}
		switch len(front) {
		case 0, maxFront:
			return
		case 1:
			yield(front[0])
		}
	}
}

// maxFront is how many ways may be under consideration, and one more.
const maxFront = 8
