package sender

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
)

func TestSendAll(t *testing.T) {
	r := newRig(t, 30, unlimited())
	if err := r.run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	r.checkStamps(240, 0, 0, 0)
	if r.calls != 4 || r.halted != 0 {
		t.Errorf("%d calls for 240 frames, halted %d times", r.calls, r.halted)
	}
	seen := map[string]bool{}
	for _, p := range r.took {
		seen[string(p)] = true
		if c := r.sender.cfg.Codec; len(p) != c.Size(p[0]>>4 == 4) {
			t.Errorf("a packet of %d octets", len(p))
		}
	}
	if len(seen) != 240 {
		t.Errorf("%d different packets", len(seen))
	}
}

// A target that the last check excludes gets no frame, and its slots are stamped Excluded.
func TestSendExcluded(t *testing.T) {
	r := newRig(t, 20, ratelimit.Config{RatePPS: 1000, Burst: 10})
	r.excluded[addrOf(4)], r.excluded[addrOf(7)] = true, true
	if err := r.run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	r.checkStamps(144, 0, 16, 0)
	for _, p := range r.took {
		var dst probe.Addr
		if p[0]>>4 == 4 {
			dst = probe.Addr4From([4]byte(p[16:]))
		} else {
			dst = probe.Addr(p[24:40])
		}
		if r.excluded[dst] {
			t.Errorf("a probe to %v", dst)
		}
	}
	// Other probes used their tokens.
	if took := float64(r.now-5000) / 1e9; took > 0.15 {
		t.Errorf("144 probes at 1000 pps took %.3f s", took)
	}
}

// While the link is down no frame is sent. Frames that were refused leave when the link is up
// again, with new stamps.
func TestSendLinkDown(t *testing.T) {
	r := newRig(t, 20, unlimited())
	downs := 0
	var back int64
	r.port = func([]byte) error {
		if len(r.took) == 70 && back == 0 {
			r.up = false
			return unix.ENETDOWN
		}
		return nil
	}
	r.wakeup = func() {
		if !r.up {
			if downs++; downs == 5 {
				r.up, back = true, r.now
			}
		}
	}
	if err := r.run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	r.checkStamps(160, 0, 0, 0)
	late := 0
	for i := range uint32(20) {
		for ttl := uint8(1); ttl <= 8; ttl++ {
			if r.window.Sent(window.Slot{Target: i, TTL: ttl}) >= back+epoch {
				late++
			}
		}
	}
	if late != 90 || r.calls != 5 {
		t.Errorf("%d frames stamped after the link was back, %d calls", late, r.calls)
	}
}

// If the link is down from the beginning, the source is not called.
func TestSendWaitsForLink(t *testing.T) {
	r := newRig(t, 1, unlimited())
	r.up = false
	r.wakeup = func() {
		if r.sleeps == 10 {
			if r.asked > 0 {
				t.Error("asked while the link was down")
			}
			r.up = true
		}
	}
	if err := r.run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	r.checkStamps(8, 0, 0, 0)
}

// When the link is removed, the source is halted and called until it is done. The frames of the
// current batch are stamped Failed.
func TestSendLinkGone(t *testing.T) {
	for _, cause := range []error{unix.ENETDOWN, unix.ENXIO, unix.ENODEV, nil} {
		r := newRig(t, 20, ratelimit.Config{RatePPS: 1000, Burst: 8})
		r.port = func([]byte) error {
			if len(r.took) == 70 {
				r.up, r.gone = false, true
				return cause
			}
			return nil
		}
		if err := r.run(t.Context(), t.Context()); !errors.Is(err, ErrGone) {
			t.Errorf("%v: Run = %v", cause, err)
		}
		sent, failed, _, untouched := r.stamps()
		if sent+failed+untouched != 160 || sent != len(r.took) || cause != nil && sent != 70 || r.halted != 1 {
			t.Errorf("%v: %d sent, %d failed, %d untouched, halted %d times", cause, sent, failed, untouched, r.halted)
		}
	}
	r := newRig(t, 20, unlimited())
	r.up, r.gone = false, true
	if err := r.run(t.Context(), t.Context()); !errors.Is(err, ErrGone) {
		t.Errorf("gone from the beginning: Run = %v", err)
	}
	r.checkStamps(0, 0, 0, 160)
}

// When stopped, the sender halts the source once, and calls it until it is done, however few tokens
// there are.
func TestSendStop(t *testing.T) {
	stop, cancel := context.WithCancel(t.Context())
	r := newRig(t, 20, ratelimit.Config{RatePPS: 0.001, Burst: 1})
	r.wakeup = func() {
		if r.sleeps == 3 {
			cancel()
		}
	}
	if err := r.run(t.Context(), stop); err != nil {
		t.Fatal(err)
	}
	if r.halted != 1 || r.sleeps > 5 {
		t.Errorf("halted %d times, %d sleeps", r.halted, r.sleeps)
	}
	r.checkStamps(1, 0, 0, 159)
}

// When stopped while the queue is full or the link is down, the sender does not wait forever.
func TestSendStopInTrouble(t *testing.T) {
	for _, trouble := range []error{unix.ENOBUFS, unix.ENETDOWN} {
		stop, cancel := context.WithCancel(t.Context())
		r := newRig(t, 20, unlimited())
		r.port = func([]byte) error { return trouble }
		r.wakeup = func() {
			if r.sleeps == 20 {
				r.up = trouble != unix.ENETDOWN
				cancel()
			}
		}
		if err := r.run(t.Context(), stop); err != nil {
			t.Fatal(err)
		}
		if r.sleeps > 30 || r.halted != 1 {
			t.Errorf("%v: %d sleeps, halted %d times", trouble, r.sleeps, r.halted)
		}
		r.checkStamps(0, 64, 0, 96)
	}
}

