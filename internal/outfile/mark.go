package outfile

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Mark syncs all that was written to the disk and returns the length of the file in octets.
// A file that is cut at this length is whole, and Reopen continues there. Mark ends the
// gzip member (RFC 1952 §2.2) or the Zstandard frame (RFC 8878 §3.1) of a compressed file.
// Others may follow it. Mark of the standard output is an error.
func (s *File) Mark() (offset int64, err error) {
	if s.file == nil {
		return 0, errors.New("the standard output cannot have a checkpoint")
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

// Reopen opens the file at path, cuts it at offset, which Mark returned, and
// appends from there. As Open does, it first locks the file: an error that wraps
// ErrTaken leaves the file as it is.
func Reopen(path string, offset int64) (*File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	if err := cut(f, offset); err != nil {
		return nil, errors.Join(fmt.Errorf("open output: %w", err), f.Close())
	}
	s, err := newFile(f, path)
	if err == nil {
		s.marked = true
	}
	return s, err
}

// cut locks f, cuts it at offset and moves there.
func cut(f *os.File, offset int64) error {
	if err := lock(f); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < offset {
		return fmt.Errorf("%s has %d bytes, and had %d bytes at the checkpoint: it was changed or cut", f.Name(), info.Size(), offset)
	}
	if err := f.Truncate(offset); err != nil {
		return err
	}
	_, err = f.Seek(offset, io.SeekStart)
	return err
}
