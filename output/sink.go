package output

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Sink is a file, or a stream, that may be compressed. It does not gather what
// it is given: a Writer does. Errors are those of the operating system, so that
// errors.Is finds syscall.ENOSPC or syscall.EPIPE in them. A Sink is used by one
// goroutine at a time.
type Sink struct {
	w      io.Writer // what records are written to
	packer packer    // w if it compresses, else nil
	file   *os.File  // nil for the standard output
}

// packer is a compressor whose Flush leaves what it was given readable.
type packer interface {
	io.WriteCloser
	Flush() error
}

// Open makes the file at path, or empties it if there is one: readable by all
// and writable by its owner, less what the umask takes. A path that ends in .gz
// or .zst is compressed. The path - stands for stdout, which Close leaves open.
func Open(path string, stdout io.Writer) (*Sink, error) {
	if path == "-" {
		return &Sink{w: stdout}, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	s := &Sink{w: f, file: f}
	switch {
	case strings.HasSuffix(path, ".gz"):
		s.packer = gzip.NewWriter(f)
	case strings.HasSuffix(path, ".zst"):
		// Concurrency 1 keeps it on the caller's goroutine: only the engine
		// starts goroutines.
		s.packer, err = zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open output: %w", err), f.Close())
		}
	}
	if s.packer != nil {
		s.w = s.packer
	}
	return s, nil
}

// Write implements io.Writer.
func (s *Sink) Write(b []byte) (int, error) { return s.w.Write(b) }

// Flush makes what was written readable in the file, for what it costs in
// compression: it is meant for the ends of windows, not of lines.
func (s *Sink) Flush() error {
	if s.packer == nil {
		return nil
	}
	return s.packer.Flush()
}

// Close ends the compressed stream and closes the file.
func (s *Sink) Close() error {
	var err error
	if s.packer != nil {
		err = s.packer.Close()
	}
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}
