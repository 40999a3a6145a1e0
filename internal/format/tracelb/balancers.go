package tracelb

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// mostSweeps is how many links are passed at most to find where branches join again. Then the
// rest of the lengths are not known.
const mostSweeps = 1 << 22

// balance adds the balancers that the links of m show. Its links are in order.
func balance(m *record.Multipath, confidence float64) {
	left := mostSweeps
	for from := 0; from < len(m.Links); {
		first := &m.Links[from]
		to := from
		b := record.Balancer{TTL: first.TTL, Addr: first.Near, Confidence: confidence}
		for ; to < len(m.Links) && m.Links[to].TTL == first.TTL && m.Links[to].Near == first.Near; to++ {
			l := &m.Links[to]
			b.Asked += l.Flows
			if !l.Far.IsZero() {
				b.Answered += l.Flows
				b.Width++
			}
		}
		if b.Width > 1 && !first.Near.IsZero() {
			b.Length = lengthOf(m.Links, from, to, &left)
			m.Balancers = append(m.Balancers, b)
		}
		from = to
	}
}

// lengthOf returns after how many TTLs the links from and before to lead to a single node, 0 if
// they never do. left is the number of links that may be passed yet.
func lengthOf(links []record.Link, from, to int, left *int) int {
	reached := farsOf(links[from:to])
	for length := 2; len(reached) > 0 && *left > 0; length++ {
		ttl := links[from].TTL + uint8(length) - 1
		var next []record.Link
		for _, near := range reached {
			out := leaving(links, ttl, near)
			if len(out) == 0 {
				return 0 // a branch ends
			}
			next = append(next, out...)
		}
		*left -= len(next) + len(reached)
		reached = farsOf(next)
		if len(reached) == 1 && !reached[0].IsZero() {
			return length
		}
		if ttl == 255 {
			break
		}
	}
	return 0
}

// farsOf returns the far ends of links, once each.
func farsOf(links []record.Link) []probe.Addr {
	fars := make([]probe.Addr, 0, len(links))
	for i := range links {
		fars = append(fars, links[i].Far)
	}
	slices.SortFunc(fars, func(a, b probe.Addr) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(fars)
}

// leaving returns the links that leave a node. links are in order.
func leaving(links []record.Link, ttl uint8, near probe.Addr) []record.Link {
	compare := func(l record.Link, past bool) int {
		c := cmp.Or(cmp.Compare(l.TTL, ttl), bytes.Compare(l.Near[:], near[:]))
		if c == 0 && past {
			return -1
		}
		return c
	}
	from, _ := slices.BinarySearchFunc(links, false, compare)
	to, _ := slices.BinarySearchFunc(links, true, compare)
	return links[from:to]
}
