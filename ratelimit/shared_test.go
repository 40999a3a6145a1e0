package ratelimit

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// Senders take from a shared bucket in any order. Together they get as much as a single sender
// that takes from one bucket at the same times. Returned packets are available to the others.
func TestSharedIsOneBucket(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		c := Config{RatePPS: 1 + rng.Float64()*1e6, Burst: 1 + rng.IntN(200)}
		shared, alone := NewShared(c, 0), New(c, 0)
		shares := []*Share{shared.Share(), shared.Share(), shared.Share()}
		for now := int64(0); now < 1e7; now += rng.Int64N(1e5) {
			h, want := shares[rng.IntN(len(shares))], rng.IntN(100)
			n, next := h.Take(now, want)
			m, _ := alone.Take(now, want)
			if n != m || next != alone.At(alone.Batch()) {
				t.Fatalf("%+v at %d: %d, next %d; alone %d, %d", c, now, n, next, m, alone.At(alone.Batch()))
			}
			if rng.IntN(3) == 0 {
				k := rng.IntN(n + 2)
				h.Return(k)
				alone.Return(k)
			}
		}
	}
}

// Threads that take at the same time keep the bound, and the rate.
func TestSharedConcurrent(t *testing.T) {
	clock, err := NewClock()
	if err != nil {
		t.Fatal(err)
	}
	const rate, burst, senders, length = 2e6, 500, 4, 200e6
	start := clock.Now()
	shared := NewShared(Config{RatePPS: rate, Burst: burst}, start)
	var all sync.WaitGroup
	var got [senders]int
	for i := range senders {
		h := shared.Share()
		all.Go(func() {
			for n := 0; ; n++ {
				now := clock.Now()
				if now > start+length {
					return
				}
				k, _ := h.Take(now, 1+i*20)
				if i == 0 && n%3 == 0 { // this sender has nothing to send now
					h.Return(k)
					k = 0
				}
				got[i] += k
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range got {
		sum += n
	}
	if most := int(rate*length/1e9) + burst + 1; sum > most {
		t.Errorf("%d packets, at most %d may leave", sum, most)
	}
	t.Logf("%d packets of %d: %v", sum, int(rate*length/1e9), got)
}

// A sender that finds the bucket locked by a suspended sender comes back soon. The packets that it
// returns at that time are not lost.
func TestSharedHeld(t *testing.T) {
	s := NewShared(Config{RatePPS: 1000, Burst: 10}, 0)
	h := s.Share()
	n, _ := h.Take(1e9, 10)
	s.mu.Lock()
	h.Return(4)
	if k, next := h.Take(1e9, 10); n != 10 || k != 0 || next != 1e9+takeAgain {
		t.Errorf("took %d, then %d, next %d", n, k, next)
	}
	s.mu.Unlock()
	if k, _ := h.Take(1e9, 10); k != 4 {
		t.Errorf("took %d of the 4 returned", k)
	}
}

func BenchmarkSharedTake(b *testing.B) {
	h, now := NewShared(Config{RatePPS: 1e9}, 0).Share(), int64(0)
	b.ReportAllocs()
	for b.Loop() {
		now += 100
		h.Take(now, 64)
	}
}
