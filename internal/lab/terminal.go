package lab

import (
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// terminal is the controlling terminal while it is lent to the child. Then Ctrl-C reaches the
// command directly and once, and job control works in bash.
type terminal struct {
	claimed bool
	fd      int
}

// claimTerminal returns the terminal if stdin is our own, is a terminal, and we are in its
// foreground. Otherwise nothing is lent.
func claimTerminal(stdin io.Reader) terminal {
	f := os.Stdin
	if stdin != nil {
		var ok bool
		if f, ok = stdin.(*os.File); !ok {
			return terminal{}
		}
	}
	fd := int(f.Fd())
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil || group != unix.Getpgrp() {
		return terminal{}
	}
	// The child claims the terminal from the background, because its process group is new. So
	// do we in release. The signal would stop each of them.
	signal.Ignore(unix.SIGTTOU)
	return terminal{claimed: true, fd: fd}
}

// release claims the terminal back.
func (t terminal) release() {
	if !t.claimed {
		return
	}
	defer signal.Reset(unix.SIGTTOU)
	_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, unix.Getpgrp()) // may have hung up
}
