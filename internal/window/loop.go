package window

import (
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
)

// FindLoop says whether a path ends in a loop of routers, by who answered at
// each TTL, which is the index; the zero Addr is silence. It does if the last one
// that answered did the same one and two rounds before, and nothing in between
// says otherwise: once may be a balancer with branches of unequal length. again is
// the TTL at which the path comes to a router for the second time.
func FindLoop(at []probe.Addr) (again uint8, ok bool) {
	top := len(at) - 1
	for top > 0 && at[top].IsZero() {
		top--
	}
	for round := 2; 2*round < top; round++ {
		if at[top] != at[top-round] || at[top] != at[top-2*round] {
			continue
		}
		if slices.Contains(at[top-round+1:top], at[top]) {
			return 0, false // one that answers for all behind it
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

// same reports whether two answers may be of one router.
func same(a, b probe.Addr) bool { return a == b || a.IsZero() || b.IsZero() }
