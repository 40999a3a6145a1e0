package outfile

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// ErrTaken says that another process writes the file.
var ErrTaken = errors.New("another masstrace writes it")

// Mark makes sure that all that was written outlives the machine, and returns
// the length of the file: cut there, it is whole, and what Reopen appends goes
// on from there. Of a compressed file that is the end of a gzip member (RFC
// 1952 §2.2) or a Zstandard frame (RFC 8878 §3.1), which may be followed by
// others. A Sink of the standard output cannot be marked.
func (s *File) Mark() (offset int64, err error) {
	if s.file == nil {
		return 0, errors.New("the standard output cannot be marked")
	}
	if s.packer != nil && !s.marked {
		if err := s.packer.Close(); err != nil {
			return 0, err
		}
		s.packer.Reset(s.file)
	}
	s.marked = true
	if err := s.file.Sync(); err != nil {
		return 0, err
	}
	info, err := s.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Lock keeps other processes from Reopen while s is open. The error is ErrTaken
// if one has it.
func (s *File) Lock() error { return lock(s.file) }

// lock takes the advisory lock of the file, which ends with its last descriptor:
// at the latest when the process is gone.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrTaken
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	return nil
}

// Reopen opens the file at path, cuts off what is behind offset, which Mark
// returned, and goes on from there. The file is locked.
func Reopen(path string, offset int64) (*File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	if err := cut(f, offset); err != nil {
		return nil, errors.Join(fmt.Errorf("open output: %w", err), f.Close())
	}
	s, err := newSink(f, path)
	if err == nil {
		s.marked = true
	}
	return s, err
}

func cut(f *os.File, offset int64) error {
	if err := lock(f); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < offset {
		return fmt.Errorf("%s has %d octets, and had %d at the checkpoint", f.Name(), info.Size(), offset)
	}
	if err := f.Truncate(offset); err != nil {
		return err
	}
	_, err = f.Seek(offset, io.SeekStart)
	return err
}
