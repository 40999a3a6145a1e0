package replay

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/masstrace/masstrace/internal/linklayer"
	"github.com/masstrace/masstrace/internal/pcapng"
)

// copies recognises a packet that a capture has several times. It passed several interfaces of one
// machine, such as a bridge and its port, a bond or a VLAN. Copies have the same octets and come
// within a short time on another interface. A repetition on the same interface is no copy: networks
// duplicate packets, and probers repeat probes.
type copies struct {
	finder linklayer.Finder
	seed   maphash.Seed
	seen   []passed // by hash; a packet takes the place of the one before

	// Dropped counts copies.
	Dropped uint64
}

// passed is a packet that passed an interface.
type passed struct {
	hash   uint64
	stamp  int64
	source uint64
	way    pcapng.Direction
}

// Limits for copies. The time is in ns; old cooked frames do not name their interface, so there
// copies must come sooner.
const (
	copyPlaces  = 1 << 14
	copyWithin  = 10e6
	copyUnknown = 1e6
)

// Link types whose frames may be of several interfaces.
const (
	linkSLL      = 113
	linkSLL2     = 276
	sll2Index    = 4 // offset of the number of the interface
	sll2IndexEnd = 8
)

// drop reports whether e is a copy. file is the number of its file, and several is that there may
// be several interfaces.
func (c *copies) drop(e *pcapng.Entry, file int, several bool) bool {
	if !several && e.LinkType != linkSLL && e.LinkType != linkSLL2 {
		return false
	}
	packet, way, found := c.finder.Packet(e.LinkType, e.Frame)
	if found != linklayer.Found {
		return false
	}
	if e.Direction != pcapng.AnyDirection {
		way = e.Direction
	}
	if c.seen == nil {
		c.seen, c.seed = make([]passed, copyPlaces), maphash.MakeSeed()
	}
	now := passed{maphash.Bytes(c.seed, packet), e.Stamp, sourceOf(e, file), way}
	place := &c.seen[now.hash%copyPlaces]
	before := *place
	within := int64(copyWithin)
	if e.LinkType == linkSLL {
		within = copyUnknown
	}
	switch {
	case before.hash != now.hash || now.stamp-before.stamp > within:
	case before.source == now.source && e.LinkType != linkSLL:
	case before.way == pcapng.Inbound && now.way == pcapng.Outbound:
		// This machine forwards it. Of a probe, only the packet that leaves is one.
	default:
		c.Dropped++
		return true
	}
	*place = now
	return false
}

// sourceOf returns a number for the interface of a frame.
func sourceOf(e *pcapng.Entry, file int) uint64 {
	source := uint64(file)<<32 | uint64(e.Source)
	if e.LinkType == linkSLL2 && len(e.Frame) >= sll2IndexEnd {
		source ^= uint64(binary.BigEndian.Uint32(e.Frame[sll2Index:])) << 16
	}
	return source
}
