package outfile

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// File is a file or a stream that results are written to, and may be compressed.
// It does not buffer: its caller writes large pieces. Errors wrap those of the
// operating system, so that errors.Is finds syscall.ENOSPC or syscall.EPIPE. A
// File belongs to one goroutine at a time.
type File struct {
	w      io.Writer // the destination of Write
	packer packer    // w if the file is compressed, else nil
	file   *os.File  // nil for the standard output
	marked bool      // nothing was written since Mark
}

// Open makes the file at path, or empties it if it exists. All users may read it, and its
// owner may write it, as far as the umask allows. If path ends in .gz or .zst, the file is
// compressed. The path - means stdout, which Close leaves open.
//
// A regular file is locked before it is emptied, and until Close. If another File in any
// process has it open, the error wraps ErrTaken, and the file stays as it is. Devices and
// pipes are opened as they are, without a lock.
func Open(path string, stdout io.Writer) (*File, error) {
	if path == "-" {
		return &File{w: stdout}, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	if err := empty(f); err != nil {
		return nil, errors.Join(fmt.Errorf("open output: %w", err), f.Close())
	}
	return newFile(f, path)
}

// empty locks and empties f if it is a regular file.
func empty(f *os.File) error {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	if err := lock(f); err != nil {
		return err
	}
	return f.Truncate(0)
}

// newFile returns a File that writes to f from its present offset.
func newFile(f *os.File, path string) (*File, error) {
	s := &File{w: f, file: f}
	var err error
	if s.packer, err = newPacker(f, path); err != nil {
		return nil, errors.Join(fmt.Errorf("open output: %w", err), f.Close())
	}
	if s.packer != nil {
		s.w = s.packer
	}
	return s, nil
}

// Write implements io.Writer.
func (s *File) Write(b []byte) (int, error) {
	s.marked = false
	return s.w.Write(b)
}

// Flush makes all written data readable in the file. Each call costs some of the
// compression: call it once a window, not once a line.
func (s *File) Flush() error {
	if s.packer == nil || s.marked {
		return nil
	}
	return s.packer.Flush()
}

// Close ends the compressed stream, closes the file and so releases its lock.
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
