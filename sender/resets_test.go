package sender

import (
	"context"
	"net/netip"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/ratelimit"
)

func resetOf(i int) probe.Probe { return probe.Probe{Target: addrOf(i), TTL: uint8(1 + i%8)} }

// newResetRig returns a rig whose probes are SYNs and that has a queue of resets.
func newResetRig(t *testing.T, targets int) (*rig, *Resets) {
	t.Helper()
	r := newRig(t, targets, ratelimit.Config{RatePPS: 1000})
	c, err := codec.New(codec.Config{
		Method: probe.TCPSYN, Source4: netip.MustParseAddr("45.1.2.3"), Source6: netip.MustParseAddr("2a00:2::7"),
		DstPort: 80, Flows: 1, MinTTL: 1, MaxTTL: 8, Attempts: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := r.sender.cfg
	cfg.Codec, cfg.Resets = c, new(Resets)
	r.sender = New(cfg)
	return r, cfg.Resets
}

// sorted splits the packets of the link into probes and resets, by the flags.
func (r *rig) sorted() (probes, resets [][]byte) {
	for _, b := range r.took {
		at := 20
		if b[0]>>4 == 6 {
			at = 40
		}
		if b[at+13] == 4 {
			resets = append(resets, b)
		} else {
			probes = append(probes, b)
		}
	}
	return probes, resets
}

func TestResetsRing(t *testing.T) {
	q := new(Resets)
	next := 0
	for i := range 3 * resetRoom {
		if q.Put(resetOf(i)); q.Lost.Load() > 0 {
			break
		}
		if i%3 == 0 {
			if p, ok := q.take(); !ok || p != resetOf(next) {
				t.Fatalf("took %+v, %t; want number %d", p, ok, next)
			}
			next++
		}
	}
	if q.Lost.Load() != 1 {
		t.Errorf("%d lost, want the one that there was no room for", q.Lost.Load())
	}
	if q.Waiting() != resetRoom {
		t.Errorf("%d wait, want %d", q.Waiting(), resetRoom)
	}
	n := 0
	for p, ok := q.take(); ok; p, ok = q.take() {
		if p != resetOf(next) {
			t.Fatalf("took %+v; want number %d", p, next)
		}
		next++
		n++
	}
	if n != resetRoom {
		t.Errorf("%d were waiting, want %d", n, resetRoom)
	}
}

// Resets that one goroutine puts reach another complete and in order.
func TestResetsConcurrently(t *testing.T) {
	const n = 100_000
	q := new(Resets)
	go func() {
		for i := range n {
			for q.put.Load()-q.got.Load() == resetRoom {
				runtime.Gosched()
			}
			q.Put(resetOf(i))
		}
	}()
	for i := 0; i < n; {
		p, ok := q.take()
		if !ok {
			runtime.Gosched()
			continue
		}
		if p != resetOf(i) {
			t.Fatalf("took %+v; want number %d", p, i)
		}
		i++
	}
}

// Resets leave between batches, only to allowed targets. They take no tokens and do not count as
// probes.
func TestResetsBetweenBatches(t *testing.T) {
	r, q := newResetRig(t, 10)
	r.excluded[addrOf(3)] = true
	put := 0
	r.wakeup = func() {
		for range 2 {
			if put < 50 {
				q.Put(resetOf(put % 10))
				put++
			}
		}
	}
	if err := r.run(context.Background(), context.Background()); err != nil {
		t.Fatal(err)
	}
	probes, resets := r.sorted()
	if put != 50 || len(resets) != 45 || len(probes) != 72 {
		t.Fatalf("%d probes and %d resets left, want 72 and 45 of %d", len(probes), len(resets), put)
	}
	s := &r.sender.Stats
	if s.Sent.Load() != 72 || s.Resets.Load() != 45 || s.Errors.Load() != 0 || q.Lost.Load() != 0 {
		t.Errorf("counted %d sent, %d resets, %d errors, %d lost", s.Sent.Load(), s.Resets.Load(), s.Errors.Load(), q.Lost.Load())
	}
	for _, b := range resets {
		if excluded := addrOf(3); b[0]>>4 == 6 && probe.Addr(b[24:40]) == excluded {
			t.Error("a reset for an excluded target")
		}
	}
	// 1000 probes a second, with or without resets.
	if took := float64(r.now) / 1e9; took < 0.06 || took > 0.2 {
		t.Errorf("%.3f s for 80 probes", took)
	}
}

// A reset that the kernel does not accept is lost and delays nothing.
func TestResetsRefused(t *testing.T) {
	r, q := newResetRig(t, 0)
	for i := range 100 {
		q.Put(resetOf(i))
	}
	left := 10
	r.port = func([]byte) error {
		if left--; left < 0 {
			return unix.ENOBUFS
		}
		return nil
	}
	for range 3 {
		r.sender.reset()
	}
	if s := r.sender.Stats.Resets.Load(); s != 10 || q.Lost.Load() != 90 {
		t.Errorf("%d sent and %d lost, want 10 and 90", s, q.Lost.Load())
	}
}

// After the last probe, resets still leave until the context ends.
func TestLinger(t *testing.T) {
	r, q := newResetRig(t, 1)
	if err := r.run(context.Background(), context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	asleep := 0
	r.wakeup = func() {
		if asleep++; asleep <= 5 {
			q.Put(resetOf(asleep))
		}
		if asleep == 5 { // the last one comes when ctx has ended
			cancel()
		}
	}
	r.sender.Linger(ctx)
	if _, resets := r.sorted(); len(resets) != 5 {
		t.Errorf("%d resets left, want 5", len(resets))
	}
	none := newRig(t, 0, ratelimit.Config{RatePPS: 1000})
	none.sender.Linger(context.Background()) // returns at once
}

func TestResetAllocations(t *testing.T) {
	r, q := newResetRig(t, 0)
	r.sender.cfg.Port = idlePort{r}
	i := 0
	if n := testing.AllocsPerRun(100, func() {
		i++
		q.Put(resetOf(i))
		r.sender.reset()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// idlePort accepts every frame and stores none.
type idlePort struct{ *rig }

func (idlePort) Send(_ []int, from, to int) (int, error) { return to - from, nil }
