package window

import (
	"unsafe"
)

// Shape fixes the sizes of the windows of a run.
type Shape struct {
	Targets         int // capacity
	First           int `json:",omitempty"` // targets of the first window (see Cut); 0: none grows
	FirstTTL        uint8
	LastTTL         uint8
	Flows           int
	Attempts        int
	OnDemand        int `json:",omitempty"` // slots per target, see IsOnDemand; 0: all possible ones
	Unlinked        int // room for entries of replies that fill no slot
	ExtensionOctets int // room for extension octets
}

// TTLs returns the number of TTLs probed.
func (s Shape) TTLs() int { return int(s.LastTTL) - int(s.FirstTTL) + 1 }

// IsOnDemand reports whether a window allocates slots where probes are sent. It has room for
// OnDemand slots per target on average, and some more. All its targets share them. Flows may then
// vary: flow numbers are below probe.Flows, and Shape.Flows is at most probe.BaseFlows. Slots are
// allocated for several flows at once, see Reserve. Other windows have a slot for each possible
// probe.
func (s Shape) IsOnDemand() bool { return s.OnDemand > 0 }

// RequestedFlows returns how many flows of each target are requested before it is probed. In a window
// on demand it is the first one.
func (s Shape) RequestedFlows() int {
	if s.IsOnDemand() {
		return 1
	}
	return s.Flows
}

// MaxOnDemand is the highest Shape.OnDemand.
const MaxOnDemand = 1 << 12

// sharedSlots is the number of slots of a window on demand besides those of Shape.OnDemand. So a
// window of few targets has room for one with many flows.
const sharedSlots = 1 << 13

// slots returns the number of slots of a window.
func (s Shape) slots() int {
	if s.IsOnDemand() {
		return (s.Targets*s.OnDemand + sharedSlots) &^ (unit - 1)
	}
	return s.Targets * s.TTLs() * s.Flows * s.Attempts
}

// slotsPerPath is how many slots on demand there are for each path that is not among the first of
// its target.
const slotsPerPath = 4

// paths returns the number of paths of a window.
func (s Shape) paths() int {
	if s.IsOnDemand() {
		return s.Targets*unit + s.slots()/slotsPerPath&^(unit-1)
	}
	return s.Targets * s.Flows
}

const (
	slotOctets   = 16
	pathOctets   = 8 + int(unsafe.Sizeof(path{})+unsafe.Sizeof(known{}))
	targetOctets = 16
)

// OctetsPerTarget returns an upper bound of the memory that one target needs in a window of this
// shape, in octets. Every probe is then answered, and as many answers are superseded as there is
// room for. A window has SharedOctets besides.
func (s Shape) OctetsPerTarget() int {
	if s.IsOnDemand() {
		return targetOctets + s.TTLs()*s.Attempts*rowOctets + rowOctets + unit*(pathOctets+cellOctets) + onDemandOctets(s.OnDemand)
	}
	probes := s.TTLs() * s.Flows * s.Attempts
	return targetOctets + s.Flows*pathOctets + answeredOctets(probes)
}

// SharedOctets returns an upper bound of the memory of a window that does not depend on the
// number of its targets, in octets.
func (s Shape) SharedOctets() int {
	if s.IsOnDemand() {
		return onDemandOctets(sharedSlots)
	}
	return 0
}

// answeredOctets is the memory of slots that all have an answer.
func answeredOctets(slots int) int {
	return slots*(slotOctets+EntryOctets) + (slots+spare-1)/spare*EntryOctets
}

// onDemandOctets is the memory of slots that are allocated on demand, with their paths.
func onDemandOctets(slots int) int {
	return answeredOctets(slots) + slots*cellOctets + (slots+slotsPerPath-1)/slotsPerPath*(pathOctets+cellOctets)
}
