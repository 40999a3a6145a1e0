package window

import (
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
)

// FindLoop reports whether a path ends in a routing loop. at holds the interface that answered at
// each TTL, which is the index; the zero Addr is a silent hop. The path ends in a loop if three
// conditions hold. The last interface that answered also answered one and two periods before. It
// did not answer at any other TTL of the last period. The hops of the two periods match, where a
// silent hop matches any. One repetition is not enough: it may come from a load balancer with
// branches of unequal length. again is the TTL at which the path comes to an interface for the
// second time.
func FindLoop(at []probe.Addr) (again uint8, ok bool) {
	top := len(at) - 1
	for top > 0 && at[top].IsZero() {
		top--
	}
	for period := 2; 2*period < top; period++ {
		if at[top] != at[top-period] || at[top] != at[top-2*period] {
			continue
		}
		if slices.Contains(at[top-period+1:top], at[top]) {
			return 0, false // one device that answers for all hops after it
		}
		low, first := top-period, top-period
		for low > 0 && same(at[low], at[low+period]) {
			if at[low] == at[low+period] && !at[low].IsZero() {
				first = low
			}
			low--
		}
		if low < top-2*period {
			return uint8(first + period), true
		}
	}
	return 0, false
}

// same reports whether two hops may be the same router.
func same(a, b probe.Addr) bool { return a == b || a.IsZero() || b.IsZero() }
