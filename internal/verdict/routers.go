package verdict

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// prefix is the /24 (IPv6: /48) of a target, the unit of routing and the default granularity of a
// scan. Bits 2 to 49 are those of the address, bit 50 is set for IPv4, and bit 51 is always set.
// The lowest two bits are free for marks, and bit 52 is free for one of a router.
type prefix uint64

// Marks of a prefix at a router.
const (
	goesOn prefix = 1 << iota // the trace shows something beyond the router
	direct                    // the router is the last one before its targets

	marks    = goesOn | direct
	isIPv4   = prefix(1) << 50
	isPrefix = prefix(1) << 51
	isEdge   = prefix(1) << 52
	top      = 50 // bits that two prefixes of one family may differ in are below
)

// near4 and near6 are how many leading bits two neighbouring prefixes have in common: blocks of 16
// and 256 prefixes.
const (
	near4 = 20
	near6 = 40
)

func prefixOf(a probe.Addr) prefix {
	if a.Is4() {
		return prefix(binary.BigEndian.Uint32(a[12:])>>8)<<(top-24) | isIPv4 | isPrefix
	}
	return prefix(binary.BigEndian.Uint64(a[:])>>16)<<(top-48) | isPrefix
}

// isNear reports whether two prefixes are neighbours. No prefix is near itself.
func (p prefix) isNear(o prefix) bool {
	differ := (p ^ o) &^ marks
	return differ != 0 && bits.Len64(uint64(differ)) <= top-p.near()
}

// near returns how many leading bits p has in common with its neighbours.
func (p prefix) near() int {
	if p&isIPv4 != 0 {
		return near4
	}
	return near6
}

// mostPrefixes is how many prefixes a router keeps.
const mostPrefixes = 4

// router is what traces show about a router.
type router struct {
	key      uint64               // hash of the address; 0 is a free place
	prefixes [mostPrefixes]prefix // the first one has isEdge for a router at an edge
}

// isEdge reports whether the next router on some path is that of a prefix alone, or a target. Then one
// lost reply hides that a path goes on.
func (r *router) isEdge() bool { return r != nil && r.prefixes[0]&isEdge != 0 }

// knowledge is what is known about a router, for the targets of a prefix.
type knowledge struct {
	direct bool // it is the last router before other targets of the prefix
	shared bool // other prefixes are behind it
	parts  int  // neighbouring prefixes to which traces go on beyond it
}

// isFull reports whether many prefixes are behind the router. Then what only one prefix shows of the
// routers behind it is not because the run is young.
func (r *router) isFull() bool { return r.prefixes[mostPrefixes-1] != 0 }

// about returns what is known for a prefix; nothing of a nil router.
func (r *router) about(p prefix) (k knowledge) {
	if r == nil {
		return k
	}
	for _, o := range r.prefixes {
		o &^= isEdge
		switch {
		case o == 0:
		case o&^marks == p:
			k.direct = k.direct || o&direct != 0
		default:
			k.shared = true
			if o&goesOn != 0 && p.isNear(o) {
				k.parts++
			}
		}
	}
	return k
}

// add notes that a trace to a prefix shows the router.
func (r *router) add(p, marked prefix) {
	free := -1
	for i, o := range r.prefixes {
		o &^= isEdge
		if o&^marks == p {
			r.prefixes[i] |= marked
			return
		}
		if o == 0 && free < 0 {
			free = i
		}
	}
	if free < 0 {
		free = int(mix(r.key^uint64(p)) % mostPrefixes)
	}
	r.prefixes[free] = r.prefixes[free]&isEdge | p | marked
}

// The table grows from leastRouters to mostRouters, which take 10 MB. A router has a place among
// the ways places that begin with its hash. If all are taken, it takes that of another one.
const (
	leastRouters = 1 << 8
	mostRouters  = 1 << 18
	ways         = 8
)

// routers is a table of routers by a hash of their address, or of that and a block of prefixes.
type routers struct {
	places []router
	used   int
}

