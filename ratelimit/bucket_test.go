package ratelimit

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// reference applies the bound of Bucket literally. It keeps a list of all packets with their times,
// and the largest number that every window ending now allows. It is slow and exact.
type reference struct {
	start       int64
	perNS, full *big.Int
	sent        []sending
}

type sending struct {
	at int64
	n  int
}

func newReference(microPPS int64, burst int, start int64) *reference {
	full := new(big.Int).Mul(big.NewInt(int64(burst)), big.NewInt(unit))
	full.Add(full, big.NewInt(microPPS-1))
	return &reference{start: start, perNS: big.NewInt(microPPS), full: full}
}

// allowed returns how many packets may leave now.
func (r *reference) allowed(now int64) int {
	room := func(credit *big.Int, since int64, sent int) *big.Int {
		v := new(big.Int).Mul(r.perNS, big.NewInt(now-since))
		v.Add(v, credit)
		return v.Sub(v, new(big.Int).Mul(big.NewInt(int64(sent)), big.NewInt(unit)))
	}
	least, sent := room(r.full, now, 0), 0
	tighten := func(v *big.Int) {
		if v.Cmp(least) < 0 {
			least = v
		}
	}
	for i := len(r.sent) - 1; i >= 0; i-- {
		sent += r.sent[i].n
		tighten(room(r.full, r.sent[i].at, sent))
	}
	tighten(room(big.NewInt(unit), r.start, sent))
	return int(new(big.Int).Div(least, big.NewInt(unit)).Int64())
}

// checkWindows fails t if any window [at(i), at(j)+1) holds more than burst
// packets beyond rate times its length.
func (r *reference) checkWindows(t *testing.T, burst int) {
	t.Helper()
	for i := range r.sent {
		n := int64(0)
		for _, s := range r.sent[i:] {
			n += int64(s.n)
			beyond := new(big.Int).Mul(big.NewInt(n-int64(burst)), big.NewInt(unit))
			most := new(big.Int).Mul(r.perNS, big.NewInt(s.at+1-r.sent[i].at))
			if beyond.Cmp(most) > 0 {
				t.Fatalf("%d packets in [%d, %d]: more than burst %d beyond %v µpps",
					n, r.sent[i].at, s.at, burst, r.perNS)
			}
		}
	}
}

// randomMicroPPS returns a rate that is uniform in the logarithm, from 0.1 pps to 100 Mpps.
func randomMicroPPS(rng *rand.Rand) int64 {
	return int64(math.Pow(10, 5+9*rng.Float64()))
}

func TestBucketAgainstReference(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		micro := randomMicroPPS(rng)
		burst := 1 + rng.IntN(1+rng.IntN(MaxBurst))
		now := rng.Int64N(1 << 50)
		b := New(Config{RatePPS: float64(micro) / 1e6, Burst: burst}, now)
		ref := newReference(micro, burst, now)
		interval := float64(unit) / float64(micro)
		next := now
		for range 80 {
			switch rng.IntN(5) {
			case 0: // a pause of up to thousands of intervals
				now += int64(interval * math.Pow(10, 4*rng.Float64()) * rng.Float64())
			case 1: // exactly at the time of next
				now = max(now, next)
			case 2: // just before the time of next
				now = max(now, next-1)
			default:
				now += int64(interval * 2 * rng.Float64())
			}
			want := rng.IntN(2 * burst)
			allowed := ref.allowed(now)
			var n int
			n, next = b.Take(now, want)
			if n != min(want, allowed) {
				t.Fatalf("rate %d µpps, burst %d: Take(%d, %d) = %d, reference allows %d",
					micro, burst, now, want, n, allowed)
			}
			ref.sent = append(ref.sent, sending{now, n})
			if n < want && (ref.allowed(next) < 1 || ref.allowed(next-1) > 0) {
				t.Fatalf("next = %d is not when the next packet is due", next)
			}
			k := 1 + rng.IntN(burst)
			if at := b.At(k); at > now && (ref.allowed(at) < k || ref.allowed(at-1) >= k) ||
				at <= now && ref.allowed(now) < k {
				t.Fatalf("At(%d) = %d is not when %d packets are due", k, at, k)
			}
			if n > 0 && rng.IntN(3) == 0 {
				back := rng.IntN(n + 1)
				b.Return(back)
				ref.sent[len(ref.sent)-1].n -= back
			}
		}
		ref.checkWindows(t, burst)
	}
}

