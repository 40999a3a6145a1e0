package target

import "math/bits"

// at returns target number i, which must be below x.total.
func (x *index) at(i uint64) u128 {
	from, to := x.byBase.around(u128{Lo: i})
	n := from + lastNotAbove(x.bases[from:to+1], i)
	r, start, i := &x.runs[n], x.starts[n], i-x.bases[n]
	if r.whole {
		number, k := i, uint64(0)
		if x.whole != 1 {
			number, k = i/x.whole, i%x.whole
		}
		start = start.Add(u128{Lo: number}.Lsh(x.shift))
		return start.Add(x.draw(x.wholeAt(start), k))
	}
	singles := x.singlesOf(n)
	if i < uint64(len(singles)) {
		return singles[i]
	}
	g := granule{start, x.runs[n+1].before.Sub(r.before), r.edges}
	return x.addressOf(n, x.draw(g, i-uint64(len(singles))))
}

// indexOf is the inverse of at; ok is false if v is not a target.
func (x *index) indexOf(v u128) (i uint64, ok bool) {
	if len(x.starts) == 0 || v.Less(x.starts[0]) {
		return 0, false
	}
	from, to := x.byStart.around(v)
	n := from + lastNotAbove128(x.starts[from:to+1], v)
	r, start := &x.runs[n], x.starts[n]
	base, targets := x.bases[n], x.bases[n+1]-x.bases[n]
	number := v.Sub(start).Rsh(x.shift)
	if r.whole {
		granules := targets
		if x.whole != 1 {
			granules = targets / x.whole
		}
		if !number.Less(u128{Lo: granules}) {
			return 0, false
		}
		start = start.Add(number.Lsh(x.shift))
		k := x.undraw(x.wholeAt(start), v.Sub(start))
		return base + number.Lo*x.whole + k.Lo, k.Less(u128{Lo: x.whole})
	}
	if number != (u128{}) && !r.alone {
		return 0, false
	}
	singles := x.singlesOf(n)
	if len(singles) > 0 {
		if at := lastNotAbove128(singles, v); singles[at] == v {
			return base + uint64(at), true
		}
	}
	if r.alone {
		return 0, false
	}
	rank, ok := x.rankOf(n, v)
	if !ok {
		return 0, false
	}
	g := granule{start, x.runs[n+1].before.Sub(r.before), r.edges}
	k := x.undraw(g, rank).Add(u128{Lo: uint64(len(singles))})
	return base + k.Lo, k.Less(u128{Lo: targets})
}

func (x *index) wholeAt(start u128) granule {
	return granule{start, one.Lsh(x.shift), edgesOf(x.shift)}
}

func (x *index) singlesOf(n int) []u128 { return x.singles[x.runs[n].single:x.runs[n+1].single] }

// spansOf returns the spans of the pool that may reach into run n.
func (x *index) spansOf(n int) []poolSpan {
	return x.pool[x.runs[n].span:min(int(x.runs[n+1].span)+1, len(x.pool))]
}

// addressOf returns the address with the given rank in the pool of run n.
func (x *index) addressOf(n int, rank u128) u128 {
	spans := x.spansOf(n)
	rank = rank.Add(x.runs[n].before)
	for len(spans) > 1 {
		half := len(spans) / 2
		if rank.Less(spans[half].before) {
			spans = spans[:half]
		} else {
			spans = spans[half:]
		}
	}
	return spans[0].lo.Add(rank.Sub(spans[0].before))
}

// rankOf is the inverse of addressOf; ok is false if v, which lies in a granule of run n, is not in
// the pool.
func (x *index) rankOf(n int, v u128) (rank u128, ok bool) {
	spans := x.spansOf(n)
	for len(spans) > 1 {
		half := len(spans) / 2
		if v.Less(spans[half].lo) {
			spans = spans[:half]
		} else {
			spans = spans[half:]
		}
	}
	if len(spans) == 0 || v.Less(spans[0].lo) || spans[0].hi.Less(v) {
		return u128{}, false
	}
	return spans[0].before.Add(v.Sub(spans[0].lo)).Sub(x.runs[n].before), true
}

// lastNotAbove returns the index of the last element of s that is not above v. s is sorted and s[0]
// is not above v. The loop has no branch that depends on the data: mispredicted branches would cost
// more than all the rest.
func lastNotAbove(s []uint64, v uint64) int {
	at := 0
	for n := len(s); n > 1; {
		half := n / 2
		if s[at+half] <= v {
			at += half
		}
		n -= half
	}
	return at
}

// lastNotAbove128 is lastNotAbove for addresses; 0 if all are above v.
func lastNotAbove128(s []u128, v u128) int {
	at := 0
	for n := len(s); n > 1; {
		half := n / 2
		_, above := bits.Sub64(v.Lo, s[at+half].Lo, 0)
		_, above = bits.Sub64(v.Hi, s[at+half].Hi, above)
		at += half & (int(above) - 1)
		n -= half
	}
	return at
}
