package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// File is a file or a stream for results, compressed or not. It has no buffer: its caller writes
// large pieces. Its errors wrap those of the operating system, so that errors.Is finds
// syscall.ENOSPC or syscall.EPIPE. A File belongs to one goroutine at a time.
type File struct {
	w      io.Writer // destination of Write
	packer packer    // w if the file is compressed, else nil
	file   *os.File  // nil for the standard output
	made   bool      // Open made the file: it did not exist before
	marked bool      // nothing was written since Mark

	// These are of a file that OpenWhole opened: the name that it gets, the locked file that has
	// that name now, if there is one, and the rule for it.
	final    string
	old      *os.File
	existing Existing
}

// Existing is the rule for a regular file that exists already.
type Existing int

const (
	// Keep returns an ExistsError, also for an empty file.
	Keep Existing = iota
	// Overwrite empties the file.
	Overwrite
)

// ExistingIf returns Overwrite if overwrite is set, else Keep.
func ExistingIf(overwrite bool) Existing {
	if overwrite {
		return Overwrite
	}
	return Keep
}

// ExistsError means that a file exists and must not be overwritten, or that its path is a symbolic
// link. Files are never written through a link.
type ExistsError struct {
	Path string
	Link bool
}

// Error implements error.
func (e *ExistsError) Error() string {
	if e.Link {
		return e.Path + " is a symbolic link, and files are not written through links"
	}
	return e.Path + " exists"
}

// Is lets errors.Is find fs.ErrExist.
func (e *ExistsError) Is(target error) bool { return target == fs.ErrExist }

// Open makes the file at path, with the permissions 0644 less the umask. If path ends in .gz or
// .zst, the file is compressed. The path - stands for stdout, which Close leaves open.
//
// If a regular file exists there already, Open follows existing. Open locks the file before it
// empties it; the lock lasts until Close. If another File of any process has the file open, the
// error wraps ErrTaken, and the file does not change. Devices, pipes and sockets are opened without
// a lock, and are not emptied. Neither are open files of this process by their names below /dev and
// /proc: Open appends to them.
func Open(path string, stdout io.Writer, existing Existing) (*File, error) {
	if path == "-" {
		return &File{w: stdout}, nil
	}
	f, made, err := open(path, existing)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	s, err := newFile(f, path)
	if err == nil {
		s.made = made
	}
	return s, err
}

// Absent returns the ExistsError that Open would return, for callers that open the file later and
// in another process.
func Absent(path string, existing Existing) error {
	info, err := os.Lstat(path)
	switch {
	case path == "" || path == "-" || err != nil || isOurs(path):
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		if to, err := os.Stat(path); err == nil && !to.Mode().IsRegular() {
			return nil
		}
		return &ExistsError{Path: path, Link: true}
	case info.Mode().IsRegular() && existing == Keep:
		return &ExistsError{Path: path}
	}
	return nil
}

// open opens the file at path, and reports whether it made it.
func open(path string, existing Existing) (f *os.File, made bool, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		return f, true, closeOn(lock(f), f)
	}
	if !errors.Is(err, fs.ErrExist) {
		return nil, false, err
	}
	info, err := os.Stat(path)
	switch {
	case isOurs(path) || err == nil && !info.Mode().IsRegular():
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		return f, false, err
	case isLink(path):
		return nil, false, &ExistsError{Path: path, Link: true}
	case err != nil:
		return nil, false, err
	case existing == Keep:
		return nil, false, &ExistsError{Path: path}
	}
	f, err = os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err == nil {
		err = closeOn(empty(f), f)
	}
	return f, false, err
}

// isOurs reports whether a path is the name of an open file of this process.
func isOurs(path string) bool {
	path = filepath.Clean(path)
	for _, prefix := range []string{"/dev/std", "/dev/fd/", "/proc/self/fd/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// closeOn closes f if err is not nil, and returns err.
func closeOn(err error, f *os.File) error {
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return nil
}

// empty locks and empties f.
func empty(f *os.File) error {
	if err := lock(f); err != nil {
		return err
	}
	return f.Truncate(0)
}

// newFile returns a File that writes to f from its current offset.
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

// Flush makes everything written so far readable in the file. Each call makes the compression
// slightly worse: call it once per window, not once per line.
func (s *File) Flush() error {
	if s.packer == nil || s.marked {
		return nil
	}
	return s.packer.Flush()
}

// Close ends the compressed stream and closes the file, which releases its lock. A file of
// OpenWhole gets its name. Close does nothing for a nil File.
func (s *File) Close() error {
	if s == nil {
		return nil
	}
	var err error
	if s.packer != nil && !s.marked {
		err = s.packer.Close()
	}
	switch {
	case s.final == "":
	case err != nil:
		err = errors.Join(err, os.Remove(s.file.Name()))
	default:
		err = s.settle()
	}
	if s.old != nil {
		err = errors.Join(err, s.old.Close())
	}
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// Discard closes the file of a run that did not begin, and removes it if Open made it. It does
// nothing for a nil File.
func (s *File) Discard() error {
	if s == nil || s.file == nil {
		return nil
	}
	var err error
	if s.made { // while it is locked
		err = os.Remove(s.file.Name())
	}
	if s.old != nil {
		err = errors.Join(err, s.old.Close())
	}
	return errors.Join(err, s.file.Close())
}
