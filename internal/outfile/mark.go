package outfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Mark is a position at which Reopen can cut a file and continue it.
type Mark struct {
	Offset int64  `json:"offset"` // length of the file, in octets
	Tail   string `json:"tail"`   // SHA-256 of the last tailLen octets before Offset, hexadecimal
	// Inode is device:inode of a file that was empty: no octets tell it from another.
	Inode string `json:"inode,omitempty"`
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
	if m.Offset == 0 {
		m.Inode = inodeOf(info)
	}
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
	files, err := ReopenAll([]string{path}, []Mark{m})
	if err != nil {
		return nil, err
	}
	return files[0], nil
}

// ReopenAll is Reopen of several files, each with its mark. If the error wraps ErrTaken or is a
// *ForeignError, none of the files changed.
func ReopenAll(paths []string, marks []Mark) (list []*File, err error) {
	var files []*os.File
	defer func() {
		if err == nil {
			return
		}
		err = fmt.Errorf("open output: %w", err)
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
	}()
	for i, path := range paths {
		f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
		if err := recognize(f, marks[i]); err != nil {
			return nil, err
		}
	}
	for i, f := range files {
		if err := cut(f, marks[i]); err != nil {
			return nil, err
		}
		s, err := newFile(f, paths[i])
		if err != nil {
			return nil, err
		}
		s.marked = true
		list = append(list, s)
	}
	return list, nil
}

// inodeOf returns device:inode of a file.
func inodeOf(info fs.FileInfo) string {
	id, _ := identityOf(info)
	return fmt.Sprintf("%d:%d", id.device, id.inode)
}

// ForeignError means that a file is not the file of the Mark.
type ForeignError struct{ Path, Why string }

// Error implements error.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s is not the output of the checkpoint: %s", e.Path, e.Why)
}

// recognize locks f, and returns a *ForeignError if it is not the file of m.
func recognize(f *os.File, m Mark) error {
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
	if m.Offset == 0 && info.Size() > 0 && m.Inode != inodeOf(info) {
		return &ForeignError{f.Name(), "it is another file, and was empty at the checkpoint"}
	}
	tail, err := tailOf(f, m.Offset)
	if err != nil {
		return err
	}
	if tail != m.Tail {
		return &ForeignError{f.Name(), fmt.Sprintf("its first %d bytes do not end with what was written", m.Offset)}
	}
	return nil
}

// cut cuts f at m and moves there.
func cut(f *os.File, m Mark) error {
	if err := f.Truncate(m.Offset); err != nil {
		return err
	}
	_, err := f.Seek(m.Offset, io.SeekStart)
	return err
}
