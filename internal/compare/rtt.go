package compare

import (
	"math"
	"slices"
	"time"
)

// Shifts of round-trip times. Each target has one number: the difference at the last hop that is
// the same in both scans. A prefix has a shift if nearly all of its targets differ to the same
// side, by a sign test. Their median must also be large enough. Large prefixes come first.
const (
	leastShift   = time.Millisecond
	shareOfShift = 0.05 // of the old median
	signLevel    = 1e-6
)

// delay is the round-trip time of a target in both scans, at the same hop.
type delay struct {
	row      int
	old, new int64
}

func (d delay) by() int64 { return d.new - d.old }

// shifts finds the shifts of round-trip times on paths that did not change.
func (c *comparison) shifts() {
	changed := map[string]bool{}
	for i := range c.result.Changes {
		changed[c.result.Changes[i].Target.String()] = true
	}
	var list []delay
	for i := range c.rows {
		if d, ok := c.delay(i); ok && !changed[c.addr(c.rows[i].target).String()] {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return
	}
	c.result.Baseline = median(list, delay.by)
	for i := range list {
		list[i].new -= c.result.Baseline
	}
	from := 0
	for i := range list {
		if c.names.addrs[c.rows[list[i].row].target].Is4() {
			from = i + 1
		}
	}
	c.shift(list[:from])
	c.shift(list[from:])
}

// delay returns the round-trip times of the last hop that is the same in both scans.
func (c *comparison) delay(i int) (d delay, ok bool) {
	old, fresh := c.paths(&c.rows[i], 0), c.paths(&c.rows[i], 1)
	x, y := c.scans[0].of(&old[0]), c.scans[1].of(&fresh[0])
	if old[0].nodes || fresh[0].nodes {
		return d, false
	}
	for k, j := len(x.ids)-1, len(y.ids)-1; k >= 0 && j >= 0; {
		switch {
		case x.ttls[k] > y.ttls[j]:
			k--
		case x.ttls[k] < y.ttls[j]:
			j--
		case x.ids[k] == y.ids[j] && x.rtts[k] != 0 && y.rtts[j] != 0:
			return delay{i, grow(x.rtts[k]), grow(y.rtts[j])}, true
		default:
			k, j = k-1, j-1
		}
	}
	return d, false
}

// shift tests the targets of a prefix, then those of its two halves.
func (c *comparison) shift(list []delay) {
	more := 0
	for _, d := range list {
		if d.by() > 0 {
			more++
		}
	}
	// The sign test cannot reach its level with fewer.
	if chance(len(list)-1) > signLevel {
		return
	}
	if p := signs(max(more, len(list)-more), len(list)); p <= signLevel {
		old := median(list, func(d delay) int64 { return d.old })
		by := median(list, delay.by)
		if math.Abs(float64(by)) >= max(float64(leastShift), shareOfShift*float64(old)) {
			c.result.Shifts = append(c.result.Shifts, Shift{
				Prefix: c.prefix(list[0].row, list[len(list)-1].row), Targets: len(list), Old: old,
				New: median(list, func(d delay) int64 { return d.new }), Chance: p})
			return
		}
	}
	first := c.half(list[0].row, list[len(list)-1].row+1)
	half, _ := slices.BinarySearchFunc(list, first, func(d delay, row int) int { return d.row - row })
	c.shift(list[:half])
	c.shift(list[half:])
}

// signs returns the probability that at least k of n signs are the same one, if both are as
// likely.
func signs(k, n int) float64 {
	var sum float64
	lgamma := func(x int) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
	for i := k; i <= n; i++ {
		term := lgamma(n) - lgamma(i) - lgamma(n-i) - float64(n)*math.Ln2
		sum += math.Exp(term)
	}
	return min(2*sum, 1)
}

// median returns the median of a number of each element.
func median(list []delay, of func(delay) int64) int64 {
	values := make([]int64, len(list))
	for i, d := range list {
		values[i] = of(d)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
