package outfile

import (
	"errors"
	"os"
	"path/filepath"
)

// freshSuffix is the ending of the name of the new file in Replace.
const freshSuffix = ".new"

// Replace puts a file with that content and those permissions, less the umask, in the place
// of the file at path, or makes it. A reader finds either the old file or the new one, each
// whole, at any time and after a crash of the machine. The new file is written beside the
// old one, under its name with .new appended. If a killed process left such a file, it is
// removed.
func Replace(path string, perm os.FileMode, content []byte) error {
	fresh := path + freshSuffix
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

// WriteNew makes the file at path, with those permissions less the umask, and
// syncs its content to the disk. If there is a file already, the error wraps
// os.ErrExist and that file stays. A file that cannot be written whole is removed.
func WriteNew(path string, perm os.FileMode, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
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

// Remove removes the file at path, so that it does not come back after a crash of
// the machine.
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
