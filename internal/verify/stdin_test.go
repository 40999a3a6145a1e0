package verify

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/masstrace/masstrace/internal/format/all"
)

// endsAfter is a context that ends when it was asked some times.
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

// A comparison that is given up ends with the error of its context, wherever that is.
func TestInterrupted(t *testing.T) {
	results, log := (&prober{preset: "default"}).run(t)
	for n, last := 0, false; !last; n += 1 + n/7 {
		ctx := &endsAfter{t.Context(), n}
		a, err := readLog(ctx, bytes.NewReader(log), nil)
		if err == nil {
			in, opened := all.New(bytes.NewReader(results))
			if opened != nil {
				t.Fatal(opened)
			}
			_, err = compare(ctx, in, a, options{})
		}
		if last = err == nil; !last && !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d looks: %v", n, err)
		}
	}
}

// The sort of a log that is given up leaves the rest unsorted, and all probes there.
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

// Results that do not come do not keep a comparison from being given up.
func TestInterruptedInput(t *testing.T) {
	in, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	c := files(t, &prober{preset: "clean"})
	c.Results, c.Stdin = "-", in
	ended := make(chan error)
	go func() {
		_, err := Run(ctx, c)
		ended <- err
	}()
	if _, err := w.Write([]byte(`{"type":"cycle-start"}` + "\n")); err != nil { // now it reads
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestUntilEnd(t *testing.T) {
	text := strings.Repeat("0123456789", 20_000)
	if err := iotest.TestReader(&untilEnd{ctx: t.Context(), in: iotest.HalfReader(strings.NewReader(text))}, []byte(text)); err != nil {
		t.Error(err)
	}
	broken := errors.New("broken")
	u := &untilEnd{ctx: t.Context(), in: iotest.DataErrReader(io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(broken)))}
	if b, err := io.ReadAll(u); string(b) != "ab" || err != broken {
		t.Errorf("%q, %v", b, err)
	}
}
