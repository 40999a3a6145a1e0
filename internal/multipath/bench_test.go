package multipath

import (
	"runtime"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// ladder answers without memory: a chain of hops with one diamond.
func ladder(p Probe, width int) Answer {
	const front, end = 5, 12
	addr := [4]byte{10, p.TTL}
	if p.TTL == front+1 {
		addr[3] = byte(mix(uint64(Base(p.Flow))) % uint64(width))
	}
	if p.TTL >= end {
		return Answer{From: probe.Addr4From([4]byte{192, 0, 2, 1}), Ends: true, Reached: true, Steers: true}
	}
	return Answer{From: probe.Addr4From(addr), Steers: true}
}

// climb searches a ladder and returns the number of its probes.
func climb(s *Search, seed uint64, width int, seen []Observation) []Observation {
	s.Begin(probe.Addr4From([4]byte{192, 0, 2, 1}), seed)
	seen = seen[:0]
	answered := 0
	for {
		p, step := s.Next()
		switch {
		case step == Send:
			seen = append(seen, Observation{Probe: p, Sent: int64(len(seen)), Answered: true, Answer: ladder(p, width)})
		case step == Await && answered < len(seen):
			s.Answer(seen[answered].Probe, seen[answered].Answer)
			answered++
		default:
			return seen
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	for _, width := range []int{1, 2, 16, 100} {
		b.Run("", func(b *testing.B) {
			cfg := testConfig()
			if err := cfg.Validate(); err != nil {
				b.Fatal(err)
			}
			s, seen, probes := New(cfg), []Observation(nil), 0
			b.ReportAllocs()
			for b.Loop() {
				seen = climb(s, 1, width, seen)
				probes += len(seen)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(probes), "ns/probe")
			b.ReportMetric(float64(probes)/float64(b.N), "probes")
		})
	}
}

func BenchmarkDescribe(b *testing.B) {
	for _, width := range []int{1, 2, 16, 100} {
		b.Run("", func(b *testing.B) {
			tr := newTrial(b, testConfig())
			seen := climb(tr.search, 1, width, nil)
			b.ReportAllocs()
			for b.Loop() {
				tr.d.Describe(&tr.out, tr.cfg, seen, false)
				tr.d.Cover()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(seen)), "ns/probe")
		})
	}
}

// TestSearchMemory holds the memory of a window of 10,000 targets, of which 5 % meet a balancer
// of 16 branches.
func TestSearchMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the time for 10,000 searches, which -short does not give")
	}
	cfg := testConfig()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	measure := func(n, width int) float64 {
		searches := make([]*Search, n)
		var seen []Observation
		seen = climb(New(cfg), 0, width, seen)
		before := heap()
		for i := range searches {
			searches[i] = New(cfg)
			seen = climb(searches[i], uint64(i), width, seen)
		}
		grown := float64(heap()-before) / float64(n)
		runtime.KeepAlive(searches)
		runtime.KeepAlive(seen)
		return grown
	}
	plain, wide := measure(9500, 1), measure(500, 16)
	total := (9500*plain + 500*wide) / 1e6
	t.Logf("%.0f octets for a target without balancers, %.0f with one of 16, %.1f MB for the window", plain, wide, total)
	if total > 60 {
		t.Errorf("the window takes %.1f MB, more than 60", total)
	}
}

// TestSearchAllocates nothing for a probe once the memory of a Search has grown.
func TestSearchAllocates(t *testing.T) {
	cfg := testConfig()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	s := New(cfg)
	seen := climb(s, 1, 4, nil)
	if n := testing.AllocsPerRun(100, func() { seen = climb(s, 1, 4, seen) }); n > 1 {
		t.Errorf("%v allocations for %d probes", n, len(seen))
	}
	tr := newTrial(t, cfg)
	tr.d.Describe(&tr.out, cfg, seen, false)
	tr.d.Cover()
	if n := testing.AllocsPerRun(100, func() { tr.d.Describe(&tr.out, cfg, seen, false); tr.d.Cover() }); n > 2 {
		t.Errorf("%v allocations to describe %d probes", n, len(seen))
	}
}
