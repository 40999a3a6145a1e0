package window

import (
	"math/bits"

	"github.com/masstrace/masstrace/internal/probe"
)

// Others has the interfaces that another vantage point met on its ways to targets. From such an
// interface on, the way to the target is known: a path that meets it needs no probe beyond.
//
// An entry is a pair of interface and target. So a target or a router that lies spoils only the
// traces to the targets that it lied about.
//
// Any number of goroutines may use an Others. A nil Others has nothing.
type Others struct {
	span  uint64   // places of pairs are below it
	table []uint64 // place + 1, 0 if empty
	mask  uint64
	salt  uint64
}

// auditEvery is how many targets there are for each one that is probed as if no other vantage point
// had traced it. Such targets show if the other vantage point is to be believed.
const auditEvery = 16

// WayHash returns the hash of a pair of interface and target.
func WayHash(a, target probe.Addr) uint64 {
	return Mix(HashAddr(a) ^ bits.RotateLeft64(HashAddr(target), 32))
}

// PlaceOf returns the place of a hash among span places.
func PlaceOf(hash, span uint64) uint64 {
	place, _ := bits.Mul64(hash, span)
	return place
}

// NewOthers returns the set of pairs with some places, which are below span. salt chooses the
// targets that are audited; the other vantage point must not know it.
func NewOthers(span uint64, places []uint64, salt uint64) *Others {
	size := 8
	for size < 2*len(places) {
		size *= 2
	}
	o := &Others{span: span, table: make([]uint64, size), mask: uint64(size - 1), salt: salt}
	for _, p := range places {
		*o.slot(p) = p + 1
	}
	return o
}

// slot returns the place of p in the table, or the empty one for it.
func (o *Others) slot(p uint64) *uint64 {
	i := Mix(p) & o.mask
	for o.table[i] != 0 && o.table[i] != p+1 {
		i = (i + 1) & o.mask
	}
	return &o.table[i]
}

// Has reports whether the other vantage point met an interface on its way to a target. A false
// positive is as rare as NewOthers' span is larger than its number of places.
func (o *Others) Has(a, target probe.Addr) bool {
	return o != nil && *o.slot(PlaceOf(WayHash(a, target), o.span)) != 0
}

// Spares reports whether the traces to a target may end where the other vantage point goes on.
func (o *Others) Spares(target probe.Addr) bool { return o != nil && !o.Audits(target) }

// Audits reports whether the target is probed in full, to see if the other vantage point is right.
func (o *Others) Audits(target probe.Addr) bool {
	return o != nil && Mix(HashAddr(target)^o.salt)%auditEvery == 0
}
