package target

import (
	"encoding/binary"
	"math/bits"

	"github.com/masstrace/masstrace/internal/probe"
)

// Finder is an Order that remembers where it found what it was asked for lately.
// Replies ask for the same few thousand targets over and over, each for as many
// TTLs as it has routers: one look instead of a search through lines that are in
// no cache, and two permutations back. A Finder belongs to one goroutine.
type Finder struct {
	order *Order
	seen  []found
	shift int // leaves the bits of a hash that number seen
}

// found is half a cache line. The zero probe.Addr is no target.
type found struct {
	addr     probe.Addr
	position uint64
	_        uint64
}

// mostFound bounds the memory: 2 MiB, for as many targets as four windows of
// 100,000 probes a second have.
const mostFound = 1 << 16

// Finder returns one for positions of o.
func (o *Order) Finder() *Finder {
	width := bits.Len64(min(2*o.length, mostFound-1))
	return &Finder{order: o, seen: make([]found, 1<<width), shift: 64 - width}
}

// PositionOf is that of the order.
func (f *Finder) PositionOf(a probe.Addr) (position uint64, ok bool) {
	at := &f.seen[f.index(&a)]
	if at.addr == a && !a.IsZero() {
		return at.position, true
	}
	if position, ok = f.order.PositionOf(a); ok {
		at.addr, at.position = a, position
	}
	return position, ok
}

// index returns the entry of an address: a product's upper bits, which depend on
// all of it. The multiplier is 2⁶⁴ over the golden ratio.
func (f *Finder) index(a *probe.Addr) uint64 {
	const golden = 0x9e3779b97f4a7c15
	low, high := binary.LittleEndian.Uint64(a[:8]), binary.LittleEndian.Uint64(a[8:])
	hash := (bits.RotateLeft64(low*golden, 32) ^ high) * golden
	return hash >> f.shift
}
