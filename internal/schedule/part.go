package schedule

// Part is one sender's share of every window, with several senders: each Count-th target, from
// Index on, with all of its probes. Parts have no target in common, and together have all. The
// words that a sender writes for its targets lie apart from those of the others. The zero Part is
// the whole.
//
// Each sender has a schedule of its own, which sees every window and closes its part of it
// (window.Window.Close).
type Part struct {
	Index, Count int
}

// Len returns how many of the n targets of a window are in the part.
func (p Part) Len(n int) int {
	if p.Count <= 1 {
		return n
	}
	return (n - p.Index + p.Count - 1) / p.Count
}

// Target returns the i-th target of the part, i below Len.
func (p Part) Target(i int) uint32 {
	if p.Count <= 1 {
		return uint32(i)
	}
	return uint32(i*p.Count + p.Index)
}

// index is the inverse of Target, for a target in the part.
func (p Part) index(target uint32) int {
	if p.Count <= 1 {
		return int(target)
	}
	return int(target) / p.Count
}

// Has reports whether a target of the window is in the part.
func (p Part) Has(target uint32) bool {
	return p.Count <= 1 || int(target)%p.Count == p.Index
}
