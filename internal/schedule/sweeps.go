package schedule

import (
	"encoding/binary"
	"math/bits"

	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/window"
)

// order is the order of the probes of a window, or of a part of it, in rounds:
// each round has one probe to each target, over one flow in one lane of the window.
//
// So the probes to a target are as far apart as they can be, and TTLs are mixed, as
// lanes have them: routers, near and far, get their share of any stretch. Targets
// stand in a window in the random order of the whole scan, and need no other:
// within a round they are met one after another, as they and their slots lie in
// memory.
type sweeps struct {
	ttls  uint64
	n     uint64 // flows × lanes
	step  uint64 // from the kind of one round to that of the next; coprime to kinds
	start uint64
}

// newOrder returns the order of the part index of window id, for the seed of the
// scan.
func newSweeps(seed [16]byte, s window.Shape, index int, id uint64) sweeps {
	key := permute.Key(seed).Derive("window").Tweak(uint64(index), id).Derive("order")
	o := sweeps{ttls: uint64(s.TTLs()), n: uint64(s.TTLs() * s.Flows)}
	o.start, _ = bits.Mul64(binary.LittleEndian.Uint64(key[:]), o.n)
	// About the golden section of kinds: no TTL follows upon its neighbour.
	o.step = max(o.n*618/1000, 1)
	for gcd(o.step, o.n) != 1 {
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
func (o *sweeps) count() uint64 { return o.n }

// round returns the flow and the lane of a round.
func (o *sweeps) at(n uint64) (flow uint16, lane int) {
	kind := (o.start + n*o.step) % o.n
	return uint16(kind / o.ttls), int(kind % o.ttls)
}
