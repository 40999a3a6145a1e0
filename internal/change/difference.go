package change

import "math"

// Difference is the first place at which two observations of a path differ. The zero A is silence.
type Difference[A comparable] struct {
	TTL           uint8
	Before, After A
	// Common is the last address that both have before it, at CommonTTL; 0 without one.
	Common    A
	CommonTTL uint8
}

// First finds the first difference of two observations at the TTLs from from to to. ok is false if
// there is none.
func First[A comparable](from, to uint8, before, after func(ttl uint8) A) (d Difference[A], ok bool) {
	var silence A
	for ttl := from; ttl <= to; ttl++ {
		a, b := before(ttl), after(ttl)
		if a == silence || b == silence || a == b {
			continue
		}
		d = Difference[A]{TTL: ttl, Before: a, After: b}
		d.Common, d.CommonTTL = LastCommon(ttl, func(ttl uint8) A {
			if a := before(ttl); a == after(ttl) {
				return a
			}
			return silence
		})
		return d, true
	}
	return d, false
}

// LastCommon returns the last address below a TTL that two observations have in common, and its TTL.
// common returns that of a TTL, or the zero A.
func LastCommon[A comparable](below uint8, common func(ttl uint8) A) (a A, ttl uint8) {
	var none A
	for ttl := int(below) - 1; ttl > 0; ttl-- {
		if a := common(uint8(ttl)); a != none {
			return a, uint8(ttl)
		}
	}
	return none, 0
}

// Chance returns the probability of a difference that has as many bits of evidence: each bit is a
// witness that would have moved, or not, with equal probability.
func Chance(bits int) float64 { return math.Exp2(-float64(bits)) }