// When ctx ends, Run returns at once. It sends no more frames and leaves none without a stamp.
func TestSendContextEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		prep func(r *rig, cancel func())
		want [3]int // sent, failed, untouched
	}{
		{"before", func(r *rig, cancel func()) { cancel() }, [3]int{0, 0, 160}},
		{"asleep", func(r *rig, cancel func()) { r.wakeup = cancel }, [3]int{64, 0, 96}},
		{"waiting for the link", func(r *rig, cancel func()) { r.up, r.wakeup = false, cancel }, [3]int{0, 0, 160}},
		{"waiting for the queue", func(r *rig, cancel func()) {
			r.wakeup = cancel
			r.port = func([]byte) error {
				if len(r.took) == 10 {
					return unix.ENOBUFS
				}
				return nil
			}
		}, [3]int{10, 54, 96}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRig(t, 20, unlimited())
		tt.prep(r, cancel)
		if err := r.run(ctx, t.Context()); err != nil {
			t.Errorf("%s: Run = %v", tt.name, err)
		}
		r.checkStamps(tt.want[0], tt.want[1], 0, tt.want[2])
		if r.sleeps > 1 {
			t.Errorf("%s: slept on", tt.name)
		}
		cancel()
	}
}

// If a sleep fails, the run ends with that error: nil would mean that all windows are closed.
func TestSendBrokenSleeper(t *testing.T) {
	for _, up := range []bool{true, false} {
		r := newRig(t, 20, unlimited())
		r.up, r.broken = up, unix.ENOSYS
		if err := r.run(t.Context(), t.Context()); !errors.Is(err, unix.ENOSYS) {
			t.Errorf("link up %t: Run = %v", up, err)
		}
		if r.sleeps > 3 {
			t.Errorf("link up %t: %d sleeps", up, r.sleeps)
		}
	}
}

// The rate is kept, even if frames fail. No interval has more frames than the rate allows plus the
// burst, and the mean is right within one percent.
func TestSendRate(t *testing.T) {
	for _, tt := range []struct {
		rate  float64
		burst int
		fail  bool
	}{{100, 0, false}, {10_000, 0, false}, {200_000, 0, false}, {10_000, 1, false}, {10_000, 0, true}} {
		r := newRig(t, 500, ratelimit.Config{RatePPS: tt.rate, Burst: tt.burst})
		tries := 0
		r.port = func([]byte) error {
			if tries++; tt.fail && tries%2 == 0 {
				return unix.EMSGSIZE
			}
			return nil
		}
		start := r.now
		if err := r.run(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		got := float64(len(r.took)) / float64(r.now-start) * 1e9
		if off := got/tt.rate - 1; math.Abs(off) > 0.01 && !tt.fail || off > 0.01 {
			t.Errorf("%+v: %.1f pps", tt, got)
		}
		burst := tt.burst
		if burst == 0 {
			burst = ratelimit.DefaultBurst(tt.rate)
		}
		for i := range r.sendings {
			n := 0
			for _, s := range r.sendings[i:min(i+200, len(r.sendings))] {
				n += s.n
				// Calls of a batch are up to 64 µs of virtual time apart.
				if most := float64(burst) + tt.rate*float64(s.at-r.sendings[i].at+64_000)/1e9; float64(n) > most+1 {
					t.Fatalf("%+v: %d frames in %d ns", tt, n, s.at-r.sendings[i].at)
				}
			}
		}
	}
}

func TestSendAllocs(t *testing.T) {
	r := newRig(t, 16, unlimited())
	items := slices.Clone(r.items[:MaxBatch])
	r.sender.sleeper = r
	r.perCall = -1 // the rig's own port allocates: accept frames without a copy
	r.sender.cfg.Port = quietPort{r}
	if n := testing.AllocsPerRun(100, func() {
		copy(r.sender.items[:], items)
		if _, err := r.sender.send(t.Context(), t.Context(), len(items)); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}

type quietPort struct{ *rig }

func (p quietPort) Send(_ []int, from, to int) (int, error) { return to - from, nil }

func BenchmarkSend(b *testing.B) {
	r := newRig(b, 4096, unlimited())
	r.sender.sleeper, r.sender.cfg.Port = r, quietPort{r}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%MaxBatch == 0 {
			copy(r.sender.items[:], r.items[n%len(r.items):])
			_, _ = r.sender.send(b.Context(), b.Context(), MaxBatch)
		}
	}
}

// Stalled is called for a batch that takes long to leave, with the time of its stamps and the time
// at which it had left. It is not called for other batches.
func TestSendStalled(t *testing.T) {
	r := newRig(t, 30, unlimited())
	type span struct{ from, to int64 }
	var stalls []span
	r.sender.cfg.Stalled = func(from, to int64) { stalls = append(stalls, span{from, to}) }
	stop := window.Slot{Target: 10, TTL: 5}
	r.port = func([]byte) error {
		if len(r.took) == int(stop.Target)*8+int(stop.TTL)-1 {
			r.now += 5e9 // the process was suspended
		}
		return nil
	}
	if err := r.run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(stalls) != 1 || stalls[0].from != r.window.Sent(stop) || stalls[0].to-stalls[0].from < 5e9 {
		t.Fatalf("stalls %v, want one from %d", stalls, r.window.Sent(stop))
	}
	for target := range uint32(30) {
		ns := r.window.Sent(window.Slot{Target: target, TTL: 1})
		// The next batch is stamped after this one left.
		inside := ns >= stalls[0].from && ns < stalls[0].to
		if same := target*8/MaxBatch == stop.Target*8/MaxBatch; inside != same {
			t.Errorf("target %d: in the stall %t, in the batch %t", target, inside, same)
		}
	}
}
