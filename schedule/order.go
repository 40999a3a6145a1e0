package schedule

import (
	"encoding/binary"
	"math/bits"

	"github.com/masstrace/masstrace/permute"
	"github.com/masstrace/masstrace/window"
)

// order is the order of the probes of a window, or of a part of it, in rounds:
// each round has one probe to every target, and over all rounds a target gets
// each of its kinds, which are (TTL, flow), once.
//
// So the probes to a target are as far apart as they can be. Which kind a target
// begins with is random, so that routers, near and far, get their share of any
// stretch. Targets stand in a window in the random order of the whole scan, and
// need no other: within a round they are met one after another, as they lie in
// memory.
type order struct {
	kinds uint64 // TTLs × flows
	step  uint64 // from a target's kind in one round to that in the next; coprime to kinds
	seed  uint64
}

// newOrder returns the order of the part index of window id, for the seed of the
// scan.
func newOrder(seed [16]byte, s window.Shape, index int, id uint64) order {
	key := permute.Key(seed).Derive("window").Tweak(uint64(index), id).Derive("order")
	o := order{kinds: uint64(s.TTLs() * s.Flows), seed: binary.LittleEndian.Uint64(key[:])}
	// About the golden section of kinds: no TTL follows upon its neighbour.
	o.step = max(o.kinds*618/1000, 1)
	for gcd(o.step, o.kinds) != 1 {
		o.step++
	}
	return o
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// rounds returns how many rounds there are.
func (o *order) rounds() uint64 { return o.kinds }

// kind returns the kind of the probe to the target-th target of the part in a
// round.
func (o *order) kind(round, target uint64) uint64 {
	return o.add(o.first(target), round*o.step%o.kinds)
}

// first returns a target's kind in round 0.
func (o *order) first(target uint64) uint64 {
	hi, lo := bits.Mul64(target^o.seed, 0x9e3779b97f4a7c15) // 2⁶⁴/φ
	kind, _ := bits.Mul64((hi^lo)*0xbf58476d1ce4e5b9, o.kinds)
	return kind
}

// add adds two kinds, modulo their number.
func (o *order) add(a, b uint64) uint64 {
	if a += b; a >= o.kinds {
		a -= o.kinds
	}
	return a
}

// slot returns the slot of a kind, first attempt.
func (o *order) slot(s *window.Shape, target uint32, kind uint64) window.Slot {
	slot := window.Slot{Target: target}
	if ttls := uint64(s.TTLs()); kind < ttls {
		slot.TTL = s.FirstTTL + uint8(kind)
	} else {
		slot.Flow, slot.TTL = uint16(kind/ttls), s.FirstTTL+uint8(kind%ttls)
	}
	return slot
}
