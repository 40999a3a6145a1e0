package hub

import (
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/budget"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// limits divide the limits of a job per prefix and per first hop among agents.
type limits struct {
	start    time.Time // before which nothing is granted
	prefixes *budget.Turns
	perHop   float64 // 0 without a limit
	// routers has the first hops that agents report, of which some agents have a part. Agents that report
	// the same router share its limit.
	routers map[netip.Addr]*budget.Turns
}

func newLimits(o *job.Options, start time.Time) limits {
	l := limits{start: start, perHop: o.PerHopRate, routers: map[netip.Addr]*budget.Turns{}}
	if o.PrefixRate > 0 {
		l.prefixes = budget.NewTurns(o.PrefixRate, start)
	}
	return l
}

// grant gives an agent its parts.
func (l *limits) grant(now time.Time, agent string, firstHops []netip.Addr) (reply talk.Limits) {
	if l.prefixes != nil {
		s := l.prefixes.Grant(now, agent)
		reply.Prefixes = &s
	}
	if l.perHop == 0 || len(firstHops) == 0 {
		return reply
	}
	l.forget(now)
	reply.FirstHops = map[netip.Addr]budget.Slot{}
	for _, router := range firstHops[:min(len(firstHops), talk.MostFirstHops)] {
		t := l.routers[router]
		if t == nil {
			t = budget.NewTurns(l.perHop, l.start)
			l.routers[router] = t
		}
		reply.FirstHops[router] = t.Grant(now, agent)
	}
	return reply
}

// giveBack takes back the parts of an agent that has stopped to send.
func (l *limits) giveBack(agent string) {
	if l.prefixes != nil {
		l.prefixes.Return(agent)
	}
	for _, t := range l.routers {
		t.Return(agent)
	}
}

// forget removes routers of which no agent has a part.
func (l *limits) forget(now time.Time) {
	for router, t := range l.routers {
		if t.IsIdle(now) {
			delete(l.routers, router)
		}
	}
}
