package multipath

import (
	"hash/maphash"
	"sync"
	"unsafe"

	"github.com/masstrace/masstrace/internal/probe"
)

// Known holds what the searches to other targets have shown: the branches of nodes that they have finished
// with confidence, and the routers that limit their answers. It is safe for concurrent use. Its memory is
// fixed: a newer node takes the place of an older one. A nil Known holds nothing.
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
	// veilCost is how many searches without silence make up for one in which silence may hide a branch.
	// Losses make one of a hundred so. A branch of equal share that does not answer makes most of them so.
	veilCost = 8
	// mostTrust bounds knownEntry.trust, so that it can change.
	mostTrust = 64
	// minTrust is how many searches must have found the branch alone so that it is certain.
	minTrust = 4
	// limitGain is how many searches that a router answers make up for one that it limits, and mostLimits
	// bounds knownEntry.limits.
	limitGain  = 2
	mostLimits = 6
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
	// trust is how many searches found the only branch without silence that may hide another one, less
	// veilCost for each with such silence.
	trust int8
	// limits is positive if a router limits its answers. Such entries have keys of their own, see limitKey.
	limits int8
}

// unsteady is the width of a node in, or in front of, the branches of a per-packet balancer.
const unsteady = 0

// isShown reports whether targets of several prefixes agree on e.
func (e *knownEntry) isShown() bool { return e.support >= minSupport }

// isUnsteady reports whether e is a node in, or in front of, the branches of a per-packet balancer.
func (e *knownEntry) isUnsteady() bool { return e.isShown() && e.width == unsteady }

// balances reports whether e is a node that balances flows, or has one branch.
func (e *knownEntry) balances() bool { return e.isShown() && e.width != unsteady }

// isSole reports whether the node has one branch.
func (e *knownEntry) isSole() bool { return e.isShown() && e.width == 1 }

// isCertain reports whether the node has one branch, and silence hides no other one.
func (e *knownEntry) isCertain() bool { return e.isSole() && e.trust >= minTrust }

// isVeiled reports whether silence may hide a branch, so that few answers do not show that one is the only
// one.
func (e *knownEntry) isVeiled() bool { return e.trust < 0 && !e.isShown() }

// knownKey is the node near at a TTL, which passes packets on to far.
type knownKey struct {
	near, far probe.Addr
	ttl       uint8
}

// limitKey returns the key for the limit of a router that answers at a TTL, on whatever path.
func limitKey(ttl uint8, router probe.Addr) knownKey {
	const limits = 1 << 7 // no TTL is as high
	return knownKey{far: router, ttl: ttl | limits}
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

// get returns the entry of a key. It is zero if there is none.
func (k *Known) get(key knownKey) knownEntry {
	if k == nil {
		return knownEntry{}
	}
	s, entries, check := k.find(key)
	defer s.Unlock()
	for i := range entries {
		if entries[i].check == check {
			return entries[i]
		}
	}
	return knownEntry{}
}

// change changes the entry of a key, and makes it if there is none.
func (k *Known) change(key knownKey, change func(e *knownEntry)) {
	if k == nil {
		return
	}
	s, entries, check := k.find(key)
	defer s.Unlock()
	e := entryOf(entries, check)
	change(e)
	e.check = check
}

// warn marks the node of key and its branch as those of a per-packet balancer. The mark stays. A
// forged warning costs other targets some probes.
func (k *Known) warn(key knownKey) {
	k.change(key, func(e *knownEntry) { *e = knownEntry{width: unsteady, support: minSupport} })
}

// doubt takes so many branches of the node of key that a search sees before it has finished them. An
// entry with fewer counts no more, until a search has finished as many. A forged doubt costs other targets
// some probes.
func (k *Known) doubt(key knownKey, width int) {
	k.change(key, func(e *knownEntry) {
		if !e.isUnsteady() && int(e.width) < width {
			*e = knownEntry{width: uint8(min(width, 255))}
		}
	})
}

// veil takes a search that saw one branch of the node of key, and silence that may hide another one. The
// searches that saw none were over first. So their support counts no more, unless they are many.
func (k *Known) veil(key knownKey) {
	k.change(key, func(e *knownEntry) {
		if e.isUnsteady() || e.width > 1 {
			return
		}
		was := e.trust
		e.width, e.trust = 1, max(e.trust-veilCost, -mostTrust)
		if was >= 0 && e.trust < 0 {
			e.support = 0
		}
	})
}

// finding is what a search to a target of prefix found behind a node with the full rule.
type finding struct {
	width       int
	set, prefix uint32
	certain     bool // so many flows were answered that silence did not hide a second branch
}

// report takes the branches of the node of key. A search may miss a branch, so that more branches replace
// fewer. Fewer replace more only as long as one prefix alone supports those.
func (k *Known) report(key knownKey, f finding) {
	width := uint8(min(f.width, 255))
	k.change(key, func(e *knownEntry) {
		switch {
		case e.isUnsteady(), e.support == 0 && width < e.width:
		case width == 1 && e.trust < 0 && !f.certain:
			e.trust++
		case e.width == width && e.set == f.set:
			e.trust = min(e.trust+1, mostTrust)
			switch {
			case e.support == 0:
				e.support, e.prefix = 1, f.prefix
			case e.prefix != f.prefix:
				e.support = minSupport
			}
		case e.width < width || e.support < minSupport:
			*e = knownEntry{set: f.set, prefix: f.prefix, width: width, support: 1, trust: e.trust}
		}
	})
}

// limit takes whether the router of a limitKey limited its answers to a search. A forged limit needs silence
// of the router itself.
func (k *Known) limit(key knownKey, limited bool) {
	k.change(key, func(e *knownEntry) {
		if limited {
			e.limits = min(e.limits+limitGain, mostLimits)
		} else {
			e.limits = max(e.limits-1, 0)
		}
	})
}

// entryOf returns the entry with a check number, or an empty one in a free place. Without one, the least
// supported entry makes room, and the last of equals.
func entryOf(entries *[knownWays]knownEntry, check uint32) *knownEntry {
	last := knownWays - 1
	for i := range entries {
		if e := &entries[i]; e.check == 0 || e.check == check {
			return e
		}
		if entries[i].support < entries[last].support {
			last = i
		}
	}
	entries[last] = knownEntry{}
	return &entries[last]
}
