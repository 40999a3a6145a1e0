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

	extOffset, extLen uint32
}

// EntryOctets is the memory of one reply.
const EntryOctets = int(unsafe.Sizeof(Entry{}))

// Role is the relation of a reply to the slots.
type Role uint8

// The roles. Only a First fills a slot. The others are stored for the reply records, as long as the
// window has room for them.
const (
	First Role = iota
	Duplicate
	Hopless // shows that the target was reached, but at no known TTL
	Late    // for a window that was retired before
)

// chunk is the number of entries of a chunk. The arena allocates several chunks at once, so that
// the kernel can back them with huge pages.
const (
	chunk = 1 << 10
	grow  = 1 << 6
)

// arena holds the entries of a window in chunks that never move. Only the matcher appends. Other
// goroutines read an entry after they load its number from a slot, or all entries after the window
// is retired.
type arena struct {
	chunks   []atomic.Pointer[[chunk]Entry]
	n        int // entries in use; only the matcher reads and writes it
	unlinked int // entries in use that fill no slot
	maxLoose int
	octets   []byte // extension octets; those of an entry never change
	used     int    // octets in use; only the matcher reads and writes it
}

func (a *arena) init(s Shape) {
	most := s.Targets*s.TTLs()*s.Flows*s.Attempts + s.Unlinked
	a.chunks = make([]atomic.Pointer[[chunk]Entry], (most+chunk-1)/chunk)
	a.maxLoose = s.Unlinked
	a.octets = make([]byte, s.ExtensionOctets)
}

func (a *arena) reset() { a.n, a.unlinked, a.used = 0, 0, 0 }

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

// write fills the next entry and reports whether its extension was stored.
func (a *arena) write(r *probe.Reply, target uint32, role Role) (kept bool) {
	e := a.next()
	// Field by field: the compiler would build a literal elsewhere and copy it.
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

// Outcome is the result of matching a reply.
type Outcome struct {
	Role
	Unsent   bool // the probe was never sent; nothing was stored
	Denied   bool // a weak reply, and another responder had answered; nothing was stored
	Overflow bool // no room for the reply's extension, or for the whole unlinked reply
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
	// The entry is complete before its number is visible: the swap is the release.
	if !slot.reply.CompareAndSwap(0, uint32(w.arena.n)+1) {
		return Outcome{Role: Duplicate} // not reached while one matcher owns the window
	}
	w.arena.n++
	return Outcome{Role: First, Overflow: !kept}
}

// Keep stores a reply that fills no slot, if there is room. It returns false if the reply or its
// extension is lost. Only the matcher calls it.
func (w *Window) Keep(target uint32, r *probe.Reply, role Role) bool {
	a := &w.arena
	if a.unlinked == a.maxLoose {
		return a.maxLoose == 0 // with no room configured, nothing counts as lost
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

// From returns HashRouter of the address that sent the first reply to s, or 0 if there is no reply.
// Callers that only compare routers need not load the entry, which is usually not in the cache.
func (w *Window) From(s Slot) uint32 {
	slot := w.slot(s)
	if slot == nil || slot.reply.Load() == 0 {
		return 0
	}
	return slot.from
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
