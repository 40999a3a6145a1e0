package agent

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/budget"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// beats sends life signs, and applies grants, until ctx ends. Without answers the grant ends, and
// the slice pauses.
func (a *Agent) beats(ctx context.Context) {
	fresh := true
	hello := true
	for {
		if hello {
			hello = a.hello(ctx, fresh) != nil
			fresh = fresh && hello
		}
		if !hello {
			asked := time.Now()
			reply, err := a.beat(ctx, asked)
			if err == nil {
				a.apply(ctx, asked, reply)
			}
			refusal, refused := errors.AsType[talk.Refusal](err)
			hello = refused && strings.Contains(refusal.Error(), "hello")
			if refused && !hello && !strings.Contains(refusal.Error(), "old") {
				a.report(refusal.Error())
			}
		}
		if !a.untilBeat(ctx) {
			return
		}
	}
}

// untilBeat waits for the time of the next beat. Meanwhile it ends a grant that is over. It returns
// false when ctx ends.
func (a *Agent) untilBeat(ctx context.Context) bool {
	next := time.NewTimer(a.cfg.Timing.Beat)
	defer next.Stop()
	for {
		var over <-chan time.Time
		a.mu.Lock()
		if r := a.running; r != nil && r.ratePPS > 0 {
			over = time.After(time.Until(r.until))
		}
		a.mu.Unlock()
		select {
		case <-ctx.Done():
			return false
		case <-over:
			a.endGrant()
		case <-a.kick:
			return true
		case <-next.C:
			return true
		}
	}
}

// hello begins the talk with a hub, and gets its exclusions.
func (a *Agent) hello(ctx context.Context, fresh bool) error {
	a.mu.Lock()
	sent := a.sentNS()
	a.mu.Unlock()
	var reply talk.Hello
	own := talk.Own(a.cfg.Software)
	own.Hostname, own.Fresh, own.SentNS, own.Instance = a.cfg.Hostname, fresh, sent, a.instance
	_, err := a.conn.Ask(ctx, talk.VerbHello, &own, nil, &reply)
	if err == nil {
		if err = talk.Speaks(talk.Party{Name: "this agent", Hello: own}, talk.Party{Name: "the hub", Hello: reply}); err != nil {
			a.report(err.Error())
		}
	}
	if err == nil && reply.After >= sent { // our clock was set back since an earlier life
		a.mu.Lock()
		a.lastSent = max(a.lastSent, reply.After)
		a.mu.Unlock()
		nudge(a.kick)
		return errLate
	}
	if _, refused := errors.AsType[talk.Refusal](err); refused {
		a.report(err.Error())
	}
	return err
}

// errLate means that the hub has had later messages of this agent.
var errLate = errors.New("this hello is old")

// beat sends one life sign.
func (a *Agent) beat(ctx context.Context, asked time.Time) (*talk.BeatReply, error) {
	q := &talk.Beat{Want: map[string]float64{}, Instance: a.instance}
	a.mu.Lock()
	if r := a.running; r != nil {
		most := a.cfg.Policy.RatePPS
		if !a.cfg.Policy.Open(asked) {
			most = budget.LeastPPS // keeps the lease
		}
		q.Want[r.job.ID] = most
		if r.limits != nil {
			q.FirstHops = map[string][]netip.Addr{r.job.ID: r.limits.FirstHops()}
		}
	}
	q.Holds, q.Trouble, q.Stored = a.holds(), a.trouble, len(a.stored)
	if c, ok := a.clock.best(a.cfg.Now()); ok {
		q.OffsetNS, q.ErrorNS = c.offset, c.err
	}
	q.SentNS = a.sentNS()
	a.mu.Unlock()
	var reply talk.BeatReply
	sent := a.cfg.Now()
	if _, err := a.conn.Ask(ctx, talk.VerbBeat, q, nil, &reply); err != nil {
		return nil, err
	}
	a.measured(exchange{sent: sent, came: a.cfg.Now(), hubCame: reply.CameNS, hub: reply.HubNS})
	a.mu.Lock()
	a.heard = time.Now()
	a.mu.Unlock()
	return &reply, nil
}

// measured takes a reading of the clock. A clock that is wrong is reported once.
func (a *Agent) measured(x exchange) {
	a.mu.Lock()
	a.clock.add(x)
	c, _ := a.clock.best(x.came)
	text := talk.ClockTrouble(c.offset, c.err)
	news := (text == "") != (a.clockTrouble == "")
	a.clockTrouble = text
	a.mu.Unlock()
	if news && text != "" {
		a.cfg.Event(text)
	}
}

// apply does what the answer to a beat says.
func (a *Agent) apply(ctx context.Context, asked time.Time, reply *talk.BeatReply) {
	a.mu.Lock()
	if r := a.running; r != nil {
		for _, lost := range reply.Lost {
			if lost.Job == r.job.ID && lost.Lease == r.lease {
				r.cancel(errLost)
			}
		}
		for _, id := range reply.Ended {
			if id == r.job.ID {
				r.cancel(errCanceled)
			}
		}
		if g, ok := reply.Grants[r.job.ID]; ok {
			rate := budget.Pace(g.RatePPS)
			if !a.cfg.Policy.Open(time.Now()) {
				rate = 0
			}
			r.setPace(rate, asked.Add(g.Life))
		}
	}
	if r := a.running; r != nil && r.limits != nil {
		r.allow(reply.Limits[r.job.ID], time.Since(asked))
	}
	stale := a.exclude.digest != reply.Exclude
	a.mu.Unlock()
	if stale {
		a.fetchExclude(ctx, reply.Exclude)
	}
}

// allow gives the scan its parts of limits, which were asked for some time ago.
func (r *running) allow(l talk.Limits, ago time.Duration) {
	if s := l.Prefixes; s != nil && s.Life > ago {
		r.limits.AllowPrefixes(s.RatePPS, s.Classes, s.Life-ago)
	}
	for router, s := range l.FirstHops {
		if s.Life <= ago {
			continue
		}
		if s.Classes&1 == 0 { // a router is of class 0
			s.RatePPS = 0
		}
		r.limits.AllowRouter(router, s.RatePPS, s.Life-ago)
	}
}

// endGrant pauses the slice if its grant is over.
func (a *Agent) endGrant() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.running; r != nil && !time.Now().Before(r.until) {
		r.setPace(0, r.until)
	}
}

// setPace gives the prober a rate, and replaces one that it has not taken yet.
func (r *running) setPace(rate float64, until time.Time) {
	r.ratePPS, r.until = rate, until
	select {
	case <-r.pace:
	default:
	}
	r.pace <- rate // has room for one; only the holder of the mutex sends
}
