package session

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/sender"
)

// How long a run waits for its link.
const (
	linkWait   = 5 * time.Minute  // then the run ends
	familyWait = 10 * time.Second // for one family of two; then the other goes on alone
)

// Watch follows the link, the source addresses, the routes and the next hops until ctx ends or the
// link is gone. Up, Gone and Lost are valid meanwhile. Watch reports each change to o. It calls stop
// when the link is gone, or when no probe could be sent for some minutes. It returns an error of
// netlink. It may be called once.
func (s *Session) Watch(ctx context.Context, o observe.Observer, stop func(cause error)) error {
	w := watch{Session: s, observe: o, stop: stop}
	for range s.Paths.ways {
		w.families = append(w.families, outage{})
	}
	return s.Monitor.Run(ctx, func() time.Time { return w.look(time.Now()) })
}

// outage is a time without a way.
type outage struct {
	state link.State // the last one
	since time.Time  // zero if there is a way
	over  bool       // it took too long
}

// change takes over a state. It returns whether the state is new.
func (o *outage) change(state link.State, now time.Time) bool {
	if o.state == state {
		return false
	}
	switch {
	case state == link.Up:
		*o = outage{}
	case o.since.IsZero():
		o.since = now
	}
	o.state = state
	return true
}

// due returns whether the outage has just taken longer than limit. If it goes on, at is the time at
// which it will have.
func (o *outage) due(limit time.Duration, now time.Time) (due bool, at time.Time) {
	if o.since.IsZero() || o.over {
		return false, time.Time{}
	}
	at = o.since.Add(limit)
	o.over = !now.Before(at)
	return o.over, at
}

type watch struct {
	*Session
	observe  observe.Observer
	stop     func(error)
	whole    outage // of the link, or of all families
	families []outage
}

// look takes over the states of the monitor. It returns the time at which it must be called again.
func (w *watch) look(now time.Time) (next time.Time) {
	state := w.Monitor.State()
	if state == link.Up && len(w.families) > 0 {
		state = w.lookAtFamilies(now, &next)
	}
	if w.whole.change(state, now) {
		w.report(state)
	}
	w.down.Store(!w.whole.since.IsZero() || !next.IsZero())
	w.gone.Store(state == link.Gone)
	switch due, at := w.whole.due(w.limit(), now); {
	case state == link.Gone:
		w.stop(sender.ErrGone)
	case due:
		w.say(state.String(), fmt.Sprintf("no change for %v, the run ends", w.limit()))
		w.stop(sender.ErrDown)
	case !at.IsZero() && (next.IsZero() || at.Before(next)):
		next = at
	}
	return next
}

func (w *watch) limit() time.Duration {
	if w.wait > 0 {
		return w.wait
	}
	return linkWait
}

// lookAtFamilies takes over the states of the families. It returns the best of them. If one of two
// families has no way, the run waits for it until next, and then goes on without it.
func (w *watch) lookAtFamilies(now time.Time, next *time.Time) link.State {
	best := link.Gone
	for i := range w.families {
		state, hop := w.Monitor.Way(i)
		best = min(best, state)
		if w.families[i].change(state, now) && len(w.families) > 1 {
			w.reportFamily(i, state)
		}
		w.turn(i, hop)
	}
	lost := uint32(0)
	for i := range w.families {
		f := &w.families[i]
		if best != link.Up || len(w.families) == 1 {
			continue
		}
		due, at := f.due(familyWait, now)
		switch {
		case due:
			w.say(w.familyName(i)+": "+f.state.String(), "its probes are not sent")
		case !f.over && !at.IsZero():
			*next = at
		}
		if f.over {
			lost |= 1 << i
		}
	}
	w.Session.lost.Store(lost)
	return best
}

// turn makes the ports send to a new next hop.
func (w *watch) turn(i int, hop []byte) {
	is4 := w.Paths.ways[i].Path.Source.Is4()
	old := w.Paths.nextHop(is4)
	if len(hop) != len(old) || bytes.Equal(hop, old[:]) {
		return
	}
	copy(old[:], hop)
	for _, port := range w.Ports {
		if p, ok := port.(interface{ SetNextHop(bool, [6]byte) }); ok {
			p.SetNextHop(is4, *old)
		}
	}
	w.say("next hop of "+w.familyName(i), "now "+net.HardwareAddr(hop).String())
}

func (w *watch) familyName(i int) string {
	if w.Paths.ways[i].Path.Source.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// report reports a new state of the whole way.
func (w *watch) report(state link.State) {
	switch state {
	case link.Up:
		w.say(state.String(), "the run continues")
	case link.Gone:
		w.say(state.String(), "no more probes are sent")
	default:
		w.say(state.String(), fmt.Sprintf("the run waits, at most %v", w.limit()))
	}
}

// reportFamily reports a new state of one family of two.
func (w *watch) reportFamily(i int, state link.State) {
	effect := fmt.Sprintf("the run waits, at most %v for this family alone", familyWait)
	if state == link.Up {
		effect = "its probes are sent again"
	}
	w.say(w.familyName(i)+": "+state.String(), effect)
}

func (w *watch) say(state, effect string) {
	w.observe.Event(observe.Link{Name: w.Paths.Name, State: state, Effect: effect})
}

// Up reports whether probes can be sent.
func (s *Session) Up() bool { return !s.down.Load() }

// Gone reports that the link will never be up again.
func (s *Session) Gone() bool { return s.gone.Load() }

// Lost reports whether probes of a family cannot be sent, while those of the other are.
func (s *Session) Lost(is4 bool) bool {
	lost := s.lost.Load()
	if lost == 0 {
		return false
	}
	for i, way := range s.Paths.ways {
		if way.Path.Source.Is4() == is4 && lost&(1<<i) != 0 {
			return true
		}
	}
	return false
}
