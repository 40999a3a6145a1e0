// Package window holds the only memory that the stages of a scan share: for a
// stretch of the target order, when each probe was sent, what first answered
// it, and how far each target's path is known. Everything in it is either
// written before the window is shared, or an atomic word with one writer.
//
// # Slot protocol
//
// A slot is one (target, TTL, flow, attempt): the words sent and reply. All
// shared words are sync/atomic, which the Go memory model makes sequentially
// consistent: whoever sees a word sees all that was written before it.
//
//  1. The sender stores sent for a whole batch, then makes the system call.
//     Frames that the kernel did not accept are stamped again before their
//     retry, or with Failed when given up. A slot belongs to one sender.
//  2. The matcher loads sent. Never sent: the reply is rejected. A true reply
//     always finds its stamp: the store is complete before the system call
//     begins, and the reply came by way of the kernel from that call. The Go
//     memory model knows no networks; that processors order the one before the
//     other is the kernel's doing, whose own locks are on the way.
//  3. The matcher writes a whole Entry into the arena, then swaps reply from
//     none to the entry's number. From then on the entry is immutable. A reply
//     to a slot that has one is a duplicate; with one matcher to a window the
//     swap itself never fails.
//  4. Scheduler and assembler load reply, then read the entry: the swap is
//     the release and the load the acquire, so nothing tears.
//  5. State is one atomic word per (target, flow): the matcher writes, the
//     scheduler reads just before it emits. A stale read costs a probe, never
//     a wrong record.
//  6. The matcher stores the time up to which it has matched after the replies
//     themselves: who finds it past a time finds them too.
//
// A stamp that a Failed one follows later may be answered in between, if only
// by who holds the key: then the reply counts, and with it the probe.
//
// # Life
//
// The opener fills a window and puts it into a Set; the scheduler walks it and
// closes it with a deadline, when nothing that it handed out is unstamped (of
// several, each closes its part, and the last one the window); the matcher alone retires it, when every frame stamped before the deadline has
// been matched, and takes it out of the Set; the assembler reads it and resets
// it for the opener. Each step hands it on through an atomic word or a channel
// and does not touch it again, so there is one owner for everything but slots
// and state. Windows retire in the order of their numbers and there are Live of
// them: so number n+Live is only opened when n is out of the Set, no two want
// the same place, and a channel with room for Live never blocks.
package window

import (
	"iter"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/probe"
)

// Shape fixes the size of every window of a run.
type Shape struct {
	Targets         int // capacity
	FirstTTL        uint8
	LastTTL         uint8
	Flows           int
	Attempts        int
	Unlinked        int // entries kept of replies that fill no slot
	ExtensionOctets int // extension octets kept
}

// TTLs returns the number of TTLs probed.
func (s Shape) TTLs() int { return int(s.LastTTL) - int(s.FirstTTL) + 1 }

const (
	slotOctets   = 16
	stateOctets  = 8
	targetOctets = 16
)

// OctetsPerTarget returns an upper bound of the memory that one target needs
// in a window of this shape: with every probe sent and answered.
func (s Shape) OctetsPerTarget() int {
	probes := s.TTLs() * s.Flows * s.Attempts
	return targetOctets + s.Flows*stateOctets + probes*(slotOctets+EntryOctets)
}

// Stamps of probes that were not sent and will not be.
const (
	Failed   = -1 // the kernel never accepted it
	Excluded = -2 // its target may not be probed
)

// slot is one probe.
type slot struct {
	sent  atomic.Int64  // ns since the Unix epoch; 0, Failed, Excluded
	reply atomic.Uint32 // 0 none, else 1 + number of the entry
	from  uint32        // HashRouter of who replied; the matcher's until reply says so
}

// plane holds the slots of one (flow, attempt), in diagonals: a diagonal has one TTL of
// every target, not the same of all. A pass that sends to all targets diagonal by diagonal
// meets slots as they lie in memory, and TTLs mixed.
type plane []slot

// Window is a stretch of the target order under probing.
type Window struct {
	shape    Shape
	diagonal int // slots of a diagonal
	ttls     int // of shape: a method of it copies the whole

	// ID numbers the windows of a run from 0; Position is the place of its
	// first target in the order.
	ID       uint64
	Position uint64

	// Heard is what was received for the window: the matcher's until it has retired the
	// window, and whoever takes it then.
	Heard account.Heard[uint64]

	targets []probe.Addr
	states  []atomic.Uint64
	planes  []atomic.Pointer[plane]
	arena   arena

	deadline atomic.Int64 // 0 while probes may follow
	parts    atomic.Int32 // that may still send
	latest   atomic.Int64 // deadline of those that are closed
	halted   atomic.Bool  // given up before all was sent; written before the deadline
}

