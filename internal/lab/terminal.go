package lab

import (
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// terminal is the controlling terminal while it is lent to the child: Ctrl-C
// then reaches the command straight and once, and bash has its job control.
type terminal struct {
	claimed bool
	fd      int
}

// claimTerminal returns the terminal if stdin is ours, a terminal, and we are
// in its foreground; else nothing is lent.
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
	// The child takes the terminal from the background, its process group
	// being new, and so do we in release: this signal would stop it.
	signal.Ignore(unix.SIGTTOU)
	return terminal{claimed: true, fd: fd}
}

// release takes the terminal back.
func (t terminal) release() {
	if !t.claimed {
		return
	}
	defer signal.Reset(unix.SIGTTOU)
	_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, unix.Getpgrp()) // it may have hung up
}
