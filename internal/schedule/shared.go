package schedule

import (
	"math"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// FirstHops is the highest TTL of routers that several vantage points may have in common near them.
const FirstHops = 3

// Allowance is the part of a cap that a vantage point has, while others have the rest. It ends by itself.
type Allowance struct {
	RatePPS float64
	Classes uint64 // of prefixes, see prefixClass; a router is of all classes
	Until   int64  // ns since the Unix epoch
}

// interval returns the time between two probes, in ns.
func (a *Allowance) interval() int64 { return max(int64(1e9/a.RatePPS), 1) }

// prefixes64 is how many classes of prefixes there are.
const prefixes64 = 64

// prefixClass returns the class of a prefix with a hash, 0 to 63. All vantage points of a fleet must
// compute the same classes.
func prefixClass(hash uint64) uint64 { return hash >> 58 }

// prefixShare is the present allowance for prefixes.
type prefixShare struct {
	Allowance
	since [prefixes64]int64 // when a class was gained, ns
}

// admits reports whether the share allows a probe to a prefix that was last probed at a time.
func (s *prefixShare) admits(hash uint64, last, now int64) bool {
	c := prefixClass(hash)
	if s == nil || now >= s.Until || s.Classes>>c&1 == 0 {
		return false
	}
	gap := s.interval()
	return now-last >= gap && now-s.since[c] >= gap
}

// AllowPrefixes replaces the allowance for prefixes of a Politeness that shares its caps. In a class
// that it did not have, it waits for the time between two probes first.
func (p *Politeness) AllowPrefixes(a Allowance, now int64) {
	if p == nil || p.prefixNS == 0 {
		return
	}
	s := &prefixShare{Allowance: a}
	if a.RatePPS <= 0 {
		s.Classes, s.RatePPS = 0, 1
	}
	before := p.prefixShare.Load()
	for c := range s.since {
		s.since[c] = now
		if before != nil && now < before.Until && before.Classes>>c&1 != 0 && before.RatePPS == a.RatePPS {
			s.since[c] = before.since[c]
		}
	}
	p.prefixShare.Store(s)
}

// FirstHops returns the routers at the first TTLs that answer regularly: those that need an
// allowance if p shares its caps.
func (p *Politeness) FirstHops() (list []probe.Addr) {
	if p == nil || !p.shared {
		return nil
	}
	for i := range p.routers {
		if r := &p.routers[i]; r.isFirstHop() {
			list = append(list, *r.addr.Load())
		}
	}
	return list
}

// AllowRouter replaces the allowance for a first hop.
func (p *Politeness) AllowRouter(addr probe.Addr, a Allowance, now int64) {
	if p == nil || p.hopNS == 0 {
		return
	}
	if a.RatePPS <= 0 {
		a = Allowance{RatePPS: 1}
	}
	r := &p.routers[routerIndex(addr)]
	if before := r.share.Load(); before == nil || now >= before.Until || before.RatePPS != a.RatePPS {
		r.nextByCap.Store(max(r.nextByCap.Load(), now+a.interval()))
	}
	r.share.Store(&a)
}

func routerIndex(a probe.Addr) uint64 { return window.HashAddr(a) % routerEntries }

// sharing is the part of a router that several vantage points may have in common.
type sharing struct {
	share atomic.Pointer[Allowance] // nil without one
}

// firstTTLs are the TTLs of first hops, as bits.
const firstTTLs = 1<<(FirstHops+1) - 2

func (r *router) isFirstHop() bool { return r.addr.Load() != nil && r.ttls.Load()&firstTTLs != 0 }

// takeCap reserves the next probe under the cap of a router, or under the allowance for it. It reports
// whether that was possible. Under an allowance no probes leave at once: others have bursts, too.
func (r *router) takeCap(now, hopNS int64, shared bool) bool {
	if !shared || !r.isFirstHop() {
		return take(&r.nextByCap, now, hopNS)
	}
	a := r.share.Load()
	if a == nil || now >= a.Until {
		return false
	}
	at := r.nextByCap.Load()
	return at <= now && r.nextByCap.CompareAndSwap(at, now+min(a.interval(), math.MaxInt64-now))
}
