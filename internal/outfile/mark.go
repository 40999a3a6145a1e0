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

// Mark is where a file can be cut and gone on from: Reopen takes it.
type Mark struct {
	Offset int64  `json:"offset"` // length of the file, in bytes
	Tail   string `json:"tail"`   // digest of the last bytes before it
}

// tailLen is how many bytes of the file a Mark proves.
const tailLen = 4 << 10

// Mark syncs all that was written to the disk and returns where the file ends. A file that
// is cut there is whole, and Reopen goes on from there: Mark ends the gzip member (RFC 1952
// §2.2) or the Zstandard frame (RFC 8878 §3.1) of a compressed file, and others may follow
// it. Mark of the standard output is an error.
func (s *File) Mark() (m Mark, err error) {
	if s.file == nil {
		return m, errors.New("the standard output cannot be marked")
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

// tailOf returns the digest of the last bytes before offset.
func tailOf(f *os.File, offset int64) (string, error) {
	b := make([]byte, min(offset, tailLen))
	if _, err := f.ReadAt(b, offset-int64(len(b))); err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Reopen opens the file at path, cuts it at m, and appends from there. The file is locked
// first, and must be the one of m: an error that wraps ErrTaken, or is a *ForeignError,
// leaves the file as it is.
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

// ForeignError means that a file is not the one that a Mark is of.
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
		return &ForeignError{f.Name(), fmt.Sprintf("it has %d bytes, and had %d", info.Size(), m.Offset)}
	}
	tail, err := tailOf(f, m.Offset)
	if err != nil {
		return err
	}
	if tail != m.Tail {
		return &ForeignError{f.Name(), fmt.Sprintf("the bytes before the %dth are other ones", m.Offset)}
	}
	if err := f.Truncate(m.Offset); err != nil {
		return err
	}
	_, err = f.Seek(m.Offset, io.SeekStart)
	return err
}
