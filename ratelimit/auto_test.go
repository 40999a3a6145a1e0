package ratelimit

import (
	"math"
	"math/rand/v2"
	"testing"
)

// network answers a control group. At each TTL it answers a share of all probes. Probes above a
// limit on the path, and those above the limits of a TTL's routers, are not answered.
type network struct {
	rng     *rand.Rand
	limit   float64                // packets per second that the path forwards
	shares  [Controls]float64      // share answered at low rates, by TTL
	routers map[int]float64        // answers per second of a TTL's routers
	dropsAt float64                // rate from which our own kernel drops replies
	ceiling float64                // highest rate of the sender
	sample  func(rate float64) int // probes of the control group at a TTL
}

func newNetwork(seed uint64, limit float64) *network {
	n := &network{
		rng: rand.New(rand.NewPCG(seed, 7)), limit: limit, routers: map[int]float64{},
		dropsAt: math.Inf(1), ceiling: math.Inf(1), sample: func(float64) int { return 160 },
	}
	for ttl := 1; ttl <= 12; ttl++ {
		n.shares[ttl] = 0.5 + 0.45*n.rng.Float64()
	}
	return n
}

func (n *network) try(rate float64) *Trial {
	rate = min(rate, n.ceiling)
	t := &Trial{SentPPS: rate, Dropped: rate > n.dropsAt}
	for ttl, share := range n.shares {
		if share == 0 {
			continue
		}
		if rate > n.limit {
			share *= n.limit / rate
		}
		if most, ok := n.routers[ttl]; ok {
			share = min(share, most/(rate/32))
		}
		for range n.sample(rate) {
			t.Sent[ttl]++
			if n.rng.Float64() < share {
				t.Answered[ttl]++
			}
		}
	}
	return t
}

// run runs a number of trials, and returns the rates.
func (n *network) run(t *testing.T, a *Auto, most float64, trials int) (rates []float64) {
	t.Helper()
	for range trials {
		r := a.Rate()
		if r > most {
			t.Fatalf("asks for %v, above %v", r, most)
		}
		rates = append(rates, r)
		a.Judge(n.try(r))
	}
	return rates
}

// Auto finds any limit to within about a tenth, in few trials, and the rate stays there, below the
// limit.
func TestAutoFindsLimit(t *testing.T) {
	const start, most = 500, 200_000
	for seed := range uint64(200) {
		limit := start * 1.5 * math.Pow(most/start/1.5, rand.New(rand.NewPCG(seed, 1)).Float64())
		n, a := newNetwork(seed, limit), NewAuto(AutoConfig{start, most})
		rates := n.run(t, a, most, 120)
		sum := 0.0
		for _, r := range rates[20:] {
			if r > 1.35*limit {
				t.Errorf("seed %d: %.0f, where the limit is %.0f", seed, r, limit)
			}
			sum += min(r, limit) / limit / float64(len(rates)-20)
		}
		if found := a.Found(); found.RatePPS < 0.8*limit || found.RatePPS > 1.2*limit || sum < 0.8 {
			t.Errorf("seed %d: limit %.0f, found %+v, %.2f of it used on the mean", seed, limit, found, sum)
		}
	}
}

// Without a limit on the path, Auto soon reaches the highest allowed rate and keeps it, even if
// some near routers limit their answers. Chance alone rarely causes a fall.
func TestAutoReachesMost(t *testing.T) {
	const start, most = 500, 100_000
	falls, slow := 0, 0
	for seed := range uint64(100) {
		n, a := newNetwork(seed, math.Inf(1)), NewAuto(AutoConfig{start, most})
		for ttl := 1; ttl <= 4; ttl++ {
			n.routers[ttl] = 100
		}
		if rates := n.run(t, a, most, 12); rates[11] < most/1.2 {
			slow++
		}
		n.run(t, a, most, 88)
		falls += a.Found().Falls
	}
	if falls > 150 || slow > 5 {
		t.Errorf("%d of 10,000 trials fell by chance; %d of 100 were slow", falls, slow)
	}
}

// Auto adapts to a limit that appears, and notices if it disappears.
func TestAutoFollows(t *testing.T) {
	n, a := newNetwork(3, math.Inf(1)), NewAuto(AutoConfig{500, 50_000})
	n.run(t, a, 50_000, 20)
	n.limit = 10_000
	n.run(t, a, 50_000, 12)
	if r := a.Rate(); r > 1.2*n.limit || r < 0.5*n.limit {
		t.Errorf("at %.0f, 12 trials after the limit fell to %.0f", r, n.limit)
	}
	n.limit = math.Inf(1)
	n.run(t, a, 50_000, 300)
	if r := a.Rate(); r < 40_000 {
		t.Errorf("at %.0f, long after the limit went", r)
	}
}

// Drops of this machine count as a fall. Auto does not raise the rate above the sender's limit. A
// low share at the lowest rate counts as normal.
func TestAutoOwnLimits(t *testing.T) {
	n, a := newNetwork(4, math.Inf(1)), NewAuto(AutoConfig{500, 1e6})
	n.dropsAt = 30_000
	n.run(t, a, 1e6, 60)
	if f := a.Found(); f.RatePPS < 22_000 || f.RatePPS > 30_000 {
		t.Errorf("drops from 30,000 on: %+v", f)
	}
	n, a = newNetwork(5, math.Inf(1)), NewAuto(AutoConfig{500, 1e6})
	n.ceiling = 70_000
	n.run(t, a, 1e6, 60)
	if r := a.Rate(); r > 2*70_000 {
		t.Errorf("asks for %.0f of a sender that can 70,000", r)
	}
	n, a = newNetwork(6, 1e9), NewAuto(AutoConfig{500, 1000})
	n.run(t, a, 1000, 5)
	for ttl := range n.shares {
		n.shares[ttl] /= 3 // another part of the network
	}
	n.run(t, a, 1000, 40)
	if r := a.Rate(); r != 1000 {
		t.Errorf("at %.0f; want 1000, though less is answered", r)
	}
}

// If no probe of the control group is answered, or the group is empty, there is no information, and
// the rate must stay bounded.
func TestAutoNothing(t *testing.T) {
	a := NewAuto(AutoConfig{500, 1e6})
	for range 50 {
		if v := a.Judge(&Trial{}); v != Held {
			t.Fatal(v)
		}
	}
	if a.Rate() != 500 {
		t.Errorf("at %v without a probe", a.Rate())
	}
	if a := NewAuto(AutoConfig{500, 100}); a.Rate() != 100 {
		t.Errorf("starts at %v, above 100", a.Rate())
	}
}

func TestAutoAllocs(t *testing.T) {
	n, a := newNetwork(1, 5000), NewAuto(AutoConfig{500, 1e6})
	trial := n.try(500)
	if got := testing.AllocsPerRun(100, func() { a.Judge(trial) }); got > 0 {
		t.Errorf("%v allocations", got)
	}
}
