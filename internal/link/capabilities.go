package link

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// tasks is the folder of the threads of this process. Package cap reads it. If it cannot, it kills
// the process.
const tasks = "/proc/self/task"

// leastFiles is how many open files a run with capabilities may need: sockets, rings, outputs and
// lists, with room to spare.
const leastFiles = 64

// MayRenounce returns an error if Renounce would fail later for want of /proc or of file
// descriptors. It belongs before the outputs of a run are opened.
func MayRenounce() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if limit.Cur < leastFiles {
		return fmt.Errorf("the limit of open files (ulimit -n) is %d: at least %d are needed", limit.Cur, leastFiles)
	}
	return mayReadTasks()
}

// mayReadTasks returns an error if the threads of this process cannot be listed.
func mayReadTasks() error {
	if _, err := os.ReadDir(tasks); err != nil {
		return fmt.Errorf("capabilities cannot be given up on all threads: %w; mount /proc", err)
	}
	return nil
}

// Renounce gives up all capabilities(7) of this process but those of keep that it has, on all of
// its threads and for good. The bounding set loses the others as well, if the process may change
// that set. no_new_privs keeps a program that the process would run from getting any.
//
// A capability belongs to a thread. Package cap changes those of all threads at once, in a
// program with C in it, too.
func Renounce(keep ...cap.Value) error {
	if err := mayReadTasks(); err != nil {
		return err
	}
	have, err := cap.GetPID(0)
	if err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	mayLimit, err := have.GetFlag(cap.Effective, cap.SETPCAP)
	if err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	if mayLimit {
		if err := limitTo(keep); err != nil {
			return fmt.Errorf("limit capabilities: %w", err)
		}
	}
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	rest, err := common(have, keep)
	if err == nil {
		err = rest.SetProc()
	}
	if err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	return nil
}

// limitTo drops all capabilities of the kernel, except those of keep, from the bounding set.
func limitTo(keep []cap.Value) error {
	for c := range cap.MaxBits() {
		if slices.Contains(keep, c) {
			continue
		}
		if err := cap.DropBound(c); err != nil {
			return err
		}
	}
	return nil
}

// common returns the capabilities of keep that are effective in have, as effective and
// permitted ones. None is inheritable, and so the kernel clears the ambient ones.
func common(have *cap.Set, keep []cap.Value) (*cap.Set, error) {
	rest := cap.NewSet()
	for _, c := range keep {
		held, err := have.GetFlag(cap.Effective, c)
		if err != nil {
			return nil, err
		}
		for _, flag := range []cap.Flag{cap.Effective, cap.Permitted} {
			if err := rest.SetFlag(flag, held, c); err != nil {
				return nil, err
			}
		}
	}
	return rest, nil
}
