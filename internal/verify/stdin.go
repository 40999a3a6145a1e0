package verify

import (
	"context"
	"io"
)

// untilEnd reads from a stream that may have nothing to read for long. When ctx ends, Read
// returns its error at once, and so does every later one: the read of the stream that is
// still under way then is left alone, with its octets.
type untilEnd struct {
	ctx  context.Context
	in   io.Reader
	room [64 << 10]byte
	rest []byte // of room
	err  error
}

// Read implements io.Reader.
func (u *untilEnd) Read(b []byte) (int, error) {
	if len(u.rest) == 0 && u.err == nil {
		u.fill()
	}
	n := copy(b, u.rest)
	if u.rest = u.rest[n:]; n > 0 || len(b) == 0 {
		return n, nil
	}
	return 0, u.err
}

// fill reads once more.
func (u *untilEnd) fill() {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := u.in.Read(u.room[:])
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		u.rest, u.err = u.room[:r.n], r.err
	case <-u.ctx.Done():
		u.err = u.ctx.Err()
	}
}
