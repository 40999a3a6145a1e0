package window

import (
	"sync/atomic"
	"unsafe"

	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/probe"
)

// Entry is one reply as the window stores it.
type Entry struct {
	probe.Facts
	Target uint32 // index into the window; not set in a late reply
	Role   Role
	unseen bool // it was withheld from the start, and will be: only the matcher reads it

	extOffset, extLen uint32
}

// EntryOctets is the memory of one reply.
const EntryOctets = int(unsafe.Sizeof(Entry{}))

// Role is the relation of a reply to the slots.
type Role uint8

// The roles. Only a First fills a slot. The others are stored for the reply records, as long as the
// window has room for them. A First that a better answer superseded stays a First.
const (
	First Role = iota
	Duplicate
	Hopless // shows that the target was reached, but at no known TTL
	Late    // for a window that was retired before
	Denied  // another responder proved more in its slot
)

// chunk is the number of entries of a chunk. The arena allocates several chunks at once, so that
// the kernel can back them with huge pages.
const (
	chunk = 1 << 10
	grow  = 1 << 6
)

// spare is the number of slots for which there is room for one superseded answer. Without attackers
// none is superseded. If half of the room is used, better answers overwrite entries that are
// unseen. If all of it is used, other worse answers stay in their slots, and their TTLs
// are contested.
const spare = 4

// arena holds the entries of a window in chunks that never move. Only the matcher appends. Other
// goroutines read an entry after they load its number from a slot, or all entries after the window
// is retired.
type arena struct {
	chunks   []atomic.Pointer[[chunk]Entry]
	n        int // entries in use; only the matcher reads and writes it
	unlinked int // entries in use that fill no slot
	maxLoose int
	replaced int // entries in use that were superseded
	maxSpare int
	octets   []byte // extension octets; those of an entry never change
	used     int    // octets in use; only the matcher reads and writes it
}

func (a *arena) init(s Shape) {
	slots := s.slots()
	a.maxSpare = (slots + spare - 1) / spare
	most := slots + a.maxSpare + s.Unlinked
	a.chunks = make([]atomic.Pointer[[chunk]Entry], (most+chunk-1)/chunk)
	a.maxLoose = s.Unlinked
	a.octets = make([]byte, s.ExtensionOctets)
}

func (a *arena) reset() { a.n, a.unlinked, a.replaced, a.used = 0, 0, 0, 0 }

func (a *arena) entry(i int) *Entry { return &a.chunks[i/chunk].Load()[i%chunk] }

// next returns the first entry that is not in use. Incrementing n puts it into use.
func (a *arena) next() *Entry {
	c := &a.chunks[a.n/chunk]
	if c.Load() == nil {
		a.grow(a.n / chunk)
	}
	return &c.Load()[a.n%chunk]
}

// grow allocates chunk i, which is the first missing one, and up to grow-1 chunks after it.
func (a *arena) grow(i int) {
	missing := a.chunks[i:min(i+grow, len(a.chunks))]
	entries := memory.Make[Entry](len(missing) * chunk)
	for k := range missing {
		missing[k].Store((*[chunk]Entry)(entries[k*chunk:]))
	}
}

// write fills an entry and reports whether its extension was stored.
func (a *arena) write(e *Entry, r *probe.Reply, target uint32, role Role) (kept bool) {
	// Field by field: the compiler would build a literal elsewhere and copy it.
	e.Facts, e.Target, e.Role, e.unseen = r.Facts, target, role, false
	e.extOffset, e.extLen = 0, 0
	if len(r.Ext) == 0 {
		return true
	}
	if a.used+len(r.Ext) > len(a.octets) {
		return false
	}
	e.extOffset, e.extLen = uint32(a.used), uint32(len(r.Ext))
	a.used += copy(a.octets[a.used:], r.Ext)
	return true
}

// answer is the word of a slot. Bits 0 and 1 are the standing of its reply, bits 2 to 31 are 1 +
// the number of the entry. The upper half is HashRouter of the responder.
type answer uint64

func answerOf(entry int, from uint32, s Standing) answer {
	return answer(from)<<32 | answer(entry+1)<<2 | answer(s)
}

func (a answer) standing() Standing { return Standing(a & 3) }
func (a answer) from() uint32       { return uint32(a >> 32) }

// entry returns the number of the entry. There must be one.
func (a answer) entry() int { return int(uint32(a)>>2) - 1 }

func (a answer) with(s Standing) answer { return a&^3 | answer(s) }

// Outcome is the result of matching a reply.
type Outcome struct {
	Role
	Unsent   bool           // the probe was never sent; nothing was stored
	Overflow bool           // no room for the reply's extension, or for the whole unlinked reply
	Was      probe.Validity // of the superseded answer, Unverified if there was none
}

// Place is a slot that was found before its reply is matched.
type Place struct{ slot *slot }

// Find finds the slot of s, and loads it, so that the processor brings it into its cache.
func (w *Window) Find(s Slot) Place {
	slot := w.slot(s)
	if slot != nil {
		slot.sent.Load()
	}
	return Place{slot}
}

// Answer matches r to slot s. Learn must follow, unless the role is Duplicate or Denied. Only the
// matcher calls it.
//
// The first reply fills the slot. A later one replaces it if it proves more (see
// probe.Facts.Proof). If it proves as much and comes from elsewhere, the TTL is contested.
func (w *Window) Answer(s Slot, r *probe.Reply) Outcome { return w.AnswerAt(w.Find(s), s, r) }

