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
//     the standing changes, the matcher stores reply with the same entry.
//  5. Scheduler and assembler load reply once, then read the entry that it names.
//     The store is the release and the load the acquire. Entries do not change.
//     So readers see the old reply or the new one, each of them whole and with its
//     standing. They never see a mixture or a partial entry.
//  6. State is one atomic word per (target, flow). The matcher writes it, the
//     scheduler reads it just before it emits a probe. When a reply is replaced
//     or loses its standing, the matcher computes State anew from the slots. So
//     nothing remains of a conclusion from the old reply. A stale read costs a
//     probe, but never produces a wrong record.
//  7. The matcher stores the time up to which it has matched after it stored the
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
	"iter"
	"sync/atomic"
	"unsafe"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/probe"
)

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

// Stamps of probes that were not sent and will not be sent.
const (
	Failed    = -1 // the kernel never accepted it, for another reason than those below
	Excluded  = -2 // its target may not be probed
	NoBuffers = -3 // never accepted: ENOBUFS or EAGAIN, for a long time
	NoRoute   = -4 // never accepted: no route to the target
	TooBig    = -5 // never accepted: larger than the MTU
	LinkDown  = -6 // never accepted: the link was down
	RunEnded  = -7 // not accepted before the run ended
)

// IsFailed reports whether a stamp means that the kernel never accepted the probe.
func IsFailed(stamp int64) bool { return stamp < 0 && stamp != Excluded }

// CountFailed adds a probe with a failed stamp to its cause.
func CountFailed(by *account.TxErrorsBy, stamp int64) {
	switch stamp {
	case NoBuffers:
		by.NoBuffers++
	case NoRoute:
		by.NoRoute++
	case TooBig:
		by.TooBig++
	case LinkDown:
		by.LinkDown++
	case RunEnded:
		by.RunEnded++
	default:
		by.Other++
	}
}

// slot is one probe.
type slot struct {
	sent  atomic.Int64  // ns since the Unix epoch; or 0, or one of the constants above
	reply atomic.Uint64 // an answer, 0 without a reply
}

// plane holds the slots of one (flow, attempt), in diagonals. A diagonal holds one slot of every
// target, at TTLs that differ between targets:
//
//	                    target 0  target 1  target 2  target 3
//	diagonal 0   TTL           1         3         2         1
//	diagonal 1   TTL           2         1         3         2
//	diagonal 2   TTL           3         2         1         3
//
// A pass over all targets, diagonal by diagonal, visits slots in the order of memory, and mixes
// the TTLs that it probes.
type plane []slot

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
	states  []atomic.Uint64 // a State for each (target, flow)
	planes  []atomic.Pointer[plane]
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
	others *Responders // of the Set, or nil
}

// New returns an empty window.
func New(s Shape) *Window {
	w := &Window{
		diagonal: s.diagonalSlots(),
		ttls:     s.TTLs(),
		shape:    s,
		cut:      s.Cut(),
		targets:  memory.Make[probe.Addr](s.Targets)[:0],
		states:   memory.Make[atomic.Uint64](s.Targets * s.Flows),
		paths:    memory.Make[path](s.Targets * s.Flows),
		planes:   make([]atomic.Pointer[plane], s.Flows*s.Attempts),
	}
	w.arena.init(s)
	return w
}

// Shape returns the shape that w was made with.
func (w *Window) Shape() Shape { return w.shape }

// Open gives the empty w the number id and one part. Append then adds its targets.
func (w *Window) Open(id uint64) {
	w.ID, w.Position = id, w.cut.Begin(id)
	w.parts.Store(1)
}

// Share divides w into parts, one for each sender. It must be called before any sender uses w.
func (w *Window) Share(parts int) { w.parts.Store(int32(parts)) }

// Append adds the next target of the order.
func (w *Window) Append(target probe.Addr) { w.targets = append(w.targets, target) }

// Len returns the number of targets.
func (w *Window) Len() int { return len(w.targets) }

// Target returns the i-th target.
func (w *Window) Target(i int) probe.Addr { return w.targets[i] }

// Slot identifies a probe of a window by numbers.
type Slot struct {
	Target  uint32 // index into the window
	Flow    uint16
	TTL     uint8
	Attempt uint8
}

func (w *Window) plane(flow uint16, attempt uint8) *atomic.Pointer[plane] {
	return &w.planes[int(attempt)*w.shape.Flows+int(flow)]
}

// skew returns the diagonal of a target's first TTL, in [0, ttls).
func skew(target uint32, ttls int) int {
	return int(uint64(target*0x9e3779b1) * uint64(ttls) >> 32) // 2³²/φ
}

// TTL returns the TTL of a target in a diagonal. diagonal must be below Shape.TTLs.
func (w *Window) TTL(diagonal int, target uint32) uint8 {
	if diagonal -= skew(target, w.ttls); diagonal < 0 {
		diagonal += w.ttls
	}
	return w.shape.FirstTTL + uint8(diagonal)
}

// diagonalSlots returns the length of a diagonal: an odd number of cache lines of 64 octets. With
// a power of two, the slots of one target would map to the same places in the cache.
func (s Shape) diagonalSlots() int {
	const perLine = 64 / slotOctets
	return ((s.Targets+perLine-1)/perLine | 1) * perLine
}

