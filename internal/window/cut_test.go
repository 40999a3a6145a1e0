package window

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Every position is in one window. Windows follow one another without a gap, and have the sizes of
// the table in the comment of Cut.
func TestCut(t *testing.T) {
	for _, s := range []Shape{
		{Targets: 1}, {Targets: 7}, {Targets: 312}, {Targets: 1, First: 1}, {Targets: 304, First: 19}, {Targets: 24, First: 3}, {Targets: 10, First: 10},
		{Targets: 8, First: 1},
	} {
		if !s.IsCut() {
			t.Fatalf("%+v cannot be cut", s)
		}
		cut := s.Cut()
		first := s.First
		if first == 0 {
			first = s.Targets
		}
		position, id := uint64(0), uint64(0)
		check := func(size int) {
			if begin := cut.Begin(id); begin != position {
				t.Fatalf("%+v: window %d begins at %d, want %d", s, id, begin, position)
			}
			for range size {
				if got := cut.Window(position); got != id {
					t.Fatalf("%+v: position %d is in window %d, want %d", s, position, got, id)
				}
				position++
				if got := cut.Count(position); got != id+1 {
					t.Fatalf("%+v: %d targets are %d windows, want %d", s, position, got, id+1)
				}
			}
			id++
		}
		if first < s.Targets {
			check(first)
		}
		for size := first; size < s.Targets; size *= 2 {
			check(size)
		}
		for range 5 {
			check(s.Targets)
		}
		if cut.Count(0) != 0 {
			t.Errorf("%+v: no target is in a window", s)
		}
	}
	for _, s := range []Shape{{Targets: 10, First: 3}, {Targets: 30, First: 10}, {Targets: 8, First: 16}, {Targets: 8, First: -1}} {
		if s.IsCut() {
			t.Errorf("%+v can be cut", s)
		}
	}
}

// A position of the largest order is found without an overflow.
func TestCutLargest(t *testing.T) {
	s := Shape{Targets: 1 << 20, First: 1 << 16}
	cut := s.Cut()
	const last = 1<<53 - 1
	id := cut.Window(last)
	if begin, end := cut.Begin(id), cut.Begin(id+1); begin > last || end != last+1 {
		t.Errorf("window %d has the positions from %d to %d", id, begin, end)
	}
}

// A product replaces a division, for all sizes of windows and all positions.
func TestCutUnits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100_000 {
		first := 1 + r.Uint64()>>(1+r.IntN(63))
		cut := (&Shape{Targets: int(first)}).Cut()
		near := r.Uint64() >> r.IntN(64) / first * first // the first position of a unit
		for _, position := range []uint64{0, 1, first - 1, first, near, near - 1, r.Uint64(), math.MaxUint64 - 1, math.MaxUint64} {
			if got, want := cut.units(position), position/first; got != want {
				t.Fatalf("%d/%d = %d, want %d", position, first, got, want)
			}
		}
	}
}
