package programs

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/gopacket/pcap"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/netns"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/record"
)

// Frames with a wrong checksum make no record. Copies of true replies come from the first
// router. Unchanged copies are duplicates. Others have a checksum of the IP header or of
// ICMP that is wrong by one.
func TestWrongChecksums(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	const port = 41953
	for _, tt := range []struct {
		target  string
		filter  string
		offsets []int // of checksums, in the frame
	}{
		// By the port that they quote: replies to this scan alone.
		{"45.16.0.0/18", fmt.Sprintf("icmp[0] = 11 and icmp[30:2] = %d", port), []int{14 + 10, 14 + 20 + 2}},
		{"2a00:16::/42", fmt.Sprintf("icmp6 and ip6[40] = 3 and ip6[90:2] = %d", port), []int{14 + 40 + 2}},
	} {
		ours, err := listen("uplink0", tt.filter, pcap.DirectionIn)
		if err != nil {
			t.Fatal(err)
		}
		fd := -1
		netns.Within(t, routerNode, func() error {
			fd, err = rawSocket(routerDevice)
			return err
		})
		const most = 20
		var copied atomic.Uint64
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- repeat(ctx, ours, fd, tt.offsets, most, &copied) }()
		c := config(tt.target)
		c.RatePPS, c.MaxTTL, c.Wait, c.Records, c.DstPort = 200, 1, 500e6, record.Both, port
		r := runScan(t, c)
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		ours.Close()
		unix.Close(fd)

		n, s := copied.Load(), r.summary
		if n != most || s.Duplicates != n || s.Rejected.Checksum != n*uint64(len(tt.offsets)) || s.Answered != s.Sent {
			t.Errorf("%d replies replayed, summary %+v", n, s)
		}
		if got := uint64(len(r.replies)); got != s.Answered+s.Duplicates {
			t.Errorf("%d reply records, want %d answers and %d duplicates", got, s.Answered, s.Duplicates)
		}
	}
}

// repeat takes frames from h and sends each by fd as it is, and once with every
// checksum off, until ctx ends. It copies at most so many, and none of its own.
func repeat(ctx context.Context, h *pcap.Handle, fd int, offsets []int, most uint64, copied *atomic.Uint64) error {
	seen := map[string]bool{}
	for ctx.Err() == nil {
		frame, _, err := h.ReadPacketData()
		if errors.Is(err, pcap.NextErrorTimeoutExpired) {
			continue
		}
		if err != nil {
			return err
		}
		if copied.Load() == most || seen[string(frame[14:])] {
			continue
		}
		seen[string(frame[14:])] = true
		for _, at := range append([]int{-1}, offsets...) {
			forged := append([]byte(nil), frame...)
			if at >= 0 {
				forged[at] ^= 1
			}
			seen[string(forged[14:])] = true
			if _, err := unix.Write(fd, forged); err != nil {
				return err
			}
		}
		copied.Add(1)
	}
	return nil
}
