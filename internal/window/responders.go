package window

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/probe"
)

// Responders remembers the routers that quote too little for a second tag, over a whole scan and
// in a fixed amount of memory. A short reply is believed more firmly if its source also answered
// at the same TTL for a target of another prefix. A source that also sends replies without a
// valid tag is not believed for that. Only the matcher uses it.
type Responders struct {
	table [1 << responderBits]responder
}

const responderBits = 14

// responder is one source. If two share a place, the later one replaces the earlier one: that costs
// support, and never creates it.
type responder struct {
	addr        probe.Addr
	prefix      uint64 // of the target of its first short reply
	once, again uint64 // TTLs of its short replies, as bits; again: for targets of two prefixes
	heard       uint32
	misses      uint32
}

// missShare is how many short replies a source must have sent for each reply without a valid tag.
const missShare = 16

func (r *Responders) at(a probe.Addr) *responder {
	e := &r.table[HashAddr(a)>>(64-responderBits)]
	if e.addr != a {
		*e = responder{addr: a}
	}
	return e
}

// heard takes a reply with one tag. A nil Responders remembers nothing.
func (r *Responders) heard(f *probe.Facts) {
	if r == nil || !f.Short() || !f.HasQuote {
		return
	}
	e, bit, prefix := r.at(f.Responder), uint64(1)<<f.TTL, prefixOf(f.Target)
	e.heard++
	switch {
	case e.once == 0:
		e.prefix = prefix
	case e.once&bit != 0 && e.prefix != prefix:
		e.again |= bit
	}
	e.once |= bit
}

// missed takes the source of a reply without a valid tag.
func (r *Responders) missed(a probe.Addr) {
	if r != nil {
		r.at(a).misses++
	}
}

// knows reports whether the source of a short reply answered at the same TTL for targets of two
// prefixes.
func (r *Responders) knows(f *probe.Facts) bool {
	if r == nil || !f.HasQuote || f.Kind != probe.KindTTLExceeded && !f.Kind.IsUnreach() {
		return false
	}
	e := &r.table[HashAddr(f.Responder)>>(64-responderBits)]
	return e.addr == f.Responder && e.again>>f.TTL&1 != 0 && e.misses*missShare <= e.heard
}

// prefixOf returns the /24 or /48 of a target.
func prefixOf(a probe.Addr) uint64 {
	if a.Is4() {
		return uint64(binary.BigEndian.Uint32(a[12:]) >> 8)
	}
	return 1<<63 | binary.BigEndian.Uint64(a[:8])>>16
}
