// Package matcher matches replies to the probes that they answer, without a lock. It computes the
// slot of a reply from its fields. It is the only writer of reply words, of the arena and of the
// target state. It also decides when a window is over.
package matcher

import (
	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// IndexOf maps an address to its position in the target order. ok is false for an address that the
// run would never probe.
type IndexOf interface {
	PositionOf(a probe.Addr) (position uint64, ok bool)
}

// Watch receives every first reply to a probe.
type Watch interface{ Answered(f *probe.Facts) }

// Config is the configuration of a Matcher.
type Config struct {
	Index IndexOf
	Set   *window.Set
	// Retired receives the windows that are over, in the order of their numbers. It must have
	// room for window.Live windows.
	Retired chan<- *window.Window
	// StopSet, if it is not nil, collects the interfaces of routers, for strategies that stop
	// where the path is known.
	StopSet *window.StopSet
	// Watch, if it is not nil, is called for every first reply to a probe.
	Watch Watch
	// Over, if it is not nil, is called with each window that is over, before the window is
	// sent to Retired. The call comes between two batches.
	Over func(*window.Window)
	// Next is the number of the first window. All windows before it are over.
	Next uint64
	// Spread, if it is not 0, is the time over which windows that are over together are retired,
	// in ns, while others are still probed. So their records come one window after another.
	Spread int64
	// Left, if it is not nil, reports whether another process will probe again all windows that
	// are not over yet. From then on nothing is waited for. It is called often and must be cheap.
	Left func() bool
	// Heard holds the counters of the receiver; the matcher counts replies there too. If it is
	// nil, New makes one that only the matcher uses.
	Heard *account.Live
}

// Matcher matches replies. Replies must always be called from the same goroutine.
type Matcher struct {
	cfg          Config
	next         uint64                // number of the window to retire next
	retired      int64                 // time at which the last window was retired
	strong, weak uint64                // values that Heard gets at the end of the batch
	settled      account.Heard[uint64] // sum over the windows that are over
	locations    [chunk]location
}

// chunk is the number of replies that are located together, before any of them is matched. As
// nothing is written in between, the processor overlaps the loads of their slots.
const chunk = 64

// location is the slot that a reply belongs to.
type location struct {
	window   *window.Window // nil if the window is not live
	position uint64
	place    window.Place // of a reply that shows a hop
	target   uint32
	foreign  bool // the target does not belong to this run
}

// New returns a matcher that has matched no reply.
func New(cfg Config) *Matcher {
	if cfg.Heard == nil {
		cfg.Heard = new(account.Live)
	}
	return &Matcher{cfg: cfg, next: cfg.Next}
}

// Unsettled returns the counts of received frames that belong to no window that is over. It may be
// called when no reply will follow.
func (m *Matcher) Unsettled() account.Heard[uint64] {
	rest := account.Load(m.cfg.Heard)
	account.Minus(&rest, &m.settled)
	return rest
}

// settle assigns all counts to w, which is over, except those that belong to another window.
func (m *Matcher) settle(w *window.Window) {
	w.Heard = m.Unsettled()
	for live := range m.cfg.Set.All {
		account.Minus(&w.Heard, &live.Heard)
	}
	account.Plus(&m.settled, &w.Heard)
}

// Replies matches a batch. No reply stamped before upTo, in ns since the Unix epoch, will follow.
// Windows whose deadline is not after upTo are retired. Replies retains nothing of batch.
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

// locate computes the location of r, and loads the memory that match will need.
func (m *Matcher) locate(p *location, r *probe.Reply) {
	position, ok := m.cfg.Index.PositionOf(r.Target)
	if !ok {
		*p = location{foreign: true}
		return
	}
	w, target := m.cfg.Set.At(position)
	*p = location{window: w, position: position, target: target}
	if w != nil && r.HasHop() && r.Valid != probe.Garbled {
		p.place = w.Find(slotOf(target, r))
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
	outcome := w.AnswerAt(p.place, slotOf(target, r), r)
	m.overflow(w, outcome.Overflow)
	switch {
	case outcome.Unsent:
		m.cfg.Heard.Rejected.Unsent.Add(1)
		if r.OneTag() {
			w.Miss(target, &r.Facts)
		}
	case outcome.Role == window.Denied:
		m.cfg.Heard.Rejected.Conflict.Add(1)
	case outcome.Role == window.Duplicate:
		m.cfg.Heard.Duplicates.Add(1)
		w.Heard.Frames++
		w.Heard.Duplicates++
	default:
		m.count(w, r)
		w.Learn(target, &r.Facts, m.cfg.StopSet)
		if outcome.Was != probe.Unverified {
			m.supersede(w, outcome.Was)
		} else if m.cfg.Watch != nil {
			m.cfg.Watch.Answered(&r.Facts)
		}
	}
}

// gone handles a reply whose window is not live: it is over or was not opened yet.
func (m *Matcher) gone(position uint64, r *probe.Reply) {
	if m.cfg.Set.Number(position) >= m.next {
		m.cfg.Heard.Rejected.Unsent.Add(1)
		return
	}
	ttl := uint8(0)
	if r.HasHop() {
		ttl = r.TTL
	}
	m.cfg.Heard.Late.Add(1)
	m.cfg.Heard.LateAt[ttl].Add(1)
	for w := range m.cfg.Set.All { // the first live window stores the reply's record
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

// count counts a first reply to a probe, or a reply that shows no hop.
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

// supersede moves the frame of a reply that another one superseded to that count.
func (m *Matcher) supersede(w *window.Window, was probe.Validity) {
	if was == probe.Strong {
		m.strong--
		w.Heard.Strong--
	} else {
		m.weak--
		w.Heard.Weak--
	}
	m.cfg.Heard.Superseded.Add(1)
	w.Heard.Superseded++
}

// hopless counts a reply that shows no hop a second time, by its kind.
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

// retire removes the windows whose deadline has passed, in order, so that records are written in
// the order of the windows.
func (m *Matcher) retire(upTo int64) {
	for {
		w := m.cfg.Set.Get(m.next)
		if w == nil {
			return
		}
		switch deadline := w.Deadline(); {
		case deadline == 0:
			return
		case deadline > upTo && m.cfg.Left != nil && m.cfg.Left():
			w.Leave()
		case deadline > upTo:
			return
		}
		if m.cfg.Spread != 0 && m.isEarly(upTo) {
			return
		}
		m.retired = upTo
		m.cfg.Set.Remove(w)
		w.Settle()
		m.settle(w)
		m.next++
		if m.cfg.Over != nil {
			m.cfg.Over(w)
		}
		m.cfg.Retired <- w
	}
}

// mostOver is how many windows that are over may stay live.
const mostOver = window.Live / 4

// isEarly reports whether the next window, which is over, is to be retired later than upTo. The
// more windows are over, the less time is between two of them.
func (m *Matcher) isEarly(upTo int64) bool {
	over, open := int64(0), false
	for w := range m.cfg.Set.All {
		switch deadline := w.Deadline(); {
		case deadline == 0:
			open = true
		case deadline <= upTo:
			over++
		}
	}
	return open && over <= mostOver && upTo-m.retired < m.cfg.Spread/over
}