// The mean rate is exact. After any time, with any delays of the caller within the burst, the
// number of packets equals the rate times the time, to the packet.
func TestBucketMean(t *testing.T) {
	const day = 24 * 3600 * 1e9
	rng := rand.New(rand.NewPCG(3, 4))
	for _, tt := range []struct {
		rate  float64
		burst int
		span  float64 // ns
	}{
		{0.1, 1, 30 * day},
		{1.0 / 3, 1, 30 * day},
		{7, 1, day},
		{999.999, 1, 3600e9},
		{10_000, 0, 60e9},
		{333_333.333333, 1, 2e9},
		{3e6, 1, 0.3e9}, // an interval of 333 ns and a third of a tick
		{1e9 / 7, 1, 2e7},
		{MaxRatePPS, 1, 1e6},
	} {
		now, sent := int64(0), 0
		b := New(Config{RatePPS: tt.rate, Burst: tt.burst}, now)
		for float64(now) < tt.span {
			n, next := b.Take(now, 1)
			if sent += n; n == 1 {
				continue
			}
			if b.Burst() > 2 { // the caller wakes up late
				next += rng.Int64N(int64(float64(b.Burst()-2) / tt.rate * 1e9))
			}
			now = next
		}
		want := 1 + tt.rate*float64(now)/1e9
		// A rate is rounded to a millionth of a packet per second.
		tolerance := 2 + float64(now)/1e9*0.5e-6 + float64(b.Burst())
		if math.Abs(float64(sent)-want) > tolerance {
			t.Errorf("%g pps, burst %d: %d packets in %d ns, want %.1f", tt.rate, b.Burst(), sent, now, want)
		}
		if off := math.Abs(float64(sent)/want - 1); off > 0.001 {
			t.Errorf("%g pps: mean off by %.3g", tt.rate, off)
		}
	}
}

func TestBucketNoFlood(t *testing.T) {
	for _, rate := range []float64{0.1, 1, 1e3, 1e6, MaxRatePPS} {
		for _, burst := range []int{1, 5, 64, MaxBurst} {
			for _, pause := range []int64{1, 1e9, 3600e9, 365 * 24 * 3600e9, math.MaxInt64} {
				b := New(Config{RatePPS: rate, Burst: burst}, math.MinInt64/2)
				b.Take(0, 1)
				if n, _ := b.Take(pause, math.MaxInt); n > burst {
					t.Errorf("%g pps, burst %d: %d packets after a pause of %d ns", rate, burst, n, pause)
				}
				if n, _ := b.Take(pause, math.MaxInt); n > 0 {
					t.Errorf("%g pps, burst %d: %d more at the same time", rate, burst, n)
				}
			}
		}
	}
}

func TestBucketReturn(t *testing.T) {
	b := New(Config{RatePPS: 1000, Burst: 10}, 0)
	if n, _ := b.Take(1e12, 10); n != 10 {
		t.Fatalf("Take = %d, want 10", n)
	}
	b.Return(4)
	b.Return(100) // returns the six that are left, no more
	b.Return(1)
	b.Return(-1)
	if n, _ := b.Take(1e12, 100); n != 10 {
		t.Errorf("Take after Return = %d, want 10", n)
	}
	b.SetRate(2e12, 1000) // the bucket is full again
	b.Return(10)
	if n, _ := b.Take(2e12, 100); n != 10 {
		t.Errorf("Take = %d: a late Return filled the bucket above the burst", n)
	}
}

