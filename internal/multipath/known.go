package multipath

import (
	"hash/maphash"
	"sync"
	"unsafe"

	"github.com/masstrace/masstrace/internal/probe"
)

// Known holds the branches of nodes that other targets have finished with confidence. It is safe
// for concurrent use. Its memory is fixed: a newer node takes the place of an older one.
//
// An entry counts when targets of two different prefixes have found the same branches. So the
// forged answers of one target cannot change the search to another.
type Known struct {
	seed   maphash.Seed
	shards [knownShards]knownShard
}

const (
	knownShards = 256
	knownWays   = 4 // entries at which a key may be
	// minSupport is how many prefixes must agree.
	minSupport = 2
)

type knownShard struct {
	sync.Mutex
	sets [][knownWays]knownEntry
}

// knownEntry is a node in front of one of its branches.
type knownEntry struct {
	check   uint32 // of the key; 0: free
	set     uint32 // sum of the branches
	prefix  uint32 // of the first target that supports the entry
	width   uint8  // unsteady if a per-packet balancer decides what follows
	support uint8  // prefixes that agree, minSupport at most; 0: a search doubts the entry
}

// unsteady is the width of a node in, or in front of, the branches of a per-packet balancer.
const unsteady = 0

// knownKey is the node near at a TTL, which passes packets on to far.
type knownKey struct {
	near, far probe.Addr
	ttl       uint8
}

// NewKnown returns an empty Known that takes at most octets of memory, and at least a few KiB.
func NewKnown(octets int) *Known {
	k := &Known{seed: maphash.MakeSeed()}
	n := max(1, octets/knownShards/knownWays/int(unsafe.Sizeof(knownEntry{})))
	for i := range k.shards {
		k.shards[i].sets = make([][knownWays]knownEntry, n)
	}
	return k
}

// sum returns the part of an address in the sum of a set of branches.
func (k *Known) sum(a probe.Addr) uint32 { return uint32(maphash.Comparable(k.seed, a)) }

// prefixOf returns a number for the /24 or /48 of an address.
func (k *Known) prefixOf(a probe.Addr) uint32 {
	if a.Is4() {
		a[15] = 0
	} else {
		clear(a[6:])
	}
	return k.sum(a)
}

// find locks the shard of a key and returns its set of entries and its check number.
func (k *Known) find(key knownKey) (*knownShard, *[knownWays]knownEntry, uint32) {
	h := maphash.Comparable(k.seed, key)
	s := &k.shards[h%knownShards]
	s.Lock()
	return s, &s.sets[h>>8&0xffffff%uint64(len(s.sets))], uint32(h>>32) | 1
}

// lookup returns the number of branches of the node of key, and their sum. ok is false if too few
// targets have shown them.
func (k *Known) lookup(key knownKey) (width int, set uint32, ok bool) {
	s, entries, check := k.find(key)
	defer s.Unlock()
	for i := range entries {
		if e := &entries[i]; e.check == check {
			return int(e.width), e.set, e.support >= minSupport
		}
	}
	return 0, 0, false
}

// warn marks the node of key and its branch as those of a per-packet balancer. The mark stays. A
// forged warning costs other targets some probes.
func (k *Known) warn(key knownKey) {
	s, entries, check := k.find(key)
	defer s.Unlock()
	put(entries, knownEntry{check: check, width: unsteady, support: minSupport})
}

// doubt takes so many branches of the node of key that a search sees before it has finished them. An
// entry with fewer counts no more, until a search has finished as many. A forged doubt costs other targets
// some probes.
func (k *Known) doubt(key knownKey, width int) {
	s, entries, check := k.find(key)
	defer s.Unlock()
	for i := range entries {
		if e := &entries[i]; e.check == check && e.width != unsteady && int(e.width) < width {
			*e = knownEntry{check: check, width: uint8(min(width, 255))}
		}
	}
}

// report takes the branches of the node of key that a target of prefix found with the full rule. A
// search may miss a branch, so that more branches replace fewer. Fewer replace more only as long as
// one prefix alone supports those.
func (k *Known) report(key knownKey, width int, set, prefix uint32) {
	s, entries, check := k.find(key)
	defer s.Unlock()
	fresh := knownEntry{check: check, set: set, prefix: prefix, width: uint8(min(width, 255)), support: 1}
	for i := range entries {
		e := &entries[i]
		switch {
		case e.check != check:
			continue
		case e.width == unsteady, e.support == 0 && fresh.width < e.width:
		case e.width == fresh.width && e.set == set:
			if e.prefix != prefix {
				e.support = minSupport
			}
		case e.width < fresh.width || e.support < minSupport:
			*e = fresh
		}
		return
	}
	put(entries, fresh)
}

// put puts an entry where its key is, or at a free place. Without one, the least supported entry
// makes room, and the last of equals.
func put(entries *[knownWays]knownEntry, fresh knownEntry) {
	last := knownWays - 1
	for i := range entries {
		if e := &entries[i]; e.check == 0 || e.check == fresh.check {
			*e = fresh
			return
		}
		if entries[i].support < entries[last].support {
			last = i
		}
	}
	entries[last] = fresh
}
