package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// OpenWhole is Open of a file that is useless until its end is written. The file has another name,
// with FreshSuffix appended, until Close. Close then syncs it, and renames it to path. An existing file at
// path stays as it is until then; if it must not be overwritten, OpenWhole returns an ExistsError.
// A stream is opened as Open opens it.
func OpenWhole(path string, stdout io.Writer, existing Existing) (*File, error) {
	if path == "-" || isOurs(path) || isStream(path) && !isLink(path) {
		return Open(path, stdout, existing)
	}
	s, err := openFresh(path, existing)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	return s, nil
}

func openFresh(path string, existing Existing) (s *File, err error) {
	old, err := holdOld(path, existing)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && old != nil {
			err = errors.Join(err, old.Close())
		}
	}()
	// Another process that writes the file has the lock of it: only the file of a process that was
	// killed is emptied.
	f, err := os.OpenFile(path+FreshSuffix, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, err
	}
	if err := closeOn(empty(f), f); err != nil {
		return nil, err
	}
	if s, err = newFile(f, path); err != nil {
		return nil, err
	}
	s.made, s.final, s.old, s.existing = true, path, old, existing
	return s, nil
}

// holdOld opens and locks the file at path, so that no other process writes it until it is
// replaced. It returns nil if there is no file.
func holdOld(path string, existing Existing) (*os.File, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, &ExistsError{Path: path, Link: true}
	case existing == Keep:
		return nil, &ExistsError{Path: path}
	}
	old, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	return old, closeOn(lock(old), old)
}

// settle gives the file its name. It comes after the last write, and before the locks end.
func (s *File) settle() error {
	if err := s.file.Sync(); err != nil {
		return err
	}
	fresh := s.final + FreshSuffix
	err := rename(fresh, s.final, s.existing)
	if err != nil {
		return errors.Join(fmt.Errorf("rename output: %w", err), os.Remove(fresh))
	}
	return syncDir(filepath.Dir(s.final))
}

// rename renames a file. It overwrites no file that existing keeps, also if another process made it
// meanwhile.
func rename(from, to string, existing Existing) error {
	if existing == Overwrite {
		return os.Rename(from, to)
	}
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.EEXIST):
		return &ExistsError{Path: to}
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS): // not in this file system
		if _, err := os.Lstat(to); err == nil {
			return &ExistsError{Path: to}
		}
		return os.Rename(from, to)
	}
	return err
}
