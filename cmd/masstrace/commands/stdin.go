package commands

import (
	"context"
	"io"
	"io/fs"

	"github.com/masstrace/masstrace/internal/outfile"
)

// interruptible is a reader whose Read returns when a context ends, even while the read
// from the reader below is held up. That read is left behind: its bytes are lost. It
// belongs to one goroutine.
type interruptible struct {
	ctx  context.Context
	in   io.Reader
	buf  []byte
	done chan readResult
}

// readResult is the result of a Read.
type readResult struct {
	n   int
	err error
}

// newInterruptible returns a reader of in until ctx ends.
func newInterruptible(ctx context.Context, in io.Reader) *interruptible {
	return &interruptible{ctx: ctx, in: in, done: make(chan readResult, 1)}
}

// mostRead is the most that one Read returns, in bytes.
const mostRead = 64 << 10

// Stat returns the state of the file below, so that an output to the same file is refused.
func (r *interruptible) Stat() (fs.FileInfo, error) { return stat(r.in) }

// stat returns the state of the file that a stream is.
func stat(stream any) (fs.FileInfo, error) {
	if file, ok := stream.(interface{ Stat() (fs.FileInfo, error) }); ok {
		return file.Stat()
	}
	return nil, fs.ErrInvalid
}

// Read implements io.Reader. It returns the error of the context once that has ended.
func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.buf == nil {
		r.buf = make([]byte, mostRead)
	}
	// Not into p, which is the caller's again when the context ends.
	buf := r.buf[:min(len(p), mostRead)]
	go func() {
		n, err := r.in.Read(buf)
		r.done <- readResult{n, err}
	}()
	select {
	case result := <-r.done:
		return copy(p, buf[:result.n]), result.err
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
}

// apart returns an error if a file that a command reads is also its standard output. name is the
// field of the files.
func (s streams) apart(name string, files ...string) error {
	return outfile.Collide(append(outfile.Writes("Stdout", "-"), outfile.Reads(name, files...)...), s.Stdin, s.Stdout)
}

// outputApart returns an error if the output file of a command is also one of its inputs.
func (s streams) outputApart(output string, inputs ...string) error {
	return outfile.Collide(append(outfile.Writes("Output", output), outfile.Reads("Inputs", inputs...)...), s.Stdin, s.Stdout)
}
