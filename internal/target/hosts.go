package target

import (
	"fmt"
	"math"
	"sort"
	"strconv"
)

// HostRule is the rule that chooses the hosts of a granule. The zero value is Random.
type HostRule struct {
	kind   hostKind
	number uint64 // of kind numbered
}

type hostKind uint8

const (
	random   hostKind = iota
	first             // the lowest addresses, see edges
	sra               // number 0, IPv6 alone
	numbered          // the addresses from a number on
)

var hostKinds = map[hostKind]string{random: "random", first: "first", sra: "sra"}

// ParseHostRule returns the rule that text names; "" is Random.
//
//   - random: hosts that the seed chooses.
//   - first: the lowest addresses.
//   - sra: the first address of the part of the granule that is listed. In IPv6 that is the
//     subnet-router anycast address of a listed prefix (RFC 4291 §2.6.1).
//   - a number: the address with that number in the same part, counted from 0.
func ParseHostRule(text string) (HostRule, error) {
	for kind, name := range hostKinds {
		if name == text {
			return HostRule{kind: kind}, nil
		}
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if text != "" && err != nil {
		return HostRule{}, fmt.Errorf("%s is not random, first, sra or a number", quote(text))
	}
	if text == "" {
		return HostRule{}, nil
	}
	return HostRule{numbered, n}, nil
}

// String is the inverse of ParseHostRule.
func (r HostRule) String() string {
	if r.kind == numbered {
		return strconv.FormatUint(r.number, 10)
	}
	return hostKinds[r.kind]
}

// counts reports whether the hosts are found by their number.
func (r HostRule) counts() bool { return r.kind >= sra }

// HostRuleError means that a rule does not fit the targets.
type HostRuleError struct{ text string }

// Error implements error.
func (e *HostRuleError) Error() string { return e.text }

func (c *Config) checkHosts(ranges4 []span) error {
	switch {
	case c.Hosts.kind != sra:
		return nil
	case c.PerPrefix > 1:
		return &HostRuleError{fmt.Sprintf("a prefix has one subnet-router anycast address, and not %d", c.PerPrefix)}
	case len(ranges4) > 0:
		text := appendSpan(nil, ranges4[0])
		return &HostRuleError{fmt.Sprintf("subnet-router anycast addresses are of IPv6, and %s is IPv4", text[:len(text)-1])}
	}
	return nil
}

// checkNumber returns an error about a range of listed that has no address with the number of the
// rule in one of its granules. Ranges that are excluded do not matter.
func (x *index) checkNumber(exclude Set) error {
	number := u128{Lo: x.rule.number}
	low := lowBits(x.shift)
	previous, any := u128{}, false // the granule of the last piece
	for _, s := range x.listed {
		if from := s.lo.AndNot(low); !any || from != previous {
			if err := x.checkPiece(span{s.lo, least(s.hi, from.Or(low))}, number, exclude); err != nil {
				return err
			}
		}
		previous, any = s.hi.AndNot(low), true
		if previous == s.lo.AndNot(low) {
			continue
		}
		if low.Less(number) { // no granule has it
			return tooSmall(s, number)
		}
		if err := x.checkPiece(span{previous, s.hi}, number, exclude); err != nil {
			return err
		}
	}
	return nil
}

func (x *index) checkPiece(s span, number u128, exclude Set) error {
	if s.hi.Sub(s.lo).Less(number) && len(subtract([]span{s}, exclude.spans)) > 0 {
		return tooSmall(s, number)
	}
	return nil
}

func tooSmall(s span, number u128) error {
	text := appendSpan(nil, s)
	return &HostRuleError{fmt.Sprintf("%s has no host number %d, counted from 0: it is too small", text[:len(text)-1], number.Lo)}
}

func least(a, b u128) u128 {
	if b.Less(a) {
		return b
	}
	return a
}

// ranked is draw for rules other than random.
func (x *index) ranked(g granule, k uint64) u128 {
	if x.rule.counts() {
		return x.firstRank(g).Add(u128{Lo: k})
	}
	inner := g.size.Sub(u128{Lo: g.edges.count()})
	if skipped := uint64(g.edges & firstEdge); (u128{Lo: k}).Less(inner) {
		return u128{Lo: k}.Add(u128{Lo: skipped})
	} else if skipped == 1 && k == inner.Lo {
		return u128{}
	}
	return g.size.Sub(one)
}

// unranked is undraw for rules other than random. Its result is above all numbers of targets if no
// draw gives the rank.
func (x *index) unranked(g granule, rank u128) u128 {
	if x.rule.counts() {
		if from := x.firstRank(g); !rank.Less(from) {
			return rank.Sub(from)
		}
		return u128{Hi: math.MaxInt64}
	}
	skipped := u128{Lo: uint64(g.edges & firstEdge)}
	inner := g.size.Sub(u128{Lo: g.edges.count()})
	switch {
	case rank.Less(skipped):
		return inner
	case rank.Sub(skipped).Less(inner):
		return rank.Sub(skipped)
	default: // the last edge
		return inner.Add(skipped)
	}
}

// firstRank returns the rank in the granule of the host with the number of the rule, or of the next
// address of the pool.
func (x *index) firstRank(g granule) u128 {
	return x.below(x.numbered(g.start).lo).Sub(x.below(g.start))
}

// window returns how many of most addresses, from the number of the rule on, are in the pool of the
// granule from start to end.
func (x *index) window(start, end u128, most uint64) u128 {
	from := x.numbered(start)
	to := least(end, from.hi)
	if most == 0 || to.Less(from.lo) {
		return u128{}
	}
	if last := (u128{Lo: most - 1}); last.Less(to.Sub(from.lo)) {
		to = from.lo.Add(last)
	}
	return x.upTo(to).Sub(x.below(from.lo))
}

// numbered returns the hosts of the granule that begins at start, from the number of the rule on.
// They are counted from the first listed address of the granule, up to the end of that range.
// The result may reach beyond the granule. It is empty, with lo above hi, if there is no such host.
func (x *index) numbered(start u128) span {
	i := sort.Search(len(x.listed), func(i int) bool { return !x.listed[i].hi.Less(start) })
	if i == len(x.listed) {
		return span{lo: one}
	}
	s := x.listed[i]
	if s.lo.Less(start) {
		s.lo = start
	}
	number := u128{Lo: x.rule.number}
	if s.hi.Sub(s.lo).Less(number) {
		return span{lo: one}
	}
	s.lo = s.lo.Add(number)
	return s
}

// below returns how many addresses of the pool are below v.
func (x *index) below(v u128) u128 {
	i := sort.Search(len(x.pool), func(i int) bool { return !x.pool[i].hi.Less(v) })
	switch {
	case i < len(x.pool) && x.pool[i].lo.Less(v):
		return x.pool[i].before.Add(v.Sub(x.pool[i].lo))
	case i < len(x.pool):
		return x.pool[i].before
	case i == 0:
		return u128{}
	}
	last := x.pool[i-1]
	return last.before.Add(last.hi.Sub(last.lo)).Add(one)
}

// upTo returns how many addresses of the pool are not above v.
func (x *index) upTo(v u128) u128 {
	n := x.below(v)
	i := sort.Search(len(x.pool), func(i int) bool { return !x.pool[i].hi.Less(v) })
	if i < len(x.pool) && !v.Less(x.pool[i].lo) {
		return n.Add(one)
	}
	return n
}
