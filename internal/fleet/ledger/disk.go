package ledger

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Disk is a file system. Tests have one that fails and forgets.
type Disk interface {
	// Open opens a file with the flags of package os; a new file has mode 0600.
	Open(path string, flag int) (File, error)
	// Rename gives a file a new name, in the same folder tree.
	Rename(from, to string) error
	// SyncDir makes the names in a folder survive a crash.
	SyncDir(path string) error
}

// File is an open file.
type File interface {
	io.Reader
	io.Writer
	io.Closer
	Sync() error
	Truncate(size int64) error
}

// OS is the file system of this machine.
type OS struct{}

// Open implements Disk.. A file that is opened to append is locked: one
// process at a time writes a ledger.
func (OS) Open(path string, flag int) (File, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	if flag&os.O_APPEND != 0 {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			f.Close()
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
	}
	return f, nil
}

// Rename implements Disk.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// SyncDir implements Disk.
func (OS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
