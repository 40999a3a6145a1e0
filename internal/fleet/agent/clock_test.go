package agent

import (
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
)

// Whatever the ways take, the offset is within its error, and the best reading is the one with the
// shortest way.
func TestClockOffset(t *testing.T) {
	rng := effort.Rand(t)
	for range effort.Count(2000, 200_000) {
		truth := rng.Int64N(int64(20*time.Minute)) - int64(10*time.Minute) // ours minus the hub's
		var c clockOffset
		now := time.Now()
		least := int64(1 << 62)
		for range 1 + rng.IntN(50) {
			there, inside, back := time.Duration(rng.IntN(1e8)), time.Duration(rng.IntN(1e9)), time.Duration(rng.IntN(1e8))
			came := now.Add(there + inside + back)
			hub := now.UnixNano() - truth + int64(there)
			c.add(exchange{sent: now, came: came, hubCame: hub, hub: hub + int64(inside)})
			least = min(least, int64(there+back))
			now = came
		}
		r, ok := c.best(now)
		if wrong := r.offset - truth; !ok || wrong > r.err || -wrong > r.err {
			t.Fatalf("offset %d within %d, want %d", r.offset, r.err, truth)
		}
		if c.count <= len(c.readings) && r.err > least/2+1+int64(now.Sub(c.readings[0].at).Milliseconds())*drift {
			t.Fatalf("an error of %d, and the shortest way took %d", r.err, least)
		}
	}
}

// A clock that was set has a new offset at once; one that is corrected slowly keeps its readings. Old
// readings get worse.
func TestClockIsSet(t *testing.T) {
	var c clockOffset
	at := time.Now()
	hub := at.UnixNano()
	c.add(exchange{sent: at, came: at.Add(1000), hubCame: hub, hub: hub})
	old, _ := c.best(at.Add(time.Hour))
	if want := 501 + int64(time.Hour/time.Millisecond)*drift; old.err > want || old.err < want-drift {
		t.Errorf("an hour later the error is %d, want %d", old.err, want)
	}
	for _, tt := range []struct {
		steady, shown time.Duration
		want          bool
	}{
		{time.Second, time.Second, false},
		{time.Second, time.Second + 5*time.Millisecond, false},
		{time.Second, time.Second + 3*time.Minute, true},
		{time.Second, time.Second - 20*time.Millisecond, true},
		{time.Hour, time.Hour + 1800*time.Millisecond, false}, // 500 parts in a million
	} {
		// Without monotonic clocks, Sub takes the difference that a clock shows.
		before, after := at.Round(0), at.Round(0).Add(tt.shown)
		if got := differ(tt.steady, after.Sub(before)); got != tt.want {
			t.Errorf("%v became %v: set %v, want %v", tt.steady, tt.shown, got, tt.want)
		}
	}
}