// AnswerAt is Answer for a slot that Find found.
func (w *Window) AnswerAt(at Place, s Slot, r *probe.Reply) Outcome {
	slot := at.slot
	if slot == nil || slot.sent.Load() <= 0 {
		return Outcome{Unsent: true}
	}
	was := probe.Unverified
	if word := answer(slot.reply.Load()); word != 0 {
		out := w.again(s, word, r)
		if out.Role != First {
			return out
		}
		was = out.Was
		if w.arena.replaced >= w.arena.maxSpare/2 && !r.OneTag() && w.arena.entry(word.entry()).unseen {
			return w.overwrite(slot, word, s, r, was)
		}
		w.arena.replaced++
	}
	e, standing := w.arena.next(), Steers
	if w.floods != nil {
		standing = w.before(s)
	}
	kept := w.arena.write(e, r, s.Target, First)
	if r.OneTag() { // withheld until Learn judges it
		p := w.path(s.Target, s.Flow)
		standing, e.unseen = Withheld, p.misses > mostChance
		p.alone++
	}
	// The entry is complete before its number is visible: the store is the release.
	slot.reply.Store(uint64(answerOf(w.arena.n, HashRouter(r.Responder), standing)))
	w.arena.n++
	return Outcome{Role: First, Was: was, Overflow: !kept}
}

// before returns the standing of a reply with more than one tag before Learn judges it.
func (w *Window) before(s Slot) Standing {
	if w.flooded(s.Target, s.Flow) != nil {
		return Withheld
	}
	return Steers
}

// overwrite puts r, which is not withheld, into the unseen entry of a slot. The reply record of
// that entry is lost.
func (w *Window) overwrite(slot *slot, word answer, s Slot, r *probe.Reply, was probe.Validity) Outcome {
	w.arena.write(w.arena.entry(word.entry()), r, s.Target, First)
	slot.reply.Store(uint64(answerOf(word.entry(), HashRouter(r.Responder), w.before(s))))
	return Outcome{Role: First, Was: was, Overflow: true}
}

// again matches r to a slot that has an answer. The role is First if r is to take its place.
func (w *Window) again(s Slot, word answer, r *probe.Reply) Outcome {
	old, p := w.arena.entry(word.entry()), w.path(s.Target, s.Flow)
	elsewhere := r.Responder != old.Responder
	proof, least := r.Proof(), old.Proof()
	switch {
	case proof > least && (w.arena.replaced < w.arena.maxSpare || old.unseen && !r.OneTag()):
		if old.OneTag() {
			p.alone--
		}
		w.undecide(s.Target, s.Flow) // Learn takes back the conclusions from the old answer
		return Outcome{Role: First, Was: old.Valid}
	case elsewhere && proof >= least:
		p.contested |= 1 << s.TTL
		if r.OneTag() || old.OneTag() {
			w.judge(s.Target, s.Flow)
		}
	case elsewhere && r.Valid == probe.Weak:
		return Outcome{Role: Denied, Overflow: !w.Keep(s.Target, r, Denied)}
	}
	return Outcome{Role: Duplicate, Overflow: !w.Keep(s.Target, r, Duplicate)}
}

// Keep stores a reply that fills no slot, if there is room. It returns false if the reply or its
// extension is lost. Only the matcher calls it.
func (w *Window) Keep(target uint32, r *probe.Reply, role Role) bool {
	a := &w.arena
	if a.unlinked == a.maxLoose {
		return a.maxLoose == 0 // with no room configured, nothing counts as lost
	}
	kept := a.write(a.next(), r, target, role)
	a.n++
	a.unlinked++
	return kept
}

// Reply returns the hop of s: the best reply to it. It returns nil if there is none, or if the
// reply is withheld. The entry is immutable. Any goroutine may call it.
func (w *Window) Reply(s Slot) *Entry {
	if e, standing := w.Best(s); standing != Withheld {
		return e
	}
	return nil
}

// Best returns the best reply to s with its standing, or nil. Any goroutine may call it.
func (w *Window) Best(s Slot) (e *Entry, standing Standing) {
	slot := w.slot(s)
	if slot == nil {
		return nil, Withheld
	}
	word := answer(slot.reply.Load())
	if word == 0 {
		return nil, Withheld
	}
	return w.arena.entry(word.entry()), word.standing()
}

// From returns HashRouter of the source of the hop of s, or 0 if there is none. Callers that only
// compare routers need not load the entry, which is usually not in the cache.
func (w *Window) From(s Slot) uint32 {
	slot := w.slot(s)
	if slot == nil {
		return 0
	}
	word := answer(slot.reply.Load())
	if word.standing() == Withheld {
		return 0
	}
	return word.from()
}

// Entries calls yield for every entry in the order of arrival. It may be called after the window is
// retired.
func (w *Window) Entries(yield func(*Entry) bool) {
	for i := range w.arena.n {
		if !yield(w.arena.entry(i)) {
			return
		}
	}
}

// Extension returns the extension octets of e, nil if it had none. They are
// valid until Reset.
func (w *Window) Extension(e *Entry) []byte {
	if e.extLen == 0 {
		return nil
	}
	return w.arena.octets[e.extOffset : e.extOffset+e.extLen]
}
