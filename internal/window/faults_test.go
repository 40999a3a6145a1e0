package window

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

func TestSpans(t *testing.T) {
	var s Spans
	if s.Touch(0, 1<<62) || !s.IsEmpty() {
		t.Error("an empty log has a span")
	}
	s.Add(10, 20)
	if s.IsEmpty() {
		t.Error("a log with a span is empty")
	}
	s.Add(20, 30) // touches the first span
	s.Add(50, 60)
	s.Add(61, 70)
	s.Add(55, 72) // joins the last two spans
	s.Add(90, 90)
	for _, tt := range []struct {
		from, to int64
		want     bool
	}{
		{0, 9, false}, {0, 10, true}, {30, 31, true}, {31, 49, false}, {31, 50, true}, {60, 61, true},
		{65, 66, true}, {72, 100, true}, {73, 89, false}, {90, 90, true}, {91, 1000, false}, {0, 1000, true},
	} {
		if got := s.Touch(tt.from, tt.to); got != tt.want {
			t.Errorf("Touch(%d, %d) = %t", tt.from, tt.to, got)
		}
	}
	if n := s.next.Load(); n != 3 {
		t.Errorf("%d spans, want 3", n)
	}
}

// Touch agrees with a search through a list of all spans. For a time before the oldest remembered
// span it may return true too often, but never false for a span that was added.
func TestSpansModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	var s Spans
	var all [][2]int64
	at := int64(1000)
	for range 3 * mostSpans {
		from := at - rng.Int64N(3) // may touch the span before
		at += rng.Int64N(8)
		s.Add(from, at)
		all = append(all, [2]int64{from, at})
		at += rng.Int64N(8)
	}
	forgotten := s.at(s.first.Load()).from.Load()
	for range 2000 {
		from := rng.Int64N(at + 50)
		to := from + rng.Int64N(6)
		want := false
		for _, span := range all {
			want = want || span[0] <= to && from <= span[1]
		}
		if got := s.Touch(from, to); got != want && (want || from >= forgotten) {
			t.Fatalf("Touch(%d, %d) = %t, want %t", from, to, got, want)
		}
	}
}

// Several goroutines may add while others query: a span is found once its Add returned.
func TestSpansConcurrent(t *testing.T) {
	var s Spans
	var adding sync.WaitGroup
	for g := range int64(3) {
		adding.Go(func() {
			for i := range int64(5000) {
				at := 30*i + 10*g
				s.Add(at, at+1)
				if !s.Touch(at, at) {
					t.Errorf("%d was added and is not there", at)
					return
				}
			}
		})
	}
	adding.Wait()
}

// If an adding goroutine is suspended, Touch waits and then finds every span.
func TestSpansSuspended(t *testing.T) {
	for range 50 {
		var s Spans
		s.Add(10, 20)
		s.add.Lock()
		s.turn.Add(1)
		asks, said := make(chan struct{}), make(chan bool, 1)
		go func() {
			close(asks)
			said <- s.Touch(30, 40)
		}()
		<-asks
		for range 1000 {
			runtime.Gosched()
		}
		s.turn.Add(1)
		s.add.Unlock()
		if <-said {
			t.Fatal("a time that was not added is there")
		}
	}
}

func TestFaults(t *testing.T) {
	var f Faults
	f.Drops.Add(100, 110)
	f.Lags.Add(200, 210)
	f.Stalls.Add(300, 310)
	if !f.Silenced(95, 5) || f.Silenced(94, 5) || f.Silenced(111, 1<<63-1) || !f.Silenced(105, 1<<63-1) {
		t.Error("Silenced does not match the drops within the wait")
	}
	if !f.Lagged(1, 205) || !f.Lagged(305, 1000) || f.Lagged(205, 305) || f.Lagged(105, 105) {
		t.Error("Lagged does not match the lags and stalls")
	}
}

func BenchmarkTouch(b *testing.B) {
	for _, n := range []int{0, 1, mostSpans} {
		b.Run(map[int]string{0: "none", 1: "one", mostSpans: "full"}[n], func(b *testing.B) {
			var s Spans
			for i := range int64(n) {
				s.Add(10*i, 10*i+1)
			}
			b.ReportAllocs()
			for i := int64(0); b.Loop(); i++ {
				s.Touch(i%40_000, i%40_000)
			}
		})
	}
}
