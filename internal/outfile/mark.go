package outfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Mark is a position at which Reopen can cut a file and continue it.
type Mark struct {
	Offset int64  `json:"offset"` // length of the file, in octets
	Tail   string `json:"tail"`   // SHA-256 of the last tailLen octets before Offset, hexadecimal
}

// tailLen is the number of octets by which a Mark recognizes its file.
const tailLen = 4 << 10

// Mark syncs everything written so far to the disk and returns the end of the file. A file that is
// cut there is complete, and Reopen continues it. For this, Mark ends the gzip member (RFC 1952
// §2.2) or the Zstandard frame (RFC 8878 §3.1) of a compressed file; others may follow. Mark of
// standard output returns an error.
func (s *File) Mark() (m Mark, err error) {
	if s.file == nil {
		return m, errors.New("the standard output cannot have a checkpoint")
	}
	if s.packer != nil && !s.marked {
		if err := s.packer.Close(); err != nil {
			return m, err
		}
		s.packer.Reset(s.file)
	}
	s.marked = true
	if err := s.file.Sync(); err != nil {
		return m, err
	}
	info, err := s.file.Stat()
	if err != nil {
		return m, err
	}
	m.Offset = info.Size()
	m.Tail, err = tailOf(s.file, m.Offset)
	return m, err
}

// tailOf returns the digest of the last octets before offset.
func tailOf(f *os.File, offset int64) (string, error) {
	b := make([]byte, min(offset, tailLen))
	if _, err := f.ReadAt(b, offset-int64(len(b))); err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Reopen opens the file at path, cuts it at m, and appends from there. Like Open, it locks the file
// first. If the error wraps ErrTaken or is a *ForeignError, the file did not change.
func Reopen(path string, m Mark) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	if err := cut(f, m); err != nil {
		return nil, errors.Join(fmt.Errorf("open output: %w", err), f.Close())
	}
	s, err := newFile(f, path)
	if err == nil {
		s.marked = true
	}
	return s, err
}

// ForeignError means that a file is not the file of the Mark.
type ForeignError struct{ Path, Why string }

// Error implements error.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s is not the output of the checkpoint: %s", e.Path, e.Why)
}

// cut locks f, cuts it at m and moves there.
func cut(f *os.File, m Mark) error {
	if err := lock(f); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < m.Offset {
		return &ForeignError{f.Name(), fmt.Sprintf("it has %d bytes, and had %d bytes at the checkpoint", info.Size(), m.Offset)}
	}
	tail, err := tailOf(f, m.Offset)
	if err != nil {
		return err
	}
	if tail != m.Tail {
		return &ForeignError{f.Name(), fmt.Sprintf("its first %d bytes do not end with what was written", m.Offset)}
	}
	if err := f.Truncate(m.Offset); err != nil {
		return err
	}
	_, err = f.Seek(m.Offset, io.SeekStart)
	return err
}
