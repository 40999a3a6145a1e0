package window

import (
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
)

// FindCircle reports whether a path ends in a routing loop. at holds the interface that answered at
// each TTL, which is the index; the zero Addr is a silent hop. The path ends in a loop if three
// conditions hold. The last interface that answered also answered one and two rounds before. It did
// not answer at any other TTL of the last round. The hops of the two rounds match, where a silent
// hop matches any. One repetition is not enough: it may come from a load balancer with branches of
// unequal length. again is the TTL at which the path comes to an interface for the second time.
func FindCircle(at []probe.Addr) (again uint8, ok bool) {
	top := len(at) - 1
	for top > 0 && at[top].IsZero() {
		top--
	}
	for round := 2; 2*round < top; round++ {
		if at[top] != at[top-round] || at[top] != at[top-2*round] {
			continue
		}
		if slices.Contains(at[top-round+1:top], at[top]) {
			return 0, false // one device that answers for all hops after it
		}
		low, first := top-round, top-round
		for low > 0 && same(at[low], at[low+round]) {
			if at[low] == at[low+round] && !at[low].IsZero() {
				first = low
			}
			low--
		}
		if low < top-2*round {
			return uint8(first + round), true
		}
	}
	return 0, false
}

// same reports whether two hops may be the same router.
func same(a, b probe.Addr) bool { return a == b || a.IsZero() || b.IsZero() }
