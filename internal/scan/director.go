package scan

import (
	"context"
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/ratelimit"
)

// Director directs a scan from outside: its pace, and further exclusions. Such a scan has no
// checkpoint.
type Director struct {
	// Pace has the rates from now on, in probes per second; 0 is a pause. The scan begins in a
	// pause. The rate of the plan is only an upper limit.
	Pace <-chan float64
	// Since are exclusions at the beginning. They keep their places in the order, and their
	// probes count as excluded.
	Since target.Set
	// More has further sets of exclusions. They are honoured by probes that were not sent yet.
	More <-chan target.Set
	// Excluded, unless it is nil, is called when no probe leaves any more that a set of More
	// excludes.
	Excluded func()
	// Limits, unless it is nil, is called once before the first probe. Then other vantage points have a
	// part of the limits per prefix and router, and the scan has what the Limits get.
	Limits func(*Limits)
}

// Limits are the parts of a scan of limits that it shares with other vantage points. Any goroutine may
// use them.
type Limits struct {
	politeness *schedule.Politeness // nil without limits
	time       session.Timeline
}

// FirstHops returns the routers near the vantage point that need AllowRouter.
func (l *Limits) FirstHops() (list []netip.Addr) {
	for _, a := range l.politeness.FirstHops() {
		list = append(list, a.Netip())
	}
	return list
}

// AllowPrefixes gives the rate to each prefix of some classes, for a time.
func (l *Limits) AllowPrefixes(ratePPS float64, classes uint64, life time.Duration) {
	now := l.time.Now()
	l.politeness.AllowPrefixes(schedule.Allowance{RatePPS: ratePPS, Classes: classes, Until: now + int64(life)}, now)
}

// AllowRouter gives the rate of probes that a router has to answer, for a time.
func (l *Limits) AllowRouter(router netip.Addr, ratePPS float64, life time.Duration) {
	now := l.time.Now()
	l.politeness.AllowRouter(probe.AddrFrom(router), schedule.Allowance{RatePPS: ratePPS, Until: now + int64(life)}, now)
}

// follow does what the director asks, until ctx ends.
func (s *scan) follow(ctx context.Context) {
	d := s.cfg.Director
	if d == nil {
		return
	}
	if d.Limits != nil {
		d.Limits(&Limits{s.politeness, s.time})
	}
	for {
		select {
		case <-ctx.Done():
			return
		case pps := <-d.Pace:
			s.setRate(s.paceOf(pps))
		case more := <-d.More:
			n, err := s.exclude(more)
			if err == nil {
				s.awaitSenders(ctx)
				if d.Excluded != nil {
					d.Excluded()
				}
			}
			s.observe.Event(observe.Excluded{Ranges: n, Err: err})
		}
	}
}

// paceOf returns the rate of the bucket for a pace. A bucket knows no pause: the least rate is one
// probe in 1000 s.
func (s *scan) paceOf(pps float64) float64 {
	if s.plan.RatePPS > 0 {
		pps = min(pps, s.plan.RatePPS)
	}
	return max(pps, ratelimit.MinRatePPS)
}