func (w *Window) index(s Slot) int {
	diagonal := int(s.TTL-w.shape.FirstTTL) + skew(s.Target, w.ttls)
	if diagonal >= w.ttls {
		diagonal -= w.ttls
	}
	return diagonal*w.diagonal + int(s.Target)
}

// slot returns the slot of s, or nil if no probe of its plane was ever stamped.
func (w *Window) slot(s Slot) *slot {
	p := w.plane(s.Flow, s.Attempt).Load()
	if p == nil {
		return nil
	}
	return &(*p)[w.index(s)]
}

// Stamp records that s is about to be sent at ns since the Unix epoch. ns may also be one of the
// constants for probes that were not sent. Only the sender that owns s calls it.
func (w *Window) Stamp(s Slot, ns int64) {
	holder := w.plane(s.Flow, s.Attempt)
	p := holder.Load()
	if p == nil {
		fresh := plane(memory.Make[slot](w.diagonal * w.ttls))
		if !holder.CompareAndSwap(nil, &fresh) {
			p = holder.Load() // another sender was first
		} else {
			p = &fresh
		}
	}
	(*p)[w.index(s)].sent.Store(ns)
}

// Sent returns the stamp of s: ns since the Unix epoch, a constant for probes that were not sent, or 0
// if the probe was not handed to the sender.
func (w *Window) Sent(s Slot) int64 {
	if slot := w.slot(s); slot != nil {
		return slot.sent.Load()
	}
	return 0
}

// Touched reports whether any probe was sent to target over flow.
func (w *Window) Touched(target uint32, flow uint16) bool {
	for range w.sentOn(target, flow) {
		return true
	}
	return false
}

// CountPath returns how many probes were sent to target over flow.
func (w *Window) CountPath(target uint32, flow uint16) (n int) {
	for range w.sentOn(target, flow) {
		n++
	}
	return n
}

// sentOn yields the slots of a path whose probes were sent.
func (w *Window) sentOn(target uint32, flow uint16) iter.Seq[Slot] {
	return func(yield func(Slot) bool) {
		slot := Slot{Target: target, Flow: flow}
		for ; int(slot.Attempt) < w.shape.Attempts; slot.Attempt++ {
			for slot.TTL = w.shape.FirstTTL; slot.TTL <= w.shape.LastTTL; slot.TTL++ {
				if w.Sent(slot) > 0 && !yield(slot) {
					return
				}
			}
		}
	}
}

// CountSent returns how many probes of w were sent, as far as the kernel reported.
func (w *Window) CountSent() (n uint64) {
	for i := range w.planes {
		p := w.planes[i].Load()
		if p == nil {
			continue
		}
		for k := range *p {
			if (*p)[k].sent.Load() > 0 {
				n++
			}
		}
	}
	return n
}

// Answered reports whether a reply to s is a hop.
func (w *Window) Answered(s Slot) bool {
	slot := w.slot(s)
	return slot != nil && answer(slot.reply.Load()).standing() != Withheld
}

// Close closes one part: no probe of it will follow. Replies stamped before deadline, ns since the
// Unix epoch, still count. halted means that probes were left out because the run was stopped. When
// all parts are closed, w is closed with the latest deadline. After Close the caller must not touch
// w.
func (w *Window) Close(deadline int64, halted bool) {
	if halted {
		w.halted.Store(true)
	}
	for {
		latest := w.latest.Load()
		if deadline <= latest || w.latest.CompareAndSwap(latest, deadline) {
			break
		}
	}
	if w.parts.Add(-1) == 0 { // all other parts have stored their deadlines before
		if w.abandoned.Load() {
			w.latest.Store(0)
		}
		w.deadline.Store(max(w.latest.Load(), 1)) // 0 would mean that w is open
	}
}

// Abandon closes one part of a window that another process will probe again. Then the window is
// halted, and its deadline has passed when all parts are closed. Deadlines of other parts do not
// count.
func (w *Window) Abandon() {
	w.abandoned.Store(true)
	w.Close(0, true)
}

// Leave marks a window that another process will probe again, although all its probes were sent. All
// parts must be closed.
func (w *Window) Leave() { w.halted.Store(true) }

// Deadline returns the time at which w ends, in ns since the Unix epoch. It returns 0 while a part
// is open.
func (w *Window) Deadline() int64 { return w.deadline.Load() }

// Halted reports whether the run was stopped before all probes were sent. It may be called after
// Deadline returns a time that is not 0.
func (w *Window) Halted() bool { return w.halted.Load() }

// Reset empties w for the next Open. It keeps the memory.
func (w *Window) Reset() {
	clear(w.targets)
	w.targets = w.targets[:0]
	clear(w.states)
	clear(w.paths)
	clear(w.known)
	for i := range w.planes {
		if p := w.planes[i].Load(); p != nil {
			clear(*p)
		}
	}
	w.arena.reset()
	w.Heard = account.Heard[uint64]{}
	w.deadline.Store(0)
	w.latest.Store(0)
	w.halted.Store(false)
	w.abandoned.Store(false)
}
