package board

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/masstrace/masstrace/internal/probe"
)

var target = netip.MustParseAddr("198.18.0.1")

// router returns the address of a router.
func router(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}) }

// script feeds a board of one target. Each string is a cycle: a character for each TTL. A digit or
// a letter is a router, T is the target, * is silence, X is an administrative prohibition.
func script(b *Board, first uint32, cycles ...string) (changes []Change) {
	for i, text := range cycles {
		cycle := first + uint32(i)
		for at, c := range text {
			s := Sample{Cycle: cycle, TTL: uint8(at + 1), Sent: int64(cycle+1) * 1e9, RTT: time.Duration(at+1) * time.Millisecond}
			s.Kind = probe.KindTTLExceeded
			switch {
			case c == '*':
				s.Outcome = Silent
			case c == 'T':
				s.From, s.Kind = target, probe.KindEchoReply
			case c == 'X':
				s.From, s.Kind = router(200), probe.KindAdmin
			default:
				s.From = router(int(c))
			}
			b.Take(&s)
		}
		changes = append(changes, b.EndCycle(cycle)...)
	}
	return changes
}

func newBoard() *Board { return New([]Target{{Name: "target", Addr: target}}, 1) }

// A change is found when a new address answers twice in a row, with its first hop and the time of
// the first sample. Silence, a single answer and a balancer that alternates are no change.
func TestChanges(t *testing.T) {
	hop := func(ttl uint8, before, after rune) HopChange {
		return HopChange{TTL: ttl, Before: router(int(before)), After: router(int(after))}
	}
	for name, tt := range map[string]struct {
		cycles []string
		want   []Change
	}{
		"none":      {[]string{"123T", "123T", "123T"}, nil},
		"silence":   {[]string{"123T", "1*3T", "1**T", "123T"}, nil},
		"one stray": {[]string{"123T", "193T", "123T", "193T", "123T"}, nil},
		"balancer":  {[]string{"123T", "193T", "123T", "193T", "193T", "123T", "193T", "193T", "193T", "123T"}, nil},
		"one hop": {[]string{"123T", "193T", "193T"}, []Change{
			{Time: 2e9, Cycle: 2, Hops: []HopChange{hop(2, '2', '9')}},
		}},
		"two hops": {[]string{"1234T", "1894T", "1894T"}, []Change{
			{Time: 2e9, Cycle: 2, Hops: []HopChange{hop(2, '2', '8'), hop(3, '3', '9')}},
		}},
		"longer": {[]string{"12T", "123", "123T", "123T"}, []Change{
			{Time: 2e9, Cycle: 2, Before: 3, After: 4, Hops: []HopChange{{TTL: 3, Before: target, After: router('3')}}},
		}},
		"shorter": {[]string{"123T", "12TT", "12T"}, []Change{
			{Time: 2e9, Cycle: 1, Before: 4, After: 3},
			{Time: 2e9, Cycle: 2, Hops: []HopChange{{TTL: 3, Before: router('3'), After: target}}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := script(newBoard(), 0, tt.cycles...)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Silence that later hops do not share is a limit, and never the loss of the network.
func TestLossAt(t *testing.T) {
	b := newBoard()
	script(b, 0, "123T", "1*3T", "123T", "123*")
	p := b.Targets[0].Flows[0]
	for ttl, want := range map[uint8]Loss{
		1: {},
		2: {Share: 0.25, Network: 0, Kind: Limited},
		3: {},
		4: {Share: 0.25, Network: 0.25, Kind: RealLoss},
	} {
		if got := p.LossAt(ttl); got != want {
			t.Errorf("TTL %d: %+v, want %+v", ttl, got, want)
		}
	}
	b = newBoard()
	script(b, 0, "1*3*", "1*3T", "1***", "1**T")
	p = b.Targets[0].Flows[0]
	if got := p.LossAt(2).Kind; got != SilentHop {
		t.Errorf("a hop that never answers: %v", got)
	}
	if got := p.LossAt(3); got.Kind != RealLoss || got.Share != 0.5 {
		t.Errorf("loss that goes on: %+v", got)
	}
}

// Each kind of path has its ending.
func TestEndingOf(t *testing.T) {
	for name, tt := range map[string]struct {
		cycles []string
		want   Ending
	}{
		"nothing yet": {nil, Ending{Reason: Waiting}},
		"silence":     {[]string{"****"}, Ending{Reason: NoAnswer, Loss: 1}},
		"reached":     {[]string{"12T", "1*T"}, Ending{Reason: Reached, TTL: 3, Limits: 1}},
		"lossy":       {[]string{"12T", "12*"}, Ending{Reason: Reached, TTL: 3, Loss: 0.5}},
		"forbidden":   {[]string{"12X", "12X"}, Ending{Reason: Unreachable, TTL: 3}},
		"no answer":   {[]string{"12**", "12**"}, Ending{Reason: NoAnswer, TTL: 2, Loss: 1}},
		"loop":        {[]string{"1232323"}, Ending{Reason: Loop, TTL: 7}},
	} {
		b := newBoard()
		script(b, 0, tt.cycles...)
		got := EndingOf(b.Targets[0].Flows[0])
		if name == "loop" {
			got.Loss = 0
		}
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// A path whose end is known is probed up to there; a silent end lets the goal go further.
func TestGoal(t *testing.T) {
	b := newBoard()
	p := b.Targets[0].Flows[0]
	if got := p.Goal(0, 30); got != 30 {
		t.Errorf("an unknown path: %d", got)
	}
	script(b, 0, "123T")
	if got := p.Goal(1, 30); got != 4 {
		t.Errorf("after an answer of the target: %d", got)
	}
	script(b, 1, "123*", "123*", "123*")
	if got := p.Goal(5, 30); got != 4+beyond {
		t.Errorf("after the end fell silent: %d", got)
	}
	script(b, 5, "123*5T")
	if got := p.Goal(6, 30); got != 6 || p.End != 6 {
		t.Errorf("after the target moved: goal %d, end %d", got, p.End)
	}
}

// Reset forgets statistics, and keeps the path.
func TestReset(t *testing.T) {
	b := newBoard()
	script(b, 0, "123T", "193T", "193T")
	b.Reset()
	h := b.Targets[0].Flows[0].Hop(2)
	if h.Sent != 0 || h.Addr() != router('9') || b.Targets[0].Changed != 0 || len(h.History(9)) != 0 {
		t.Errorf("after a reset: %+v", h)
	}
}

// The statistics are those of the formulas, computed from all samples at once.
func TestStatistics(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	h := newHop(1)
	var times []float64
	var jitters float64
	for i := range 1000 {
		rtt := time.Duration(20e6 + random.ExpFloat64()*5e6)
		if i > 0 {
			jitters += math.Abs(float64(rtt) - times[i-1])
		}
		times = append(times, float64(rtt))
		h.take(&Sample{RTT: rtt})
	}
	var sum, squares float64
	for _, x := range times {
		sum += x
	}
	mean := sum / 1000
	for _, x := range times {
		squares += (x - mean) * (x - mean)
	}
	near := func(name string, got time.Duration, want, share float64) {
		t.Helper()
		if math.Abs(float64(got)-want) > share*want {
			t.Errorf("%s is %v, want %v", name, got, time.Duration(want))
		}
	}
	near("mean", h.Mean(), mean, 1e-6)
	near("deviation", h.Deviation(), math.Sqrt(squares/999), 1e-6)
	near("jitter", h.MeanJitter, jitters/999, 1e-6)
	slices.Sort(times)
	for _, p := range []float64{1, 50, 90, 95, 99, 100} {
		near("percentile", h.Percentile(p), times[max(int(math.Ceil(p/100*1000))-1, 0)], 0.035)
	}
	near("worst", h.Worst, times[999], 0)
	near("best", h.Best, times[0], 0)
}

// No percentile is outside of the times, wherever they are in their bucket.
func TestPercentileWithin(t *testing.T) {
	for us := time.Duration(1); us < 1e6; us = us*17/16 + 1 {
		h := newHop(1)
		h.take(&Sample{RTT: us * time.Microsecond})
		for _, p := range []float64{0, 50, 99, 100} {
			if got := h.Percentile(p); got != us*time.Microsecond {
				t.Fatalf("percentile %v of one time of %d µs is %v", p, us, got)
			}
		}
	}
}

// Buckets follow each other without a gap, and each time is within its own.
func TestHistogram(t *testing.T) {
	for i := range buckets - 1 {
		_, next := lowOf(i)
		low, _ := lowOf(i + 1)
		if next != low {
			t.Fatalf("bucket %d ends at %v, the next begins at %v", i, next, low)
		}
	}
	for _, d := range []time.Duration{0, 1, time.Microsecond, 15 * time.Microsecond, 16 * time.Microsecond, 17 * time.Microsecond, time.Millisecond, 59 * time.Second} {
		low, next := lowOf(bucketOf(d))
		if d < low || d >= next {
			t.Errorf("%v is in the bucket from %v to %v", d, low, next)
		}
	}
	var h Histogram
	h.Add(time.Hour)
	h.Add(-1)
	if h.Total() != 2 || len(h.Bars(5)) != 5 {
		t.Errorf("total %d, bars %v", h.Total(), h.Bars(5))
	}
}

// The ring has the latest samples in order.
func TestHistory(t *testing.T) {
	var r ring
	for i := range 3 * kept / 2 {
		r.add(time.Duration(i) * time.Millisecond)
	}
	r.add(Lost)
	got := r.last(3)
	want := []time.Duration{(3*kept/2 - 2) * time.Millisecond, (3*kept/2 - 1) * time.Millisecond, Lost}
	if !slices.Equal(got, want) {
		t.Errorf("the latest are %v, want %v", got, want)
	}
}

// A sample costs no allocation once its hop and its address are known.
func TestTakeAllocates(t *testing.T) {
	b := newBoard()
	script(b, 0, "123T")
	s := Sample{TTL: 2, From: router('2'), RTT: time.Millisecond, Answer: Answer{Kind: probe.KindTTLExceeded}}
	for range kept {
		b.Take(&s)
	}
	if n := testing.AllocsPerRun(100, func() { b.Take(&s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
