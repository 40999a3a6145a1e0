package schedule

import (
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/window"
)

// glutton is a traversal that takes all items it is offered, until it has had enough.
type glutton struct {
	window *window.Window
	left   int
}

func (g *glutton) begin(w *window.Window, _ int64) { g.window, g.left = w, 5 }

func (g *glutton) next(items []window.Item, now int64) (n int, wake int64) {
	if g.left == 0 {
		return 0, Done
	}
	for i := range items {
		items[i] = window.Item{Window: g.window}
	}
	g.left--
	return len(items), now
}

// Windows abreast take turns, and the next one takes the place of one that is done. Without any, the oldest
// goes first.
func TestTakeTurns(t *testing.T) {
	for abreast, want := range map[int][]uint64{
		0: {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2},
		1: {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2},
		2: {1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 2, 2, 2, 2, 2},
		8: {1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0},
	} {
		ready := make(chan *window.Window, window.Live)
		for i := range uint64(3) {
			w := window.New(window.Shape{Targets: 1, FirstTTL: 1, LastTTL: 1, Flows: 1, Attempts: 1})
			w.Position = i
			ready <- w
		}
		close(ready)
		s := traversals[*glutton]{ready: ready, fresh: func() *glutton { return new(glutton) }, abreast: abreast}
		var got []uint64
		items := make([]window.Item, 1)
		for now := int64(1); ; now += 10 * poll {
			n, next := s.next(items, now)
			if n == 0 && next == Done {
				break
			}
			for _, item := range items[:n] {
				got = append(got, item.Window.Position)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d abreast: items of windows %d, want %d", abreast, got, want)
		}
	}
}

// A search waits longer for routers beyond the farthest that answered, since their RTT may be longer.
func TestSearchPatience(t *testing.T) {
	const ms = 1e6
	for _, tt := range []struct {
		longest  int64
		farthest uint8
		ttl      uint8
		want     int64
	}{
		{0, 0, 3, patience},
		{10 * ms, 5, 5, leastPatience},
		{10 * ms, 5, 6, 2 * leastPatience},
		{90 * ms, 5, 4, scaled(90*ms, steadyRTTs)},
		{90 * ms, 5, 6, 2 * leastPatience},
		{160 * ms, 5, 6, scaled(160*ms, steadyRTTs)},
		{900 * ms, 5, 4, patience},
	} {
		h := hunt{longest: tt.longest, farthest: tt.farthest}
		if got := h.patience(tt.ttl); got != tt.want {
			t.Errorf("longest RTT %d ms, answers up to TTL %d: wait %d ms at TTL %d, want %d",
				tt.longest/ms, tt.farthest, got/ms, tt.ttl, tt.want/ms)
		}
	}
}
