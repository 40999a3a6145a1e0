package target

import (
	"cmp"
	"math"
	"slices"
)

// Count is a number of addresses and of granules that have one of them.
type Count struct{ addresses, granules u128 }

// Minus returns the difference to the Count of a part of the addresses: how many addresses it lacks,
// and of how many granules it has none. math.MaxUint64 stands for more.
func (c Count) Minus(left Count) (addresses, granules uint64) {
	return saturated(c.addresses.Sub(left.addresses)), saturated(c.granules.Sub(left.granules))
}

// Count counts the addresses of the lines that are in none of some sets. The lengths of the prefixes
// are those of Config, 0 for the default. It takes time for each line, and no memory for single
// addresses.
func (l *Lines) Count(granularity4, granularity6 int, without ...Set) Count {
	c := counter{shifts: [2]uint{uint(128 - cmp.Or(granularity6, default6)), uint(32 - cmp.Or(granularity4, default4))}}
	for s := range l.all {
		c.add(s, without)
	}
	return c.Count
}

// counter counts spans, which ascend within a family.
type counter struct {
	Count
	shifts [2]uint // of the granules: IPv6, IPv4
	last   [2]span // the last one of each family
}

// add counts the parts of s that are in none of some sets.
func (c *counter) add(s span, without []Set) {
	for i, set := range without {
		if from, to := set.overlapping(s); from < to {
			for _, part := range subtract([]span{s}, set.spans[from:to]) {
				c.add(part, without[i+1:])
			}
			return
		}
	}
	family := 0
	if is4(s.lo) {
		family = 1
	}
	shift, last := c.shifts[family], &c.last[family]
	c.addresses = c.addresses.Add(s.hi.Sub(s.lo)).Add(one)
	c.granules = c.granules.Add(s.hi.Rsh(shift).Sub(s.lo.Rsh(shift))).Add(one)
	if *last != (span{}) && last.hi.Rsh(shift) == s.lo.Rsh(shift) {
		c.granules = c.granules.Sub(one)
	}
	*last = s
}

// overlapping returns the range of the spans of the set that have an address in t.
func (s Set) overlapping(t span) (from, to int) {
	from, _ = slices.BinarySearchFunc(s.spans, t.lo, func(s span, v u128) int { return s.hi.Cmp(v) })
	to, found := slices.BinarySearchFunc(s.spans, t.hi, func(s span, v u128) int { return s.lo.Cmp(v) })
	if found {
		to++
	}
	return from, max(from, to)
}

func saturated(n u128) uint64 {
	if n.Hi != 0 {
		return math.MaxUint64
	}
	return n.Lo
}
