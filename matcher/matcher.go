// Package matcher puts replies to the probes that they answer, without a lock:
// it finds the slot by arithmetic, and is the only writer of reply words, arena
// and target state. It also decides when a window is over.
package matcher

import (
	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// IndexOf takes an address to its position in the target order; ok is false for
// an address that the run would never probe.
type IndexOf interface {
	PositionOf(a probe.Addr) (position uint64, ok bool)
}

// Watch takes note of who answers.
type Watch interface{ Answered(f *probe.Facts) }

// Config is what a Matcher works on.
type Config struct {
	Index IndexOf
	Set   *window.Set
	// Retired takes the windows that are over, in the order of their numbers.
	// It must have room for window.Live of them.
	Retired chan<- *window.Window
	// StopSet, unless it is nil, takes the interfaces of routers for strategies that
	// stop where the path is known.
	StopSet *window.StopSet
	// Watch, unless it is nil, is told of every first reply to a probe.
	Watch Watch
	// Over, unless it is nil, is told of a window that is over before Retired
	// takes it, between two batches.
	Over func(*window.Window)
	// Next is the number of the first window: those before are over.
	Next uint64
	// Heard is what the receiver counts in; the matcher counts replies there. Nil counts
	// for nobody.
	Heard *account.Live
}

// Matcher matches replies. Replies must be called from one goroutine.
type Matcher struct {
	cfg          Config
	next         uint64                // number of the window to retire next
	strong, weak uint64                // that Heard will have at the end of the batch
	settled      account.Heard[uint64] // what windows that are over have
	locations    [chunk]location
}

// chunk is the number of replies that are located together, before any of them
// is matched: as nothing is written in between, a processor works on several of
// them at once, and waits for the memory of their slots at once.
const chunk = 64

// location is the slot that a reply belongs to.
type location struct {
	window   *window.Window // nil if it is not live
	position uint64
	target   uint32
	foreign  bool // a target of no run of ours
}

// New returns a matcher that has seen nothing.
func New(cfg Config) *Matcher {
	if cfg.Heard == nil {
		cfg.Heard = new(account.Live)
	}
	return &Matcher{cfg: cfg, next: cfg.Next}
}

// Unsettled returns what was heard and belongs to no window that is over. It may be
// called when no reply will follow.
func (m *Matcher) Unsettled() account.Heard[uint64] {
	rest := account.Load(m.cfg.Heard)
	account.Minus(&rest, &m.settled)
	return rest
}

// settle gives w, which is over, all that was heard and belongs to no other window.
func (m *Matcher) settle(w *window.Window) {
	w.Heard = m.Unsettled()
	for live := range m.cfg.Set.All {
		account.Minus(&w.Heard, &live.Heard)
	}
	account.Plus(&m.settled, &w.Heard)
}

// Replies matches a batch. upTo, in ns since the Unix epoch, says that no reply
// stamped before it will follow; windows whose deadline it has passed are
// retired. It keeps nothing of batch.
func (m *Matcher) Replies(batch []probe.Reply, upTo int64) {
	for rest := batch; len(rest) > 0; {
		part := rest[:min(chunk, len(rest))]
		rest = rest[len(part):]
		for i := range part {
			m.locate(&m.locations[i], &part[i])
		}
		for i := range part {
			m.match(&m.locations[i], &part[i])
		}
	}
	m.cfg.Heard.Strong.Store(m.strong)
	m.cfg.Heard.Weak.Store(m.weak)
	m.cfg.Set.SetMatched(upTo)
	m.retire(upTo)
}

// locate works out where r belongs, and touches what match will need.
func (m *Matcher) locate(p *location, r *probe.Reply) {
	position, ok := m.cfg.Index.PositionOf(r.Target)
	if !ok {
		*p = location{foreign: true}
		return
	}
	w, target := m.cfg.Set.At(position)
	*p = location{window: w, position: position, target: target}
	if w != nil && r.HasHop() && r.Valid != probe.Garbled {
		w.Sent(slotOf(target, r))
	}
}

func slotOf(target uint32, r *probe.Reply) window.Slot {
	return window.Slot{Target: target, Flow: r.Flow, TTL: r.TTL, Attempt: r.Attempt}
}

func (m *Matcher) match(p *location, r *probe.Reply) {
	w, target := p.window, p.target
	switch {
	case r.Valid == probe.Garbled: // the receiver has counted it
		if w != nil {
			w.Learn(target, &r.Facts, nil)
		}
		return
	case p.foreign:
		m.cfg.Heard.Unrelated.Add(1)
		return
	case w == nil:
		m.gone(p.position, r)
		return
	}
	if !r.HasHop() {
		if !w.Touched(target, r.Flow) {
			m.cfg.Heard.Rejected.Unsent.Add(1)
			return
		}
		m.count(w, r)
		m.hopless(w, r)
		w.Learn(target, &r.Facts, m.cfg.StopSet)
		m.overflow(w, !w.Keep(target, r, window.Hopless))
		return
	}
	outcome := w.Answer(slotOf(target, r), r)
	m.overflow(w, outcome.Overflow)
	switch {
	case outcome.Unsent:
		m.cfg.Heard.Rejected.Unsent.Add(1)
	case outcome.Denied:
		m.cfg.Heard.Rejected.Conflict.Add(1)
	case outcome.Role == window.Duplicate:
		m.cfg.Heard.Duplicates.Add(1)
		w.Heard.Frames++
		w.Heard.Duplicates++
	default:
		m.count(w, r)
		w.Learn(target, &r.Facts, m.cfg.StopSet)
		if m.cfg.Watch != nil {
			m.cfg.Watch.Answered(&r.Facts)
		}
	}
}

// gone handles a reply whose window is not live: over, or not begun.
func (m *Matcher) gone(position uint64, r *probe.Reply) {
	if position/uint64(m.cfg.Set.Shape().Targets) >= m.next {
		m.cfg.Heard.Rejected.Unsent.Add(1)
		return
	}
	ttl := uint8(0)
	if r.HasHop() {
		ttl = r.TTL
	}
	m.cfg.Heard.Late.Add(1)
	m.cfg.Heard.LateAt[ttl].Add(1)
	for w := range m.cfg.Set.All { // whichever is live keeps the record
		w.Heard.Frames++
		w.Heard.Late++
		w.Heard.LateAt[ttl]++
		m.overflow(w, !w.Keep(0, r, window.Late))
		return
	}
	if m.cfg.Set.Shape().Unlinked > 0 {
		m.cfg.Heard.Drops.Extensions.Add(1)
	}
}

// count counts a first reply to a probe, or one that shows no hop.
func (m *Matcher) count(w *window.Window, r *probe.Reply) {
	w.Heard.Frames++
	if r.Valid == probe.Strong {
		m.strong++
		w.Heard.Strong++
	} else {
		m.weak++
		w.Heard.Weak++
	}
}

// hopless counts a reply that shows no hop once more, by its kind.
func (m *Matcher) hopless(w *window.Window, r *probe.Reply) {
	if r.Kind == probe.KindPureACK {
		m.cfg.Heard.PureACKs.Add(1)
		w.Heard.PureACKs++
	} else {
		m.cfg.Heard.UDPReplies.Add(1)
		w.Heard.UDPReplies++
	}
}

func (m *Matcher) overflow(w *window.Window, lost bool) {
	if lost {
		m.cfg.Heard.Drops.Extensions.Add(1)
		w.Heard.Drops.Extensions++
	}
}

// retire takes out the windows whose deadline has passed, in order, so that
// records leave in the order of the windows.
func (m *Matcher) retire(upTo int64) {
	for {
		w := m.cfg.Set.Get(m.next)
		if w == nil {
			return
		}
		if deadline := w.Deadline(); deadline == 0 || deadline > upTo {
			return
		}
		m.cfg.Set.Remove(w)
		m.settle(w)
		m.next++
		if m.cfg.Over != nil {
			m.cfg.Over(w)
		}
		m.cfg.Retired <- w
	}
}
