package window

import (
	"sync/atomic"
	"unsafe"

	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/probe"
)

// Entry is one reply as the window keeps it.
type Entry struct {
	probe.Facts
	Target uint32 // index into the window; of a late reply, no target
	Role   Role

	extOffset, extLen uint32
}

// EntryOctets is the memory of one reply.
const EntryOctets = int(unsafe.Sizeof(Entry{}))

// Role says how a reply stands to the slots.
type Role uint8

// The roles. Only a First fills a slot; the others are kept for the record of
// replies, as far as the window has room for them.
const (
	First Role = iota
	Duplicate
	Hopless // shows that the target was reached, at no TTL
	Late    // for a window that is gone
)

// chunk is the entries of a chunk. The arena grows by several at once, for the
// sake of huge pages.
const (
	chunk = 1 << 12
	grow  = 16
)

// arena holds the entries of a window in chunks that never move. Only the
// matcher appends; others read an entry once they have its number from a slot,
// or all of them once the window is retired.
type arena struct {
	chunks   []atomic.Pointer[[chunk]Entry]
	n        int // entries in use; the matcher's
	unlinked int // of them, those that fill no slot
	maxLoose int
	octets   []byte // extension octets: those of an entry never change
	used     int    // of them; the matcher's
}

func (a *arena) init(s Shape) {
	most := s.Targets*s.TTLs()*s.Flows*s.Attempts + s.Unlinked
	a.chunks = make([]atomic.Pointer[[chunk]Entry], (most+chunk-1)/chunk)
	a.maxLoose = s.Unlinked
	a.octets = make([]byte, s.ExtensionOctets)
}

func (a *arena) reset() { a.n, a.unlinked, a.used = 0, 0, 0 }

func (a *arena) entry(i int) *Entry { return &a.chunks[i/chunk].Load()[i%chunk] }

// next returns the entry that the next commit will make part of the arena.
func (a *arena) next() *Entry {
	c := &a.chunks[a.n/chunk]
	if c.Load() == nil {
		a.grow(a.n / chunk)
	}
	return &c.Load()[a.n%chunk]
}

// grow adds the chunk i, which is the first one missing, and some after it.
func (a *arena) grow(i int) {
	missing := a.chunks[i:min(i+grow, len(a.chunks))]
	entries := memory.Make[Entry](len(missing) * chunk)
	for k := range missing {
		missing[k].Store((*[chunk]Entry)(entries[k*chunk:]))
	}
}

// write fills the next entry and reports whether its extension was kept.
func (a *arena) write(r *probe.Reply, target uint32, role Role) (kept bool) {
	e := a.next()
	// Field by field: a literal would be built elsewhere and copied.
	e.Facts, e.Target, e.Role = r.Facts, target, role
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

// Outcome says what became of a reply.
type Outcome struct {
	Role
	Unsent   bool // the probe was never sent; nothing was kept
	Denied   bool // weak, against the answer of somebody else; nothing was kept
	Overflow bool // the reply's extension, or the whole unlinked reply, was not kept
}

// Answer matches r to slot s. Only the matcher calls it.
func (w *Window) Answer(s Slot, r *probe.Reply) Outcome {
	slot := w.slot(s)
	if slot == nil || slot.sent.Load() <= 0 {
		return Outcome{Unsent: true}
	}
	if k := slot.reply.Load(); k != 0 {
		if r.Valid == probe.Weak && r.Responder != w.arena.entry(int(k-1)).Responder {
			return Outcome{Denied: true}
		}
		return Outcome{Role: Duplicate, Overflow: !w.Keep(s.Target, r, Duplicate)}
	}
	kept := w.arena.write(r, s.Target, First)
	slot.from = HashRouter(r.Responder)
	// The entry is whole before its number is seen: the swap releases it.
	if !slot.reply.CompareAndSwap(0, uint32(w.arena.n)+1) {
		return Outcome{Role: Duplicate} // not reached while one matcher owns the window
	}
	w.arena.n++
	return Outcome{Role: First, Overflow: !kept}
}

// Keep keeps a reply that fills no slot, if there is room. Only the matcher
// calls it.
func (w *Window) Keep(target uint32, r *probe.Reply, role Role) bool {
	a := &w.arena
	if a.unlinked == a.maxLoose {
		return a.maxLoose == 0 // nobody asked for it
	}
	kept := a.write(r, target, role)
	a.n++
	a.unlinked++
	return kept
}

// Reply returns the first reply to s, or nil. It is immutable.
func (w *Window) Reply(s Slot) *Entry {
	slot := w.slot(s)
	if slot == nil {
		return nil
	}
	k := slot.reply.Load()
	if k == 0 {
		return nil
	}
	return w.arena.entry(int(k - 1))
}

// From returns HashRouter of who sent the first reply to s, 0 if there is none. It
// spares who only compares routers the entry, which lies anywhere in memory.
func (w *Window) From(s Slot) uint32 {
	slot := w.slot(s)
	if slot == nil || slot.reply.Load() == 0 {
		return 0
	}
	return slot.from
}

// Entries calls yield for every entry in the order of arrival. It may be
// called once the window is retired.
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
