package outfile

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
type File struct {
	w      io.Writer // what records are written to
	packer packer    // w if it compresses, else nil
	file   *os.File  // nil for the standard output
	marked bool      // nothing was written since Mark
}

// packer is a compressor whose Flush leaves what it was given readable. After
// Close, Reset begins another stream.
type packer interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// Open makes the file at path, or empties it if there is one: readable by all
// and writable by its owner, less what the umask takes. A path that ends in .gz
// or .zst is compressed. The path - stands for stdout, which Close leaves open.
func Open(path string, stdout io.Writer) (*File, error) {
	if path == "-" {
		return &File{w: stdout}, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	return newSink(f, path)
}

// newSink returns a sink that writes to f from where it stands.
func newSink(f *os.File, path string) (*File, error) {
	s := &File{w: f, file: f}
	switch Packing(path) {
	case "gz":
		s.packer = gzip.NewWriter(f)
	case "zst":
		// With a concurrency of 2 it compresses and writes a block on a goroutine
		// of its own while the next one is gathered; Flush and Close wait for it.
		z, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(2))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open output: %w", err), f.Close())
		}
		s.packer = z
	}
	if s.packer != nil {
		s.w = s.packer
	}
	return s, nil
}

// Packing says how a file of that name is compressed: gz, zst, or empty if it
// is not.
func Packing(path string) string {
	for _, ending := range []string{"gz", "zst"} {
		if strings.HasSuffix(path, "."+ending) {
			return ending
		}
	}
	return ""
}

// Write implements io.Writer.
func (s *File) Write(b []byte) (int, error) {
	s.marked = false
	return s.w.Write(b)
}

// Flush makes what was written readable in the file, for what it costs in
// compression: it is meant for the ends of windows, not of lines.
func (s *File) Flush() error {
	if s.packer == nil || s.marked {
		return nil
	}
	return s.packer.Flush()
}

// Close ends the compressed stream and closes the file.
func (s *File) Close() error {
	var err error
	if s.packer != nil && !s.marked {
		err = s.packer.Close()
	}
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}
