// Package window holds the only memory that the stages of a scan share. A window covers a stretch
// of the target order. It holds the time when each probe was sent, the first reply to it, and how
// far each target's path is known. Each field is either written before the window is shared, or
// is an atomic word with one writer.
//
// # Slot protocol
//
// A slot is one (target, TTL, flow, attempt). It has two shared words, sent and reply. All shared
// words are sync/atomic, which the Go memory model makes sequentially consistent. So a goroutine
// that sees a word also sees all that was written before it.
//
//  1. The sender stores sent for a whole batch, then makes the system call.
//     Frames that the kernel did not accept are stamped again before their
//     retry, or with Failed when the sender gives them up. A slot belongs to
//     one sender.
//  2. The matcher loads sent. If the probe was never sent, it rejects the reply. A true
//     reply always finds its stamp. The store is complete before the system call
//     begins, and the reply came through the kernel after that call. The Go memory
//     model does not cover networks. The kernel's own locks, which both paths take,
//     make processors order the store before the load.
//  3. The matcher writes a whole Entry into the arena. Then it stores reply:
//     the entry's number, its standing and the hash of its responder, in one
//     word. After that the entry is immutable. A window has one matcher, so
//     reply has one writer.
//  4. A reply that proves more than the one in its slot replaces it. The matcher
//     writes another whole entry and stores reply again. The old entry stays as
//     it is until the window is reset, and no slot refers to it any more. If only
//     the standing changes, the matcher stores reply with the same entry. Only the matcher
//     reads an entry that was withheld from the start, and for good. If room is scarce, it
//     overwrites such an entry, and then stores reply.
//  5. Scheduler and assembler load reply once, then read the entry that it names.
//     The store is the release and the load the acquire. Entries do not change.
//     So readers see the old reply or the new one, each of them whole and with its
//     standing. They never see a mixture or a partial entry.
//  6. State is one atomic word per (target, flow). The matcher writes it, the
//     scheduler reads it just before it emits a probe. When a reply is replaced
//     or loses its standing, the matcher computes State anew from the slots. So
//     nothing remains of a conclusion from the old reply. A stale read costs a
//     probe, but never produces a wrong record.
//  7. In a window on demand, a directory leads to slot and state (see tree). Its words are
//     written by the sender that owns the target, before it stamps the first slot that they
//     lead to. So a reader that finds no slot finds a probe that was not stamped. And a matcher
//     that finds a stamp also finds the State of its path.
//  8. The matcher stores the time up to which it has matched after it stored the
//     replies themselves. So a goroutine that loads that time also finds every
//     reply stamped before it.
//
// A reply may arrive between a first stamp and a later Failed one, but only from a host that holds
// the key. Then the reply counts, and the probe with it.
//
// # Life
//
// The opener fills a window and puts it into a Set. The scheduler walks the window. It closes the
// window with a deadline when each probe that it handed out is stamped. If there are several
// schedulers, each closes its part, and the last one closes the window. Only the matcher retires
// the window: when every frame stamped before the deadline has been matched, it removes the window
// from the Set. The assembler reads the window and resets it for the opener. Each stage passes the
// window on through an atomic word or a channel and does not touch it again. So everything but
// slots and state has one owner at a time.
//
// Windows retire in the order of their numbers, and at most Live of them are live. Window n+Live is
// only opened after window n is removed from the Set. So no two live windows have the same place,
// and a channel with room for Live windows never blocks.
package window

import (
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/probe"
)

// Window is a stretch of the target order that is being probed.
type Window struct {
	shape    Shape
	cut      Cut
	diagonal int // number of slots of a diagonal
	ttls     int // TTLs of shape, stored because a method call would copy the whole Shape

	// ID numbers the windows of a run from 0; Position is the place of its
	// first target in the order.
	ID       uint64
	Position uint64

	// Heard counts the frames received for the window. The matcher owns it until it has retired
	// the window, and after that the stage that takes it from the Retired channel.
	Heard account.Heard[uint64]

	targets []probe.Addr
	states  []atomic.Uint64         // a State for each path
	planes  []atomic.Pointer[plane] // none in a window on demand
	pages   *pages                  // nil unless the window is on demand
	// witness is set if flow 0 shows for the others that a box rewrites tags.
	witness bool
	arena   arena

	deadline atomic.Int64 // 0 while probes may follow
	parts    atomic.Int32 // number of parts that are not closed
	latest   atomic.Int64 // latest deadline of the closed parts
	halted   atomic.Bool  // given up before all probes were sent; written before the deadline

	abandoned atomic.Bool // halted, and left to another process; likewise

	// The rest is the matcher's, and less often used.
	paths  []path  // like states
	known  []known // likewise; empty until Learn is called with a StopSet
	judged []judged
	// crowded has the TTLs of the target that is settled, as bits, see findCrowded; else it is 0.
	crowded uint64
	others  *Responders // of the Set, or nil
	sealed6 bool        // likewise, see Set.Sealed6
	// floods has the paths with so many misses that replies with two tags may be guesses, by
	// pathIndex.
	floods map[int]flood
	probes int // most probes of a path, see flood.isLate
}

// New returns an empty window.
func New(s Shape) *Window {
	w := &Window{
		diagonal: s.diagonalSlots(),
		ttls:     s.TTLs(),
		shape:    s,
		probes:   s.TTLs() * s.Attempts,
		cut:      s.Cut(),
		targets:  memory.Make[probe.Addr](s.Targets)[:0],
		states:   memory.Make[atomic.Uint64](s.paths()),
		paths:    memory.Make[path](s.paths()),
	}
	if s.IsOnDemand() {
		w.pages, w.witness = newPages(s), true
	} else {
		w.planes = make([]atomic.Pointer[plane], s.Flows*s.Attempts)
	}
	w.arena.init(s)
	return w
}

// Shape returns the shape that w was made with.
func (w *Window) Shape() Shape { return w.shape }

// Append adds the next target of the order.
func (w *Window) Append(target probe.Addr) { w.targets = append(w.targets, target) }

// Len returns the number of targets.
func (w *Window) Len() int { return len(w.targets) }

// Target returns the i-th target.
func (w *Window) Target(i int) probe.Addr { return w.targets[i] }
