package schedule

// Part is what one of several senders has of every window: each Count-th target,
// from Index on, with all of its probes. No two parts have a target in common,
// together they have all, and what a sender writes for its targets lies apart
// from what the others write. The zero Part is the whole.
//
// Each sender has a strategy of its own, which sees every window and closes its
// part of it (window.Window.Close).
type Part struct {
	Index, Count int
}

// Len returns how many of the n targets of a window are the part's.
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

// index is the inverse of Target for a target that the part has.
func (p Part) index(target uint32) int {
	if p.Count <= 1 {
		return int(target)
	}
	return int(target) / p.Count
}

// Has reports whether a target of the window is the part's.
func (p Part) Has(target uint32) bool {
	return p.Count <= 1 || int(target)%p.Count == p.Index
}