// New returns an empty window.
func New(s Shape) *Window {
	w := &Window{
		diagonal: s.diagonalSlots(),
		ttls:     s.TTLs(),
		shape:    s,
		targets:  memory.Make[probe.Addr](s.Targets)[:0],
		states:   memory.Make[atomic.Uint64](s.Targets * s.Flows),
		planes:   make([]atomic.Pointer[plane], s.Flows*s.Attempts),
	}
	w.arena.init(s)
	return w
}

// Shape returns the shape that w was made with.
func (w *Window) Shape() Shape { return w.shape }

// Open makes the cleared w the window number id, of one part. Its targets follow
// by Append.
func (w *Window) Open(id uint64) {
	w.ID, w.Position = id, id*uint64(w.shape.Targets)
	w.parts.Store(1)
}

// Share says that so many senders will each send a part of w. It comes before
// any of them sees w.
func (w *Window) Share(parts int) { w.parts.Store(int32(parts)) }

// Append adds the next target of the order.
func (w *Window) Append(target probe.Addr) { w.targets = append(w.targets, target) }

// Len returns the number of targets.
func (w *Window) Len() int { return len(w.targets) }

// Target returns the i-th target.
func (w *Window) Target(i int) probe.Addr { return w.targets[i] }

// Slot names a probe of a window by numbers.
type Slot struct {
	Target  uint32 // index into the window
	Flow    uint16
	TTL     uint8
	Attempt uint8
}

func (w *Window) plane(flow uint16, attempt uint8) *atomic.Pointer[plane] {
	return &w.planes[int(attempt)*w.shape.Flows+int(flow)]
}

// skew is the diagonal of a target's first TTL, below ttls.
func skew(target uint32, ttls int) int {
	return int(uint64(target*0x9e3779b1) * uint64(ttls) >> 32) // 2³²/φ
}

// TTL returns the TTL of a target in a diagonal, below Shape.TTLs.
func (w *Window) TTL(diagonal int, target uint32) uint8 {
	if diagonal -= skew(target, w.ttls); diagonal < 0 {
		diagonal += w.ttls
	}
	return w.shape.FirstTTL + uint8(diagonal)
}

// diagonalSlots is the length of a diagonal: an odd number of cache lines of 64 octets, so
// that the slots of a target do not fight for the same places in the cache.
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

// slot returns the slot of s, nil if no probe of its plane was ever stamped.
func (w *Window) slot(s Slot) *slot {
	p := w.plane(s.Flow, s.Attempt).Load()
	if p == nil {
		return nil
	}
	return &(*p)[w.index(s)]
}

// Stamp records that s is about to be sent at ns since the Unix epoch, or
// that it Failed. Only the sender that owns s calls it.
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

// Sent returns the stamp of s: ns since the Unix epoch, Failed, Excluded, or 0
// of a probe that was not handed to the sender.
func (w *Window) Sent(s Slot) int64 {
	if slot := w.slot(s); slot != nil {
		return slot.sent.Load()
	}
	return 0
}

// Touched reports whether any probe went to target over flow.
func (w *Window) Touched(target uint32, flow uint16) bool {
	for range w.sentOn(target, flow) {
		return true
	}
	return false
}

// CountPath returns how many probes went to target over flow.
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

// CountSent returns how many probes of w were sent, as far as the kernel said.
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

// Answered reports whether a reply to s was matched.
func (w *Window) Answered(s Slot) bool {
	slot := w.slot(s)
	return slot != nil && slot.reply.Load() != 0
}

// Close says that no probe of one part will follow: replies stamped before
// deadline, ns since the Unix epoch, still count. halted says that probes were
// left out because the run was stopped. When all parts are closed, so is w, with
// the latest deadline. Whoever closes a part does not touch w any more.
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
	if w.parts.Add(-1) == 0 { // all others have stored theirs before
		w.deadline.Store(max(w.latest.Load(), 1)) // 0 would say that w is open
	}
}

// Deadline returns when w is over, 0 while a part is open.
func (w *Window) Deadline() int64 { return w.deadline.Load() }

// Halted reports whether the run was stopped before all was sent. It may be
// asked once Deadline is not 0.
func (w *Window) Halted() bool { return w.halted.Load() }

// Reset empties w for the next Open. Its memory is kept.
func (w *Window) Reset() {
	clear(w.targets)
	w.targets = w.targets[:0]
	clear(w.states)
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
}
