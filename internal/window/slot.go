package window

import (
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/memory"
)

// slot is one probe.
type slot struct {
	sent  atomic.Int64  // ns since the Unix epoch; or 0, or the stamp of a probe that was not sent
	reply atomic.Uint64 // an answer, 0 without a reply
}

// plane holds the slots of one (flow, attempt), in diagonals. A diagonal holds one slot of every
// target, at TTLs that differ between targets:
//
//	                    target 0  target 1  target 2  target 3
//	diagonal 0   TTL           1         3         2         1
//	diagonal 1   TTL           2         1         3         2
//	diagonal 2   TTL           3         2         1         3
//
// A pass over all targets, diagonal by diagonal, visits slots in the order of memory, and mixes
// the TTLs that it probes.
type plane []slot

// Slot identifies a probe of a window by numbers.
type Slot struct {
	Target  uint32 // index into the window
	Flow    uint16
	TTL     uint8
	Attempt uint8
}

func (w *Window) plane(flow uint16, attempt uint8) *atomic.Pointer[plane] {
	return &w.planes[int(attempt)*w.shape.Flows+int(flow)]
}

// skew returns the diagonal of a target's first TTL, in [0, ttls).
func skew(target uint32, ttls int) int {
	return int(uint64(target*0x9e3779b1) * uint64(ttls) >> 32) // 2³²/φ
}

// TTL returns the TTL of a target in a diagonal. diagonal must be below Shape.TTLs.
func (w *Window) TTL(diagonal int, target uint32) uint8 {
	if diagonal -= skew(target, w.ttls); diagonal < 0 {
		diagonal += w.ttls
	}
	return w.shape.FirstTTL + uint8(diagonal)
}

// diagonalSlots returns the length of a diagonal: an odd number of cache lines of 64 octets. With
// a power of two, the slots of one target would map to the same places in the cache.
func (s Shape) diagonalSlots() int {
	const perLine = 64 / slotOctets
	return ((s.Targets+perLine-1)/perLine | 1) * perLine
}

func (w *Window) index(s Slot) int {
	diagonal := int(s.TTL-w.shape.FirstTTL) + skew(s.Target, w.ttls)
	if diagonal >= w.ttls {
		diagonal -= w.ttls
	}
	return diagonal*w.diagonal + int(s.Target)
}

// slot returns the slot of s, or nil if it has no memory because no probe near it was ever stamped.
func (w *Window) slot(s Slot) *slot {
	if w.pages != nil {
		return w.slotOnDemand(s)
	}
	p := w.plane(s.Flow, s.Attempt).Load()
	if p == nil {
		return nil
	}
	return &(*p)[w.index(s)]
}

// Stamp records that s is about to be sent at ns since the Unix epoch. ns may also be one of the
// constants for probes that were not sent. Only the sender that owns s calls it. In a window on
// demand, Reserve must have returned true for s before. Otherwise the stamp is lost if there is no
// room, and replies to s are unsent.
func (w *Window) Stamp(s Slot, ns int64) {
	if w.pages != nil {
		w.stampOnDemand(s, ns)
		return
	}
	holder := w.plane(s.Flow, s.Attempt)
	p := holder.Load()
	if p == nil {
		fresh := plane(memory.Make[slot](w.diagonal * w.ttls))
		if !holder.CompareAndSwap(nil, &fresh) {
			p = holder.Load() // another sender was first
		} else {
			p = &fresh
		}
	}
	(*p)[w.index(s)].sent.Store(ns)
}

// Sent returns the stamp of s: ns since the Unix epoch, or a constant for probes that were not sent.
// It returns 0 if the probe was not handed to the sender.
func (w *Window) Sent(s Slot) int64 {
	if slot := w.slot(s); slot != nil {
		return slot.sent.Load()
	}
	return 0
}
