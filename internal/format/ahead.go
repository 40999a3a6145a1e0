package format

import (
	"io"
	"os"
)

// Limits of the data that is decompressed ahead of its use.
const (
	aheadBlocks = 3
	aheadLen    = 128 << 10 // octets of a block; a block of Zstandard has no more
)

// ahead is a reader that decompresses in a goroutine of its own, while the data before is used. It
// hands over each block as soon as it is there, so that a reader can follow a growing file. One
// goroutine calls Read and Close.
//
// The goroutine ends at the end of the stream or after Close. If it then waits for input, it ends
// with the next input: Close does not wait for it.
type ahead struct {
	full  chan block
	empty chan []byte
	stop  chan struct{}

	buffer []byte // of the block that is being used, nil if there is none
	rest   []byte // of that block
	err    error  // after it
}

// block is a result of Read.
type block struct {
	data []byte
	err  error
}

// readAhead returns a reader of in. It owns in, and closes it.
func readAhead(in io.ReadCloser) *ahead {
	// Each channel has room for all blocks, so that nothing waits to send.
	a := &ahead{full: make(chan block, aheadBlocks), empty: make(chan []byte, aheadBlocks), stop: make(chan struct{})}
	for range aheadBlocks {
		a.empty <- make([]byte, aheadLen)
	}
	go a.run(in)
	return a
}

// run reads blocks until the end or Close.
func (a *ahead) run(in io.ReadCloser) {
	defer in.Close()
	for {
		select {
		case <-a.stop:
			return
		case buffer := <-a.empty:
			n, err := in.Read(buffer)
			a.full <- block{buffer[:n], err}
			if err != nil {
				return
			}
		}
	}
}

// Read implements io.Reader.
func (a *ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		if a.buffer != nil {
			a.empty <- a.buffer
		}
		b := <-a.full
		a.buffer, a.rest, a.err = b.data[:cap(b.data)], b.data, b.err
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// Close ends the reading.
func (a *ahead) Close() error {
	select {
	case <-a.stop:
	default:
		close(a.stop)
	}
	a.rest, a.err = nil, os.ErrClosed
	return nil
}
