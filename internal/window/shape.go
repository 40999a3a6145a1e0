package window

import "unsafe"

// Shape fixes the sizes of the windows of a run.
type Shape struct {
	Targets         int // capacity
	First           int `json:",omitempty"` // targets of the first window (see Cut); 0: none grows
	FirstTTL        uint8
	LastTTL         uint8
	Flows           int
	Attempts        int
	Unlinked        int // room for entries of replies that fill no slot
	ExtensionOctets int // room for extension octets
}

// TTLs returns the number of TTLs probed.
func (s Shape) TTLs() int { return int(s.LastTTL) - int(s.FirstTTL) + 1 }

const (
	slotOctets   = 16
	pathOctets   = 8 + int(unsafe.Sizeof(path{})+unsafe.Sizeof(known{}))
	targetOctets = 16
)

// OctetsPerTarget returns an upper bound of the memory that one target needs in a window of this
// shape. Every probe is then answered, and as many answers are superseded as there is room for.
func (s Shape) OctetsPerTarget() int {
	probes := s.TTLs() * s.Flows * s.Attempts
	return targetOctets + s.Flows*pathOctets + probes*(slotOctets+EntryOctets) + (probes+spare-1)/spare*EntryOctets
}
