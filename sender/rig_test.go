package sender

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
)

// epoch is the offset from the virtual clock of the rig to stamps.
const epoch = int64(1e18)

// sending is the frames that the fake link accepted at one time.
type sending struct {
	at int64 // virtual time
	n  int
}

// rig is a sender on a virtual clock. The rig itself is the sender's clock and sleeper, source,
// port, and last check.
type rig struct {
	testing.TB
	sender *Sender
	window *window.Window

	now    int64
	sleeps int
	wakeup func() // called at each sleep
	broken error  // error that each sleep returns

	items  []window.Item // the rest of the source
	halted int           // number of calls of Halt
	asked  int

	// port returns the result for a frame: nil, or an error of the kernel.
	port     func(packet []byte) error
	frames   [MaxBatch][codec.MaxSize]byte
	took     [][]byte
	sendings []sending
	calls    int
	perCall  int // most frames that one call accepts, 0 for no limit

	excluded map[probe.Addr]bool
	change   uint64
	up, gone bool
}

func addrOf(i int) probe.Addr {
	if i%2 == 1 {
		return probe.Addr{0: 0x2a, 1: 0, 2: 1, 14: byte(i >> 8), 15: byte(i)}
	}
	return probe.Addr4From([4]byte{11, 0, byte(i >> 8), byte(i)})
}

func newRig(t testing.TB, targets int, bucket ratelimit.Config) *rig {
	t.Helper()
	c, err := codec.New(codec.Config{
		Method: probe.UDP, Source4: netip.MustParseAddr("45.1.2.3"), Source6: netip.MustParseAddr("2a00:2::7"),
		DstPort: 33434, Flows: 1, MinTTL: 1, MaxTTL: 8, Attempts: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	shape := window.Shape{Targets: targets, FirstTTL: 1, LastTTL: 8, Flows: 1, Attempts: 2}
	r := &rig{
		TB: t, now: 5000, up: true, window: window.New(shape), excluded: map[probe.Addr]bool{},
		port: func([]byte) error { return nil }, wakeup: func() {},
	}
	r.window.Open(3)
	for i := range targets {
		r.window.Append(addrOf(i))
		for ttl := uint8(1); ttl <= 8; ttl++ {
			r.items = append(r.items, window.Item{Window: r.window, Slot: window.Slot{Target: uint32(i), TTL: ttl}})
		}
	}
	r.sender = New(Config{
		Codec: c, Source: r, Port: r, Allowed: r, Bucket: ratelimit.NewShared(bucket, r.now).Share(), Clock: r, Shape: shape,
		Epoch: epoch, Up: func() bool { return r.up }, Gone: func() bool { return r.gone },
	})
	return r
}

func (r *rig) run(ctx, stop context.Context) error { return r.sender.Run(ctx, stop, r) }

func (r *rig) Now() int64 { return r.now }

func (r *rig) Until(ctx context.Context, at int64) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r.sleeps++; r.sleeps > 1_000_000 {
		r.Fatal("sleeps for ever")
	}
	r.now = max(r.now, at)
	r.wakeup()
	return cmp.Or(ctx.Err(), r.broken)
}

func (r *rig) Next(items []window.Item, now int64) (int, int64) {
	r.asked++
	if now != r.now+epoch {
		r.Fatalf("asked at %d, not %d", now, r.now+epoch)
	}
	n := copy(items, r.items)
	r.items = r.items[n:]
	if n < len(items) {
		return n, done
	}
	return n, now
}

func (r *rig) Halt() { r.halted, r.items = r.halted+1, nil }

func (r *rig) Contains(a probe.Addr) bool { return !r.excluded[a] }
func (r *rig) Change() uint64             { return r.change }

func (r *rig) Packet(i int, _ bool) []byte {
	clear(r.frames[i][:])
	return r.frames[i][:]
}

func (r *rig) Send(sizes []int, from, to int) (n int, err error) {
	r.calls++
	r.now += 1000 // duration of a system call
	for i := from; i < to; i++ {
		if r.perCall > 0 && n == r.perCall {
			break
		}
		packet := r.frames[i][:sizes[i]]
		if err = r.port(packet); err != nil {
			break
		}
		r.took = append(r.took, slices.Clone(packet))
		n++
	}
	r.sendings = append(r.sendings, sending{r.now, n})
	if n > 0 {
		err = nil // as sendmmsg does
	}
	return n, err
}

func (r *rig) Close() error { return nil }

// stamps counts the slots of the window by the kind of their stamp.
func (r *rig) stamps() (sent, failed, excluded, untouched int) {
	for i := range r.window.Len() {
		for ttl := uint8(1); ttl <= 8; ttl++ {
			switch ns := r.window.Sent(window.Slot{Target: uint32(i), TTL: ttl}); {
			case ns > 0:
				sent++
			case window.IsFailed(ns):
				failed++
			case ns == window.Excluded:
				excluded++
			default:
				untouched++
			}
		}
	}
	return sent, failed, excluded, untouched
}

func (r *rig) checkStamps(sent, failed, excluded, untouched int) {
	r.Helper()
	s, f, e, u := r.stamps()
	if s != sent || f != failed || e != excluded || u != untouched {
		r.Errorf("%d sent, %d failed, %d excluded, %d untouched; want %d, %d, %d, %d",
			s, f, e, u, sent, failed, excluded, untouched)
	}
	stats := &r.sender.Stats
	if got := stats.Sent.Load(); got != uint64(len(r.took)) || int(got) != sent {
		r.Errorf("counted %d sent, the port took %d", got, len(r.took))
	}
	if stats.Errors.Load() != uint64(failed) || stats.Excluded.Load() != uint64(excluded) {
		r.Errorf("counted %d errors, %d excluded", stats.Errors.Load(), stats.Excluded.Load())
	}
}

// ttl returns the TTL or hop limit of a packet.
func ttl(packet []byte) byte {
	if packet[0]>>4 == 4 {
		return packet[8]
	}
	return packet[7]
}

func unlimited() ratelimit.Config { return ratelimit.Config{} }
