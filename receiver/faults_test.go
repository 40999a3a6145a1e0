package receiver

import (
	"context"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// dropper counts drops as a kernel does, and keeps the faults that it is told.
type dropper struct {
	*script
	at      []int64 // when frames are dropped, time of the run
	dropped [][2]int64
	lagged  [][2]int64
}

func (d *dropper) Drops() (kernel, iface uint64, err error) {
	for _, at := range d.at {
		if at <= d.now-wall {
			kernel++
		}
	}
	return kernel, 0, nil
}

func (d *dropper) Dropped(from, to int64) { d.dropped = append(d.dropped, [2]int64{from, to}) }
func (d *dropper) Lagged(from, to int64)  { d.lagged = append(d.lagged, [2]int64{from, to}) }

func (d *dropper) play(t *testing.T) {
	t.Helper()
	d.TB, d.now, d.lastCall = t, wall, wall
	for i := range d.arrivals {
		d.arrivals[i].at += wall
		d.arrivals[i].stamp += wall
	}
	r, err := New(d.script, newCodec(t, probe.UDP), d.script)
	if err != nil {
		t.Fatal(err)
	}
	r.Watch(d, d)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d.cancel = cancel
	if err := r.Run(ctx, d); err != nil {
		t.Fatal(err)
	}
}

// Replies implements Sink: faults before a time are told before that time is.
func (d *dropper) Replies(batch []probe.Reply, upTo int64) {
	for _, at := range d.at {
		if at > 0 && wall+at < upTo && !d.covers(d.dropped, wall+at) {
			d.Errorf("the sink hears of %d ms before the drop at %d ms is known", (upTo-wall)/ms, at/ms)
		}
	}
	d.script.Replies(batch, upTo)
}

func (d *dropper) covers(spans [][2]int64, at int64) bool {
	for _, s := range spans {
		if s[0] <= at && at <= s[1] {
			return true
		}
	}
	return false
}

// Each drop is in a reported span, busy or idle, and spans are short. Drops before the run are
// not reported.
func TestWatchDrops(t *testing.T) {
	good, _, _ := testFrames(t)
	d := &dropper{script: &script{block: blockNS}, at: []int64{-5 * ms, 7 * ms, 8 * ms, 55 * ms, 130 * ms}}
	for i := range int64(60) { // then nothing comes
		d.arrivals = append(d.arrivals, arrival{at: i * ms, stamp: i * ms, frame: good})
	}
	d.play(t)
	for _, at := range d.at[1:] {
		if !d.covers(d.dropped, wall+at) {
			t.Errorf("nobody is told of the drop at %d ms: %v", at/ms, d.dropped)
		}
	}
	for _, s := range d.dropped {
		if s[1]-s[0] > 3*blockNS || s[0] < wall-blockNS {
			t.Errorf("a span from %d to %d ms", (s[0]-wall)/ms, (s[1]-wall)/ms)
		}
	}
	if len(d.dropped) > 3 || len(d.lagged) > 0 {
		t.Errorf("dropped %v, lagged %v", d.dropped, d.lagged)
	}
}

// Frames that waited for long lagged, and only those: up to MaxLag before they
// were read, and some of the block before.
func TestWatchLag(t *testing.T) {
	good, _, _ := testFrames(t)
	d := &dropper{script: &script{block: blockNS}}
	for i := range int64(300) {
		d.arrivals = append(d.arrivals, arrival{at: i * ms, stamp: i * ms, frame: good})
	}
	d.onNext = func(s *script) {
		if s.now == wall+100*ms { // the process is suspended
			s.now = wall + 200*ms
		}
	}
	d.play(t)
	if len(d.replies) != 300 {
		t.Fatalf("%d replies", len(d.replies))
	}
	for _, r := range d.replies {
		at := (r.Stamp - wall) / ms
		if at >= 90 && at < 100 {
			continue // not known
		}
		if want := at >= 100 && at <= 150; d.covers(d.lagged, r.Stamp) != want {
			t.Errorf("the reply of %d ms: lagged %t, want %t: %v", at, !want, want, d.lagged)
		}
	}
}

// To watch costs no allocation.
func TestWatchAllocs(t *testing.T) {
	d := &dropper{script: &script{block: blockNS}}
	d.TB, d.now = t, wall
	r, err := New(d.script, newCodec(t, probe.UDP), d.script)
	if err != nil {
		t.Fatal(err)
	}
	r.Watch(d, d)
	if n := testing.AllocsPerRun(100, func() { r.readClock(); r.faults.checkLag(wall, wall, blockNS) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
