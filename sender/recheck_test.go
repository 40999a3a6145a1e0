package sender

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
)

// A target that is excluded while the sender runs gets no more probes. That holds for prepared
// probes, and for those that were built and refused by the kernel. They are stamped as Excluded.
func TestExcludedLater(t *testing.T) {
	const targets = 20
	excluded := addrOf(4)
	for _, full := range []error{nil, unix.ENOBUFS} {
		r := newRig(t, targets, ratelimit.Config{RatePPS: 1000, Burst: 16})
		frames, after := 0, 0
		r.port = func(packet []byte) error {
			switch {
			case frames == 3 && full != nil && r.change == 0:
				return full
			case r.change > 0 && string(packet[16:20]) == string(excluded[12:16]) && packet[0]>>4 == 4:
				after++
			}
			frames++
			return nil
		}
		r.wakeup = func() {
			if frames >= 3 && r.change == 0 {
				r.excluded[excluded] = true
				r.change++
			}
		}
		// One TTL after the other, so that each batch contains most targets.
		items := r.items
		r.items = nil
		for ttl := range 8 {
			for i := range targets {
				r.items = append(r.items, items[i*8+ttl])
			}
		}
		if err := r.run(t.Context(), context.Background()); err != nil {
			t.Fatal(err)
		}
		sent, stamped := 0, 0
		for ttl := uint8(1); ttl <= 8; ttl++ {
			switch at := r.window.Sent(window.Slot{Target: 4, TTL: ttl}); {
			case at > 0:
				sent++
			case at == window.Excluded:
				stamped++
			}
		}
		if after > 0 || sent+stamped != 8 || stamped < 7 || full != nil && stamped != 8 {
			t.Errorf("%v: %d sent after the exclusion; of 8 slots %d sent, %d excluded", full, after, sent, stamped)
		}
		if frames != targets*8-stamped || int(r.sender.Stats.Excluded.Load()) != stamped {
			t.Errorf("%v: %d frames, %d excluded; want all others sent", full, frames, r.sender.Stats.Excluded.Load())
		}
		if r.sender.Checked() < r.change {
			t.Errorf("%v: checked up to %d", full, r.sender.Checked())
		}
	}
}
