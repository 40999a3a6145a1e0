package target

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"math/bits"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
)

// Set is an immutable set of addresses of both families. The zero Set is empty. A Set takes 32
// octets for each range that is left after merging.
type Set struct {
	spans []span // canonical
}

// A span is a range of addresses of one family, both ends included.
type span struct{ lo, hi u128 }

// canonical sorts spans in place and merges those that overlap or touch. The families are not
// merged: it treats IPv4 as if there were a gap around it.
func canonical(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.lo.Cmp(b.lo) })
	out := spans[:0]
	for _, s := range spans {
		out = appendMerged(out, s)
	}
	return out
}

// appendMerged appends s to spans. s must not begin before the last of spans.
func appendMerged(spans []span, s span) []span {
	if n := len(spans); n > 0 && touches(spans[n-1], s) {
		if spans[n-1].hi.Less(s.hi) {
			spans[n-1].hi = s.hi
		}
		return spans
	}
	return append(spans, s)
}

// union merges a and b, both canonical.
func union(a, b []span) []span {
	out := make([]span, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if b[0].lo.Less(a[0].lo) {
			a, b = b, a
		}
		out, a = appendMerged(out, a[0]), a[1:]
	}
	for _, s := range a {
		out = appendMerged(out, s)
	}
	for _, s := range b {
		out = appendMerged(out, s)
	}
	return out
}

// subtractSingles returns the addresses in spans, which are canonical, without some sorted ones.
func subtractSingles(spans []span, singles []u128) []span {
	out := make([]span, 0, len(spans))
	for _, s := range spans {
		at, _ := slices.BinarySearchFunc(singles, s.lo, u128.Cmp)
		singles = singles[at:]
		whole := true // the rest of s is not empty
		for len(singles) > 0 && !s.hi.Less(singles[0]) {
			if s.lo.Less(singles[0]) {
				out = append(out, span{s.lo, singles[0].Sub(one)})
			}
			if whole = singles[0] != s.hi; !whole {
				break
			}
			s.lo, singles = singles[0].Add(one), singles[1:]
		}
		if whole {
			out = append(out, s)
		}
	}
	return out
}

// touches reports whether b overlaps a or follows it without a gap. b does not begin before a.
func touches(a, b span) bool {
	return !a.hi.Less(b.lo) || a.hi.Add(one) == b.lo && is4(a.hi) == is4(b.lo)
}

// subtract returns the addresses in a and not in b. Both are canonical, and so is the result.
func subtract(a, b []span) []span {
	out := make([]span, 0, len(a))
	for _, s := range a {
		for len(b) > 0 && b[0].hi.Less(s.lo) {
			b = b[1:]
		}
		rest := b // the last span of rest may reach into the next span of a
		whole := true
		for len(rest) > 0 && !s.hi.Less(rest[0].lo) {
			if s.lo.Less(rest[0].lo) {
				out = append(out, span{s.lo, rest[0].lo.Sub(one)})
			}
			if whole = rest[0].hi.Less(s.hi); !whole {
				break
			}
			s.lo = rest[0].hi.Add(one)
			rest = rest[1:]
		}
		if whole {
			out = append(out, s)
		}
		b = rest
	}
	return out
}

// Contains reports whether a is in the set, in O(log ranges).
func (s Set) Contains(a probe.Addr) bool { return s.contains(fromAddr(a)) }

func (s Set) contains(v u128) bool {
	at := 0
	for n := len(s.spans); n > 1; {
		half := n / 2
		_, above := bits.Sub64(v.Lo, s.spans[at+half].lo.Lo, 0)
		_, above = bits.Sub64(v.Hi, s.spans[at+half].lo.Hi, above)
		at += half & (int(above) - 1) // without a branch; see lastNotAbove
		n -= half
	}
	return len(s.spans) > 0 && !v.Less(s.spans[at].lo) && !s.spans[at].hi.Less(v)
}

// Union returns the addresses of s and t.
func (s Set) Union(t Set) Set { return Set{union(s.spans, t.spans)} }

// Minus returns the addresses of s that are not in t.
func (s Set) Minus(t Set) Set { return Set{subtract(s.spans, t.spans)} }

// Ranges returns how many maximal ranges the set has.
func (s Set) Ranges() int { return len(s.spans) }

// IsEmpty reports whether there is no address in the set.
func (s Set) IsEmpty() bool { return len(s.spans) == 0 }

// AppendText appends the canonical text of the set: a line "first-last" for
// each maximal range, in the order of the 16-octet forms (IPv4 as ::ffff:a.b.c.d).
func (s Set) AppendText(b []byte) ([]byte, error) {
	for _, s := range s.spans {
		b = appendSpan(b, s)
	}
	return b, nil
}

// Text yields the text of AppendText as Lines.Text does.
func (s Set) Text(most int) iter.Seq[[]byte] {
	return texts(most, slices.Values(s.spans), func(func(u128) bool) {})
}

func appendSpan(b []byte, s span) []byte {
	b = toAddr(s.lo).Netip().AppendTo(b)
	b = append(b, '-')
	b = toAddr(s.hi).Netip().AppendTo(b)
	return append(b, '\n')
}

// Digest returns the SHA-256 of the canonical text in hexadecimal. It is the same for equal sets,
// even if they were listed in different forms.
func (s Set) Digest() string { return digest(slices.Values(s.spans), slices.Values[[]u128](nil)) }

func digest(spans iter.Seq[span], singles iter.Seq[u128]) string {
	h := sha256.New()
	var line []byte
	for s := range spans {
		line = appendSpan(line[:0], s)
		h.Write(line)
	}
	for v := range singles {
		line = append(toAddr(v).Netip().AppendTo(line[:0]), '\n')
		h.Write(line)
	}
	return hex.EncodeToString(h.Sum(nil))
}
