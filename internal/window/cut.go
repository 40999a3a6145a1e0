package window

import (
	"math"
	"math/bits"
)

// Cut is the way in which the target order is cut into windows. The first windows of a scan grow,
// so that its first records come early. All others have the same number of targets:
//
//	window     0   1   2   3  …      k    k+1  k+2 …
//	targets    f   f  2f  4f  …  t/2      t    t   …     t = f·2ᵏ
//
// The windows that grow have as many targets together as one of the others. So the number of a
// window follows from a position by one division.
type Cut struct {
	targets uint64 // t
	first   uint64 // f
	inverse uint64 // (2⁶⁴ − 1)/f, rounded down
	growing uint64 // k
}

// Cut returns the way in which windows of this shape are cut. The shape must be valid.
func (s *Shape) Cut() Cut {
	c := Cut{targets: uint64(max(s.Targets, 1)), first: uint64(s.First)}
	if c.first == 0 {
		c.first = c.targets
	}
	c.inverse = math.MaxUint64 / c.first
	c.growing = uint64(bits.Len64(c.targets/c.first)) - 1
	return c
}

// IsCut reports whether the windows of the shape can grow from First targets to Targets.
func (s *Shape) IsCut() bool {
	return s.First == 0 || s.First > 0 && s.Targets%s.First == 0 && bits.OnesCount(uint(s.Targets/s.First)) == 1
}

// Begin returns the position of the first target of window id.
func (c *Cut) Begin(id uint64) uint64 {
	switch {
	case id == 0:
		return 0
	case id <= c.growing:
		return c.first << (id - 1)
	}
	return (id - c.growing) * c.targets
}

// Window returns the number of the window that contains a position.
func (c *Cut) Window(position uint64) uint64 {
	units := c.units(position)
	if id := units >> c.growing; id != 0 {
		return id + c.growing
	}
	return uint64(bits.Len64(units))
}

// units returns position/f: the position in units of f targets. t targets are 2ᵏ units. A product with
// the inverse takes less time than a division. It is too small by 2 at most.
func (c *Cut) units(position uint64) uint64 {
	units, _ := bits.Mul64(position, c.inverse)
	for position-units*c.first >= c.first {
		units++
	}
	return units
}

// Count returns how many windows n targets take.
func (c *Cut) Count(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	return c.Window(n-1) + 1
}
