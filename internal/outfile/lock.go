package outfile

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrTaken means that another process writes the file.
var ErrTaken = errors.New("another masstrace process writes it")

// lock takes the advisory lock of f without waiting. The lock belongs to the open file: it ends
// when its last descriptor is closed, at the latest with the process. The error wraps ErrTaken if
// another open file has the lock.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("%s: %w", f.Name(), ErrTaken)
	case err != nil:
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}