// keyOf returns the hash of an address, never 0.
func keyOf(a probe.Addr) uint64 {
	return mix(mix(binary.BigEndian.Uint64(a[:]))^binary.BigEndian.Uint64(a[8:])) | 1
}

// blockKeyOf returns the key of a router together with the block of a prefix and its neighbours.
func blockKeyOf(a probe.Addr, p prefix) uint64 { return mix(keyOf(a)^uint64(p>>(top-p.near()))) | 1 }

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// find returns the router with a key, nil if it is not known.
func (t *routers) find(key uint64) *router {
	if len(t.places) == 0 {
		return nil
	}
	r, found := t.place(key)
	if !found {
		return nil
	}
	return r
}

// place returns the place of a key: that with the key, else a free one, else the one to replace.
func (t *routers) place(key uint64) (r *router, found bool) {
	set := int(key>>1) & (len(t.places) - 1) &^ (ways - 1)
	free := -1
	for i := set; i < set+ways; i++ {
		switch t.places[i].key {
		case key:
			return &t.places[i], true
		case 0:
			if free < 0 {
				free = i
			}
		}
	}
	if free < 0 {
		free = set + int(key>>60)%ways
	}
	return &t.places[free], false
}

// add notes that a trace to a prefix shows a router, and returns it.
func (t *routers) add(key uint64, p, marked prefix) *router {
	if 2*t.used >= len(t.places) && len(t.places) < mostRouters {
		t.grow()
	}
	r, found := t.place(key)
	if !found {
		if r.key == 0 {
			t.used++
		}
		*r = router{key: key}
	}
	r.add(p, marked)
	return r
}

func (t *routers) grow() {
	old := t.places
	t.places, t.used = make([]router, max(leastRouters, 2*len(old))), 0
	for i := range old {
		if old[i].key == 0 {
			continue
		}
		r, _ := t.place(old[i].key)
		if r.key == 0 {
			t.used++
		}
		*r = old[i]
	}
}

// Learn notes what a closed trace shows about routers.
func (j *Judge) Learn(t *record.Trace) {
	j.losses.learn(t)
	p := prefixOf(t.Target)
	end := t.End // of what answered
	if !t.Reached || t.Distance == 0 {
		end = 0
		if n := len(t.Hops); n > 0 {
			end = t.Hops[n-1].TTL
		}
	}
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.Responder == t.Target {
			continue
		}
		if i > 0 && t.Hops[i-1].Responder == h.Responder && t.Hops[i-1].TTL == h.TTL && t.Hops[i-1].Kind == h.Kind {
			continue
		}
		marked := prefix(0)
		switch h.Kind {
		case probe.KindTTLExceeded:
			if h.TTL < end {
				marked |= goesOn
			}
			if t.Reached && t.Distance == h.TTL+1 {
				marked |= direct
			}
		case probe.KindHostUnreach:
			if h.Alone {
				continue
			}
			marked |= direct
		default:
			continue
		}
		r := j.routers.add(keyOf(h.Responder), p, marked)
		if t.Reached && t.Distance <= h.TTL+2 || i+1 < len(t.Hops) && r.isFull() && j.isOwn(&t.Hops[i+1], h.TTL+1, p) {
			r.prefixes[0] |= isEdge
		}
		if marked&goesOn != 0 && !lostAfter(t, h.TTL) {
			j.blocks.add(blockKeyOf(h.Responder, p), p, marked)
		}
	}
}

// isOwn reports whether a hop is a router at a TTL to which no other prefix leads, as far as is known.
func (j *Judge) isOwn(h *record.Hop, ttl uint8, p prefix) bool {
	return h.TTL == ttl && h.Kind == probe.KindTTLExceeded && !j.routers.find(keyOf(h.Responder)).about(p).shared
}

// lostAfter reports whether this machine may have lost answers from beyond a TTL. Then the trace does not
// show all routers to its target.
func lostAfter(t *record.Trace, ttl uint8) bool {
	return len(t.UnderDrops) > 0 && slices.Max(t.UnderDrops) > ttl
}
