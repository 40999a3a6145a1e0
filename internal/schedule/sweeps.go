package schedule

import (
	"encoding/binary"
	"math/bits"

	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/window"
)

// sweeps is the order of the sweeps of a pass over a window, or over a part of it. Each sweep has
// one probe to every target, over one flow along one diagonal of the window.
//
// So the probes to a target are as far apart as they can be. A diagonal mixes TTLs, so that any
// stretch of probes meets near and far routers alike. Targets need no other order: the window has
// them in the random order of the whole scan. A sweep meets their slots one after another, as
// they lie in memory.
type sweeps struct {
	ttls  uint64
	n     uint64 // flows × diagonals
	step  uint64 // from one sweep to the next, coprime to n
	start uint64
}

// newSweeps returns the sweeps of a part of window id, for the seed of the scan.
func newSweeps(seed [16]byte, s window.Shape, part int, id uint64) sweeps {
	key := permute.Key(seed).Derive("window").Tweak(uint64(part), id).Derive("order")
	o := sweeps{ttls: uint64(s.TTLs()), n: uint64(s.TTLs() * s.Flows)}
	o.start, _ = bits.Mul64(binary.LittleEndian.Uint64(key[:]), o.n)
	// About the golden section of n: no TTL follows its neighbour.
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

// count returns the number of sweeps.
func (o *sweeps) count() uint64 { return o.n }

// at returns the flow and the diagonal of a sweep.
func (o *sweeps) at(sweep uint64) (flow uint16, diagonal int) {
	i := (o.start + sweep*o.step) % o.n
	return uint16(i / o.ttls), int(i % o.ttls)
}
