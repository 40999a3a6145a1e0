package schedule

import (
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// classOf returns the class of a target's prefix.
func classOf(a probe.Addr) uint64 { return prefixClass(window.Mix(topBits(a, 24, 48))) }

// A Politeness that shares the cap of prefixes admits only what its allowance has: the classes, the
// rate, the time. After it gains a class it waits.
func TestAllowPrefixes(t *testing.T) {
	const second = int64(1e9)
	p := NewPoliteness(PolitenessConfig{PrefixRate: 10, Shared: true})
	a := addrOf(1)
	admits := func(now int64) bool { return p.admit(a, 5, now) == admitted }
	now := int64(1e18)
	if admits(now) {
		t.Error("admitted without an allowance")
	}
	own, foreign := uint64(1)<<classOf(a), ^(uint64(1) << classOf(a))
	p.AllowPrefixes(Allowance{5, own, now + 2*second}, now)
	sent := 0
	for at := now; at < now+3*second; at += second / 100 {
		if admits(at) {
			if sent++; at < now+second/5 || at >= now+2*second {
				t.Errorf("admitted %d ms after the allowance", (at-now)/1e6)
			}
		}
	}
	if sent != 9 { // 5 a second for 2 s, but not in the first fifth of a second
		t.Errorf("%d probes", sent)
	}
	now += 3 * second
	p.AllowPrefixes(Allowance{5, foreign, now + 2*second}, now)
	if admits(now + second) {
		t.Error("admitted to a prefix of another class")
	}
	now += second
	p.AllowPrefixes(Allowance{5, own | foreign, now + 2*second}, now)
	if admits(now+second/10) || !admits(now+second/5) {
		t.Error("a class that is gained is not waited for, or too long")
	}
	now += second
	p.AllowPrefixes(Allowance{5, own | foreign, now + 2*second}, now)
	if !admits(now) {
		t.Error("an allowance that goes on begins anew")
	}
	p.AllowPrefixes(Allowance{}, now)
	if admits(now + 10*second) {
		t.Error("admitted by an empty allowance")
	}
}

// A further scan knows the limits of routers, and counts anew. Its prefixes are still waited for.
func TestPolitenessResume(t *testing.T) {
	p := NewPoliteness(PolitenessConfig{PerHopRate: 100, PrefixRate: 1})
	r := &p.routers[routerIndex(routerAt(2))]
	for range trusted + 1 {
		f := probe.Facts{Responder: routerAt(2), Kind: probe.KindTTLExceeded}
		f.Target, f.TTL = addrOf(1), 2
		p.Answered(&f)
	}
	r.phase.Store(phaseLimited)
	r.interval.Store(1e8)
	r.found.Store(true)
	const now = int64(1e18)
	p.countDue(now)
	if p.admit(addrOf(1), 2, now) != admitted {
		t.Fatal("the first probe is not admitted")
	}
	p.Resume()
	if list := p.Limited(); len(list) != 1 || list[0].Answered+list[0].Silent != 0 {
		t.Errorf("limited routers: %+v", list)
	}
	if !p.isLimited(addrOf(1), 2) {
		t.Error("the limit is forgotten")
	}
	if p.admit(addrOf(1), 2, now+1) != overRate {
		t.Error("the prefix is forgotten")
	}
	p.countDue(now + 5)
	if p.began.Load() != now+5 || p.due.Load() != 1 {
		t.Error("the scan goes on")
	}
}

// A first hop that is known needs an allowance, and no more probes meet it than that has. Other
// routers keep the cap of the configuration.
func TestAllowRouter(t *testing.T) {
	const second = int64(1e9)
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 2))
		p := NewPoliteness(PolitenessConfig{PerHopRate: 100, Shared: true})
		now := int64(1e18)
		for ttl := uint8(1); ttl <= 8; ttl++ {
			for range trusted + 1 {
				f := probe.Facts{Responder: routerAt(ttl), Kind: probe.KindTTLExceeded}
				f.Target, f.TTL = addrOf(1), ttl
				p.Answered(&f)
			}
		}
		if hops := p.FirstHops(); len(hops) != FirstHops {
			t.Fatalf("first hops %v", hops)
		}
		count := func(ttl uint8, from, to int64) (n int) {
			for at := from; at < to; at += 1 + rng.Int64N(second/500) {
				if p.admit(addrOf(rng.IntN(1000)), ttl, at) == admitted {
					n++
				}
			}
			return n
		}
		if n := count(2, now, now+second); n != 0 {
			t.Errorf("%d probes without an allowance", n)
		}
		p.AllowRouter(routerAt(2), Allowance{RatePPS: 20, Until: now + 3*second}, now+second)
		if n := count(2, now+second, now+2*second); n > 20 || n < 15 {
			t.Errorf("%d probes in a second, of 20", n)
		}
		if n := count(2, now+3*second, now+4*second); n != 0 {
			t.Errorf("%d probes after the allowance", n)
		}
		if n := count(1, now, now+second); n != 0 {
			t.Errorf("%d probes met another first hop", n)
		}
		if n := count(8, now, now+second); n < 80 {
			t.Errorf("%d probes met a router farther away", n)
		}
	}
}
