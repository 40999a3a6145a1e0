package sender

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
)

// Frames are sent to a full queue again and again until the queue accepts them. Their stamps are
// then the times at which they left.
func TestSendBusy(t *testing.T) {
	const full = 7 * queueFull
	for _, busy := range []error{unix.ENOBUFS, unix.EAGAIN, unix.EINTR} {
		r := newRig(t, 10, unlimited())
		until := int64(0)
		r.port = func(p []byte) error {
			if until == 0 && ttl(p) == 5 {
				until = r.now + full
			}
			if r.now < until {
				return busy
			}
			return nil
		}
		if err := r.run(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		r.checkStamps(80, 0, 0, 0)
		if r.sender.Stats.Retries.Load() == 0 {
			t.Errorf("%v: no retries", busy)
		}
		at := r.window.Sent(window.Slot{Target: 0, TTL: 5}) - epoch
		if first := r.window.Sent(window.Slot{Target: 0, TTL: 4}) - epoch; at < first+full-queueFull {
			t.Errorf("%v: stamped %d, its neighbour that was taken at once %d", busy, at, first)
		}
		if r.calls > 10+8*(mostLooks+1) {
			t.Errorf("%v: %d calls", busy, r.calls)
		}
	}
}

// If a call accepts only a part, another call follows for the rest. Each frame leaves once.
func TestSendPartly(t *testing.T) {
	for perCall := range 9 {
		r := newRig(t, 20, unlimited())
		r.perCall = perCall
		if err := r.run(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		r.checkStamps(160, 0, 0, 0)
		if got := r.sender.Stats.Retries.Load(); got != 0 {
			t.Errorf("%d at a time: %d retries", perCall, got)
		}
		slices.SortFunc(r.took, slices.Compare)
		if n := len(slices.CompactFunc(r.took, slices.Equal)); n != 160 {
			t.Errorf("%d at a time: %d different frames", perCall, n)
		}
	}
}

// A frame that the kernel will never accept is given up, and no other.
func TestSendRejected(t *testing.T) {
	for cause, stamp := range map[error]int64{
		unix.EMSGSIZE: window.TooBig, unix.EHOSTUNREACH: window.NoRoute, unix.ENETUNREACH: window.NoRoute,
		unix.EINVAL: window.Failed, unix.EAFNOSUPPORT: window.Failed,
	} {
		r := newRig(t, 20, ratelimit.Config{RatePPS: 1e4})
		r.port = func(p []byte) error {
			if ttl(p) == 3 {
				return cause
			}
			return nil
		}
		if err := r.run(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		r.checkStamps(140, 20, 0, 0)
		for i := range uint32(20) {
			if got := r.window.Sent(window.Slot{Target: i, TTL: 3}); got != stamp {
				t.Errorf("%v: target %d is stamped %d", cause, i, got)
			}
		}
	}
}

// If a firewall forbids a frame, the run ends, and no slot is left without a stamp. The error names
// the firewall and no missing privilege.
func TestSendRefused(t *testing.T) {
	for _, cause := range []error{unix.EPERM, unix.EACCES} {
		r := newRig(t, 20, unlimited())
		r.port = func([]byte) error {
			if len(r.took) == 70 {
				return cause
			}
			return nil
		}
		err := r.run(t.Context(), t.Context())
		if !errors.Is(err, ErrRefused) || !errors.Is(err, cause) {
			t.Errorf("%v: Run = %v", cause, err)
		}
		if s := err.Error(); !strings.Contains(s, "firewall") || strings.Contains(s, "CAP_") {
			t.Errorf("the error of %v is %q", cause, s)
		}
		r.checkStamps(70, 58, 0, 160-128)
	}
}

// An egress filter that drops frames to some targets looks like a full queue. The other targets are
// not delayed by more than some pauses, and each frame is tried again before it is given up.
func TestSendFiltered(t *testing.T) {
	for _, busy := range []error{unix.ENOBUFS, unix.EAGAIN} {
		for _, filtered := range []int{1, 2, 5, 10, 19} { // of 20 targets
			r := newRig(t, 20, unlimited())
			rand.New(rand.NewPCG(1, uint64(filtered))).Shuffle(len(r.items), func(i, j int) { r.items[i], r.items[j] = r.items[j], r.items[i] })
			tries := map[string]int{}
			var told []error
			r.sender.cfg.Refused = func(_ probe.Addr, cause error) { told = append(told, cause) }
			r.port = func(p []byte) error {
				if i := targetOf(p); i < filtered {
					tries[fmt.Sprint(i)]++
					return busy
				}
				return nil
			}
			start := r.now
			if err := r.run(t.Context(), t.Context()); err != nil {
				t.Fatal(err)
			}
			r.checkStamps(8*(20-filtered), 8*filtered, 0, 0)
			limit := int64(mostFull + filtered*fewestAside*2*queueFull)
			if filtered > 10 { // hardly a batch has frames that the kernel accepts
				limit = int64(filtered+1) * mostFull
			}
			if took := r.now - start; took > limit {
				t.Errorf("%v: %d targets held the rest up for %d ns", busy, filtered, took)
			}
			for target, n := range tries {
				if n < fewestAside {
					t.Errorf("%v: target %s was tried %d times", busy, target, n)
				}
			}
			if len(told) != 1 || !errors.Is(told[0], busy) {
				t.Errorf("%v: told %v", busy, told)
			}
		}
	}
}

// If the kernel accepts no frame at all, the run fails, and names the cause: after some seconds, or
// at its end.
func TestSendStuck(t *testing.T) {
	for _, after := range []int{0, 70} {
		for _, targets := range []int{1, 2, 20, 100} {
			r := newRig(t, targets, unlimited())
			r.port = func([]byte) error {
				if len(r.took) >= after {
					return unix.ENOBUFS
				}
				return nil
			}
			start := r.now
			err := r.run(t.Context(), t.Context())
			sent := min(after, targets*8)
			if fails := sent == 0 || targets >= 20; fails != errors.Is(err, ErrStuck) {
				t.Errorf("%d targets, refused after %d: Run = %v", targets, after, err)
			}
			if took := r.now - start; took > mostRefusing+mostFull {
				t.Errorf("%d targets, refused after %d: took %d ns", targets, after, took)
			}
		}
	}
}

// A low rate leaves a refused frame alone in its batch. It is then given up after a limited time.
func TestSendFilteredAlone(t *testing.T) {
	r := newRig(t, 20, ratelimit.Config{RatePPS: 100, Burst: 1})
	r.port = func(p []byte) error {
		if targetOf(p) == 4 {
			return unix.ENOBUFS
		}
		return nil
	}
	start := r.now
	if err := r.run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	r.checkStamps(152, 8, 0, 0)
	if took := r.now - start; took > 160*1e7+2*mostFull {
		t.Errorf("took %d ns", took)
	}
}

// targetOf returns the number of a packet's target.
func targetOf(p []byte) int {
	if p[0]>>4 == 4 {
		return int(p[18])<<8 | int(p[19])
	}
	return int(p[38])<<8 | int(p[39])
}

// The time for which the link is down or this process suspended does not count towards the limit
// for a frame.
func TestSendBusyAfterPause(t *testing.T) {
	for name, pause := range map[string]func(r *rig){
		"link down": func(r *rig) { r.up = false },
		"suspended": func(r *rig) { r.now += 100 * mostFull },
	} {
		r := newRig(t, 20, unlimited())
		refused, asleep := 0, 0
		r.port = func([]byte) error {
			if len(r.took) != 70 || refused == 3 {
				return nil
			}
			if refused++; refused == 1 {
				pause(r)
			}
			return unix.ENOBUFS
		}
		r.wakeup = func() {
			if asleep++; asleep > 1000 {
				r.up = true
			}
		}
		if err := r.run(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		if refused != 3 {
			t.Errorf("%s: %d refusals", name, refused)
		}
		r.checkStamps(160, 0, 0, 0)
	}
}

// A port that violates its contract ends the run. The sender uses none of its results as an index.
func TestSendBrokenPort(t *testing.T) {
	for name, port := range map[string]brokenPort{
		"fewer than none":       func(int) (int, error) { return -1, unix.ENOBUFS },
		"more than there are":   func(n int) (int, error) { return n + 1, nil },
		"none for no reason":    func(int) (int, error) { return 0, nil },
		"fewer, for no reason":  func(int) (int, error) { return -64, nil },
		"far more, with errors": func(int) (int, error) { return 1 << 40, unix.EPERM },
	} {
		r := newRig(t, 20, unlimited())
		r.sender.cfg.Port = port
		if err := r.run(t.Context(), t.Context()); !errors.Is(err, errPort) {
			t.Errorf("%s: Run = %v", name, err)
		}
		r.checkStamps(0, 64, 0, 96)

		r, q := newResetRig(t, 0)
		r.sender.cfg.Port = port
		q.Put(resetOf(1))
		r.sender.reset()
		if q.Lost.Load() != 1 || r.sender.Stats.Resets.Load() != 0 {
			t.Errorf("%s: %d resets lost, %d sent", name, q.Lost.Load(), r.sender.Stats.Resets.Load())
		}
	}
}

// brokenPort returns the results of a port for a number of frames.
type brokenPort func(frames int) (n int, err error)

func (brokenPort) Packet(int, bool) []byte                         { return make([]byte, codec.MaxSize) }
func (p brokenPort) Send(_ []int, from, to int) (n int, err error) { return p(to - from) }
func (brokenPort) Close() error                                    { return nil }