func TestBucketSetRate(t *testing.T) {
	b := New(Config{RatePPS: 10}, 0)
	if b.Burst() != 1 || b.Batch() != 1 {
		t.Errorf("burst %d, batch %d at 10 pps, want 1, 1", b.Burst(), b.Batch())
	}
	b.Take(0, 1)
	b.SetRate(50e6, 10_000) // there is half a token
	if b.Burst() != 22 || b.Batch() != 2 {
		t.Errorf("burst %d, batch %d at 10 kpps, want 22, 2", b.Burst(), b.Batch())
	}
	if n, next := b.Take(50e6, 1); n != 0 || next != 50e6+50e3 {
		t.Errorf("Take = %d, %d; want 0 and half an interval of the new rate", n, next)
	}
	b.SetRate(60e6, 0)
	if n, next := b.Take(60e6, 1e6); n != 1e6 || next != 60e6 {
		t.Errorf("unlimited: Take = %d, %d", n, next)
	}
	b.Return(1e6)
	b.SetRate(70e6, 1000)
	if n, _ := b.Take(70e6, 1e6); n != 1 {
		t.Errorf("Take after unlimited = %d, want 1", n)
	}
}

// A clock that steps back, and rates that are not valid, cause too few packets rather than too
// many.
func TestBucketOddInput(t *testing.T) {
	b := New(Config{RatePPS: 1e6, Burst: 1}, 1000)
	b.Take(1000, 1)
	if n, next := b.Take(0, 1); n != 0 || next != 2000 {
		t.Errorf("clock stepped back: Take = %d, %d; want 0, 2000", n, next)
	}
	if n, _ := b.Take(2000, -1); n != 0 {
		t.Errorf("Take(-1) = %d", n)
	}
	for _, rate := range []float64{-1, math.NaN(), math.Inf(-1), 1e-9} {
		b := New(Config{RatePPS: rate, Burst: -3}, 0)
		b.Take(0, 1)
		if n, next := b.Take(0, 1); n != 0 || next != 1e12 {
			t.Errorf("rate %g: Take = %d, %d; want a packet in 1000 s", rate, n, next)
		}
	}
	c := New(Config{RatePPS: math.Inf(1), Burst: 1 << 30}, 0)
	if n, _ := c.Take(1e9, math.MaxInt); n != MaxBurst {
		t.Errorf("infinite rate: Take = %d, want %d", n, MaxBurst)
	}
}

func FuzzBucket(f *testing.F) {
	f.Add(int64(100_000), 1, []byte{0, 1, 2, 3})
	f.Add(int64(unit), MaxBurst, []byte{255, 255, 0, 0})
	f.Fuzz(func(t *testing.T, micro int64, burst int, script []byte) {
		if micro < 1000 || micro > unit || burst < 1 || burst > MaxBurst || len(script) > 200 {
			return // no such bucket can be made
		}
		now := int64(0)
		b := New(Config{RatePPS: float64(micro) / 1e6, Burst: burst}, now)
		ref := newReference(int64(b.perNS), burst, now)
		for i := 0; i+1 < len(script); i += 2 {
			now += int64(script[i]) * (1 + unit/micro) / 16
			want := int(script[i+1])
			allowed := ref.allowed(now)
			n, _ := b.Take(now, want)
			if n != min(want, allowed) {
				t.Fatalf("Take = %d, want min(%d, %d)", n, want, allowed)
			}
			back := want & 3
			b.Return(back)
			ref.sent = append(ref.sent, sending{now, n - min(back, n)})
		}
		ref.checkWindows(t, burst)
	})
}

func TestTakeAllocs(t *testing.T) {
	b, now := New(Config{RatePPS: 1e6}, 0), int64(0)
	if n := testing.AllocsPerRun(1000, func() {
		now += 500
		b.Take(now, 64)
		b.Return(1)
		now = max(now, b.At(b.Batch()))
	}); n != 0 {
		t.Errorf("%g allocations per call", n)
	}
}

func BenchmarkTake(b *testing.B) {
	b.Run("granted", func(b *testing.B) {
		b.ReportAllocs()
		bucket, now := New(Config{RatePPS: 1e6}, 0), int64(0)
		for b.Loop() {
			now += 64_000
			bucket.Take(now, 64)
		}
	})
	b.Run("short", func(b *testing.B) { // includes the division that computes next
		b.ReportAllocs()
		bucket, now := New(Config{RatePPS: 333_333}, 0), int64(0)
		for b.Loop() {
			now += 1000
			bucket.Take(now, 64)
		}
	})
}
