package commands

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestInterruptibleReads(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 3*mostRead/16+1)
	if err := iotest.TestReader(newInterruptible(t.Context(), bytes.NewReader(content)), content); err != nil {
		t.Error(err)
	}
	failure := errors.New("a failure")
	if _, err := newInterruptible(t.Context(), iotest.ErrReader(failure)).Read(make([]byte, 1)); err != failure {
		t.Errorf("%v, want %v", err, failure)
	}
}

// A read that is held up returns when the context ends, and so does each later one. Bytes
// that arrive then do not reach the buffer of the caller.
func TestInterruptibleEnds(t *testing.T) {
	in, out := io.Pipe()
	defer in.Close()
	ctx, cancel := context.WithCancel(t.Context())
	r := newInterruptible(ctx, in)
	p := make([]byte, 8)
	go func() { _, _ = out.Write([]byte("abc")) }() // after which the pipe is empty
	if n, err := io.ReadFull(r, p[:3]); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	go cancel() // not before: a read may return the error instead of its bytes
	if n, err := r.Read(p); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("held up: %d, %v; want the context's error", n, err)
	}
	go func() { _, _ = out.Write([]byte("xyz")) }()
	if n, err := r.Read(p); n != 0 || !errors.Is(err, context.Canceled) || string(p[:3]) != "abc" {
		t.Errorf("after the end: %d, %v, %q", n, err, p)
	}
}
