package schedule

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// bucketOf is a router that answers only so many.
type bucketOf struct {
	tokens, rate, burst float64
	filled              int64
	asked, answered     int
	first, last         int64
}

func (b *bucketOf) take(now int64) bool {
	if b.filled == 0 {
		b.filled, b.tokens, b.first = now, b.burst, now
	}
	b.tokens = min(b.burst, b.tokens+float64(now-b.filled)/1e9*b.rate)
	b.filled, b.last = now, now
	b.asked++
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	b.answered++
	return true
}

// mannered runs a schedule over paths of which the first router has a limit, and
// returns that and how long the scan took.
func mannered(t *testing.T, make func(Config) Schedule, m *Politeness, targets, attempts int) (*bucketOf, time.Duration) {
	t.Helper()
	near := &bucketOf{rate: 100, burst: 50}
	s := &sim{
		T: t, rng: rand.New(rand.NewPCG(4, 4)), batch: 64, perNS: 1e5, // 10,000 a second
		cfg: Config{
			Shape: window.Shape{Targets: 1000, FirstTTL: 1, LastTTL: 10, Flows: 1, Attempts: attempts},
			Wait:  500 * time.Millisecond, Politeness: m,
		},
		targets: habits(targets),
	}
	s.start = make
	s.reply = func(f *probe.Facts, _ int, random float64) (int64, bool) {
		switch {
		case f.TTL == 1 && !near.take(s.now):
			return 0, false
		case f.TTL < 10:
			f.Kind, f.Responder = probe.KindTTLExceeded, routerAt(f.TTL)
		default:
			f.Kind, f.Responder, f.QuotedTTL = probe.KindPortUnreach, f.Target, 1
		}
		if m != nil {
			m.Answered(f) // sooner than it comes, which changes little
		}
		return int64(50e6 * random), true
	}
	s.run()
	return near, time.Duration(s.now - 1e18)
}

func habits(n int) []habit { return make([]habit, n) }

// With every strategy, the schedule finds a limit and keeps to it. Nearly every probe to that
// router is answered, and the sum of answers is higher. The scan takes at most half as long
// again.
func TestPolitenessFindLimit(t *testing.T) {
	const targets = 10_000
	for name, make := range map[string]func(Config) Schedule{
		"exhaustive": func(c Config) Schedule { return NewExhaustive(c) },
		"complete": func(c Config) Schedule {
			return NewAdaptive(c, NewComplete(StrategyConfig{GapLimit: 5, Distances: NewDistances(64)}))
		},
	} {
		plain, took := mannered(t, make, nil, targets, 1)
		polite, longer := mannered(t, make, NewPoliteness(PolitenessConfig{PerHopRate: 1000, RatePPS: 1e4, Wait: 500 * time.Millisecond}), targets, 1)
		share := func(b *bucketOf) float64 { return float64(b.answered) / float64(b.asked) }
		if share(polite) < 1.5*share(plain) || float64(polite.answered) < 1.4*float64(plain.answered) {
			t.Errorf("%s: %d of %d answered, and %d of %d without politeness", name,
				polite.answered, polite.asked, plain.answered, plain.asked)
		}
		if float64(longer) > 1.5*float64(took)+float64(time.Second) {
			t.Errorf("%s: it took %v, without politeness %v", name, longer, took)
		}
	}
}

// Further attempts keep to a limit as first attempts do, and to the time that a scan may take.
func TestPolitenessAttempts(t *testing.T) {
	const targets = 4000
	make := deferringSchedules["complete"]
	plain, took := mannered(t, make, nil, targets, 3)
	polite, longer := mannered(t, make, NewPoliteness(PolitenessConfig{PerHopRate: 1000, RatePPS: 1e4, Wait: 500 * time.Millisecond}), targets, 3)
	t.Logf("%d of %d answered in %v; without politeness %d of %d in %v", polite.answered, polite.asked, longer, plain.answered, plain.asked, took)
	if polite.answered*plain.asked < 3*plain.answered*polite.asked/2 {
		t.Errorf("%d of %d answered, and %d of %d without politeness", polite.answered, polite.asked, plain.answered, plain.asked)
	}
	if float64(longer) > 1.5*float64(took)+float64(2*time.Second) {
		t.Errorf("it took %v, without politeness %v", longer, took)
	}
}

// A rate that was asked for is never exceeded, and everything is sent in the end.
func TestPolitenessPerHopRate(t *testing.T) {
	const targets, rate = 2000, 80
	for name, make := range map[string]func(Config) Schedule{
		"exhaustive": func(c Config) Schedule { return NewExhaustive(c) },
		"complete": func(c Config) Schedule {
			return NewAdaptive(c, NewComplete(StrategyConfig{GapLimit: 5, Distances: NewDistances(64)}))
		},
	} {
		near, took := mannered(t, make, NewPoliteness(PolitenessConfig{PerHopRate: rate, RatePPS: 1e4}), targets, 1)
		if near.asked != targets {
			t.Errorf("%s: %d of %d probes were sent", name, near.asked, targets)
		}
		// The 400 are the probes sent before the first answer named the router, and a run
		// of probes.
		if most := took.Seconds()*rate + 400; float64(near.asked) > most {
			t.Errorf("%s: %d probes in %v", name, near.asked, took)
		}
	}
}

// A prefix gets its share and no more.
func TestPolitenessPrefixRate(t *testing.T) {
	m := NewPoliteness(PolitenessConfig{PrefixRate: 10})
	sent := 0
	for now := int64(1e18); now < 1e18+10e9; now += 1e6 {
		if m.admit(addrOf(1), 5, now) == admitted {
			sent++
		}
	}
	if sent < 95 || sent > 101 {
		t.Errorf("%d probes in 10 s at 10 a second", sent)
	}
	if m.admit(addrOf(1000), 5, 1e18) != admitted {
		t.Error("another prefix has to wait")
	}
}

func BenchmarkPoliteness(b *testing.B) {
	m := NewPoliteness(PolitenessConfig{PerHopRate: 1e6, PrefixRate: 1e6})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.admit(addrOf(i&0xffff), uint8(i&31), int64(i)*1000)
	}
}
