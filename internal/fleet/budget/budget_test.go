package budget

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/masstrace/masstrace/ratelimit"
)

// agent sends as fast as its grants allow.
type agent struct {
	name   string
	bucket *ratelimit.Bucket
	until  time.Duration // end of its grant
	rate   float64
	// A request under way: when it was made, and when the hub's answer comes.
	asked, answer time.Duration
	next          Grant
	waits         bool
}

// Over any second, agents of a job together send no more than its rate: with agents that come and
// go, with slow answers, and with a hub that dies and begins again.
func TestBudgetOverEverySecond(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 3))
		rate := []float64{2, 10, 100, 5000}[seed%4]
		epoch := time.Unix(1e9, 0)
		hub := New(rate, epoch)
		alive := true
		agents := make([]*agent, 1+rng.IntN(6))
		for i := range agents {
			agents[i] = &agent{name: fmt.Sprint(i), bucket: ratelimit.New(ratelimit.Config{RatePPS: ratelimit.MinRatePPS}, 0)}
			agents[i].bucket.Take(0, 1)
		}
		const tick, end = 5 * time.Millisecond, 30 * time.Second
		sent := make([]int, end/tick)
		for i := range sent {
			now := time.Duration(i) * tick
			if rng.IntN(1000) == 0 {
				alive = !alive
				hub = New(rate, epoch.Add(now).Add(Life))
			}
			for _, a := range agents {
				sent[i] += a.step(rng, now, hub, alive, epoch, len(agents))
			}
		}
		second, sum := int(time.Second/tick), 0
		total := 0
		for i, n := range sent {
			sum += n
			total += n
			if i >= second {
				sum -= sent[i-second]
			}
			if float64(sum) > rate {
				t.Fatalf("seed %d: %d probes in the second before %v, at a budget of %v", seed, sum, time.Duration(i)*tick, rate)
			}
		}
		if total == 0 {
			t.Errorf("seed %d: nothing was sent", seed)
		}
	}
}

// step lets an agent ask, hear and send, and returns how many probes it sent.
func (a *agent) step(rng *rand.Rand, now time.Duration, hub *Budget, alive bool, epoch time.Time, claimants int) int {
	if !a.waits && alive && now > a.until-Life/2 && rng.IntN(20) > 0 {
		a.next, a.asked, a.answer, a.waits = hub.Grant(epoch.Add(now), a.name, 0, claimants), now, now+time.Duration(rng.IntN(300))*time.Millisecond, true
	}
	if a.waits && now >= a.answer {
		a.waits = false
		if rng.IntN(10) > 0 { // else it is lost
			a.until = a.asked + a.next.Life
			rate := Pace(a.next.RatePPS)
			a.bucket.SetRate(int64(now), max(rate, ratelimit.MinRatePPS))
			a.rate = rate
		}
	}
	if now >= a.until || a.rate == 0 {
		a.bucket.SetRate(int64(now), ratelimit.MinRatePPS)
		a.rate = 0
		return 0
	}
	n, _ := a.bucket.Take(int64(now), 1000)
	return n
}

// The rate is divided, follows the number of claimants, and comes back.
func TestBudgetDivides(t *testing.T) {
	now := time.Unix(1e9, 0)
	b := New(1000, now)
	if g := b.Grant(now, "a", 0, 1); g.RatePPS != 1000 {
		t.Errorf("alone: %v", g)
	}
	if g := b.Grant(now, "b", 0, 2); g.RatePPS != 0 {
		t.Errorf("while another has all: %v", g)
	}
	if g := b.Grant(now, "a", 0, 2); g.RatePPS != 500 {
		t.Errorf("of two: %v", g)
	}
	if g := b.Grant(now, "b", 0, 2); g.RatePPS != 0 {
		t.Errorf("while the earlier grant lasts: %v", g)
	}
	now = now.Add(Life)
	if g := b.Grant(now, "b", 100, 2); g.RatePPS != 100 {
		t.Errorf("with a limit of its own: %v", g)
	}
	b.Return("b")
	if got := b.InForce(now); got != 0 {
		t.Errorf("%v in force after all came back", got)
	}
}
