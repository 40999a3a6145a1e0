// Package known writes the paths of one agent to the targets of a slice, so that other agents need
// not probe the same routers again. Their paths to a target are different at first. From the first
// router that both have, they are mostly the same. So another agent needs to recognise that router.
//
// A message has the hashes of all pairs (interface, target) of a slice: sorted numbers below 2²⁰ times
// their count, of which it writes the differences. A pair takes 3.1 bytes, and one pair in a million
// is found by mistake. A Bloom filter with as few mistakes takes 3.6 bytes a pair, see TestSize.
package known

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// spanBits is the logarithm of how many numbers there are for each pair.
const spanBits = 20

// MostPairs bounds the pairs of a slice. More are left out, which costs probes.
const MostPairs = 4 << 20

// Paths gathers the paths to the targets of a slice. The zero Paths has none.
type Paths struct{ hashes []uint64 }

// Add adds the routers of a trace, also those that it has from other traces.
func (p *Paths) Add(t *record.Trace) {
	for _, k := range t.Inferred {
		p.add(k.Addr, t.Target)
	}
	for i := range t.Hops {
		if h := &t.Hops[i]; isRouter(h, t.Target) {
			p.add(h.Responder, t.Target)
		}
	}
}

func (p *Paths) add(a, target probe.Addr) {
	if len(p.hashes) < MostPairs {
		p.hashes = append(p.hashes, window.WayHash(a, target))
	}
}

// isRouter reports whether a hop is an interface of a router that counts as evidence.
func isRouter(h *record.Hop, target probe.Addr) bool {
	return h.Kind == probe.KindTTLExceeded && h.Responder != target && !h.Alone
}

// Read adds the traces of the results of a slice. The part after a fault is left out.
func (p *Paths) Read(r format.Reader) {
	for {
		rec, err := r.Read()
		if err != nil {
			return
		}
		if t, ok := rec.(*record.Trace); ok {
			p.Add(t)
		}
	}
}

// Encode returns the message. It sorts the pairs.
func (p *Paths) Encode() []byte {
	slices.Sort(p.hashes)
	p.hashes = slices.Compact(p.hashes)
	span := uint64(len(p.hashes)) << spanBits
	b := binary.AppendUvarint(make([]byte, 0, 3*len(p.hashes)+8), span)
	last := uint64(0)
	for _, h := range p.hashes { // the order of places is that of hashes
		place := window.PlaceOf(h, span)
		b = binary.AppendUvarint(b, place-last)
		last = place
	}
	return b
}

// ErrDamaged is the error of a message that is none.
var ErrDamaged = errors.New("the paths of another agent are damaged")

// Decode reads a message. salt chooses the targets that are audited.
func Decode(b []byte, salt uint64) (*window.Others, error) {
	span, n := binary.Uvarint(b)
	if n <= 0 || len(b)-n > 10*MostPairs || span > MostPairs<<spanBits {
		return nil, ErrDamaged
	}
	places := make([]uint64, 0, (len(b)-n)/2)
	last := uint64(0)
	for b = b[n:]; len(b) > 0; b = b[n:] {
		var d uint64
		if d, n = binary.Uvarint(b); n <= 0 || d > span || last+d >= span {
			return nil, ErrDamaged
		}
		last += d
		places = append(places, last)
	}
	if uint64(len(places))<<spanBits > span { // too dense: it would find pairs by mistake
		return nil, ErrDamaged
	}
	return window.NewOthers(span, places, salt), nil
}
