package outfile

import (
	"errors"
	"os"
	"path/filepath"
)

// FreshSuffix is appended to the name of a file to name its replacement. No file of a user has it.
const FreshSuffix = ".masstrace-new"

// Replace replaces the file at path, or makes it, with that content and those permissions less the
// umask. At any time, and after a crash of the machine, a reader finds either the complete old file
// or the complete new one. Replace writes the new file next to the old one, with FreshSuffix appended
// to its name. It first removes a file that a killed process left under that name.
func Replace(path string, perm os.FileMode, content []byte) error {
	fresh := path + FreshSuffix
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := WriteNew(fresh, perm, content); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return syncDir(filepath.Dir(path))
}

// WriteNew makes the file at path, with those permissions less the umask, and syncs its content to
// the disk. If a file exists already, the error is an ExistsError and that file does not change. If
// the content cannot be written completely, the new file is removed.
func WriteNew(path string, perm os.FileMode, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if errors.Is(err, os.ErrExist) {
		return &ExistsError{Path: path, Link: isLink(path)}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Remove removes the file at path, and syncs that, so that the file does not reappear after a crash
// of the machine.
func Remove(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir syncs the names in the folder at path to the disk.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
