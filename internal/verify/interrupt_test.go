package verify

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/masstrace/masstrace/internal/format/all"
)

// endsAfter is a context that ends after a number of calls of Err.
type endsAfter struct {
	context.Context
	left int
}

func (e *endsAfter) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

// A comparison that must stop returns the error of its context, at any point.
func TestInterrupted(t *testing.T) {
	text, log := (&prober{preset: "default"}).run(t)
	for n, last := 0, false; !last; n += 1 + n/7 {
		ctx := &endsAfter{t.Context(), n}
		a, err := readLog(ctx, bytes.NewReader(log), 0, nil)
		if err == nil {
			in, opened := all.New(bytes.NewReader(text))
			if opened != nil {
				t.Fatal(opened)
			}
			_, err = compare(ctx, []results{{File: in}}, a, options{})
		}
		if last = err == nil; !last && !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d looks: %v", n, err)
		}
	}
}

// If the sort of a log must stop, the rest stays unsorted, and no probe is lost.
func TestInterruptedSort(t *testing.T) {
	const n = 1 << 20
	for _, looks := range []int{0, 1, 5} {
		ctx := &endsAfter{t.Context(), looks}
		a := &asked{flows: make([]flow, 1), over: func() bool { return ctx.Err() != nil }}
		for i := range n {
			a.probes = append(a.probes, sent{time: int64(i * 7919 % n)})
		}
		a.sort()
		seen := make([]bool, n)
		for i := range a.probes {
			seen[a.probes[i].time] = true
		}
		for i := range seen {
			if !seen[i] {
				t.Fatalf("after %d looks probe %d is gone", looks, i)
			}
		}
	}
}
