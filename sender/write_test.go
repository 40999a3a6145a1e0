package sender

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
)

// A frame is sent to a full queue again and again until the queue accepts it. Its stamp is then the
// time at which it left.
func TestSendBusy(t *testing.T) {
	for _, busy := range []error{unix.ENOBUFS, unix.EAGAIN, unix.EINTR} {
		r := newRig(t, 10, unlimited())
		refused := 0
		r.port = func(p []byte) error {
			if ttl(p) == 5 && refused < 7 {
				refused++
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
		// The fifth frame was refused seven times, at intervals of 200 µs. The first
		// refusal came in a call that accepted four frames.
		at := r.window.Sent(window.Slot{Target: 0, TTL: 5}) - epoch
		if first := r.window.Sent(window.Slot{Target: 0, TTL: 4}) - epoch; at < first+6*queueFull {
			t.Errorf("%v: stamped %d, its neighbour that was taken at once %d", busy, at, first)
		}
		for i := 1; i < len(r.sendings); i++ {
			if r.sendings[i-1].n == 0 && r.sendings[i].at-r.sendings[i-1].at < queueFull {
				t.Errorf("%v: asked again after %d ns", busy, r.sendings[i].at-r.sendings[i-1].at)
			}
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
	for _, cause := range []error{unix.EMSGSIZE, unix.EINVAL, unix.EAFNOSUPPORT} {
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
			if got := r.window.Sent(window.Slot{Target: i, TTL: 3}); got != window.Failed {
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

// A queue may be full only for frames to one target: an egress filter that drops them looks like
// that. It delays the other targets for a limited time. So does a link that is down only for the
// kernel.
func TestSendBusyForEver(t *testing.T) {
	for _, busy := range []error{unix.ENOBUFS, unix.EAGAIN, unix.ENETDOWN} {
		r := newRig(t, 20, unlimited())
		r.port = func(p []byte) error {
			if p[0]>>4 == 4 && probe.Addr4From([4]byte(p[16:])) == addrOf(4) {
				return busy
			}
			return nil
		}
		start := r.now
		if err := r.run(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		r.checkStamps(152, 8, 0, 0)
		if took := r.now - start; took < 8*mostFull || took > 9*mostFull {
			t.Errorf("%v: 8 frames held the rest up for %d ns", busy, took)
		}
	}
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
