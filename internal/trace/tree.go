package trace

import (
	"slices"

	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// Tree remembers which router came before which on the paths of a scan, in a fixed amount of
// memory. The paths from one vantage point form a tree, except that the branches of a load balancer
// join again. So a router may have several predecessors. The Tree remembers two of them, enough to
// see that they differ and where they meet.
//
// It is a table of sets of eight nodes. If a set is full, a new node replaces an old one. Paths can
// then no longer be completed through the old one.
//
// A Tree belongs to one goroutine.
type Tree struct {
	nodes []node
}

const treeWays = 8

// NodeOctets is the memory of one node of a Tree.
const NodeOctets = 48

// node is a router at a TTL.
type node struct {
	key    uint64 // window.HashHop, 0 if empty
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

// find returns the node of a router. If there is none, n is the node to replace.
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

// Link records that before was the next router that answered below at. The TTLs between them were
// probed and silent.
func (t *Tree) Link(at, before record.Interface) {
	key := window.HashHop(at.TTL, at.Addr)
	n, ok := t.find(key)
	if !ok {
		*n = node{key: key}
	}
	switch known := n.before[0]; {
	case before.TTL > known.TTL: // the TTLs between them were silent
		n.before = [2]record.Interface{before}
	case before.TTL == known.TTL && before != known:
		n.before[1] = before
	}
}

// Before calls yield for the routers before at, by descending TTL, as far as they are certain. A
// router is certain if all known paths to at lead through it.
func (t *Tree) Before(at record.Interface, yield func(record.Interface)) {
	var room [maxFront]record.Interface
	front := append(room[:0], at)
	for {
		// Replace the hop with the highest TTL by its predecessors.
		far := 0
		for i := range front {
			if front[i].TTL > front[far].TTL {
				far = i
			}
		}
		ttl := front[far].TTL
		n, ok := t.find(window.HashHop(ttl, front[far].Addr))
		if !ok { // this path has no known predecessor, so none is certain
			return
		}
		front[far] = front[len(front)-1]
		front = front[:len(front)-1]
		for _, b := range n.before {
			// If hashes collide, the node may be another router's. The check makes TTLs
			// descend even then.
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

// maxFront is one more than the number of paths that Before follows at once.
const maxFront = 8
