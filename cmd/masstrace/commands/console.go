package commands

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/run"
)

// console is an observe.Observer for the user at a terminal, or for a log. It writes
// status lines, notices, and at the end the summary. On a terminal a status line
// replaces the one before. A quiet one shows warnings alone. Lines that cannot be written
// are lost: no run fails for want of a reader.
type console struct {
	out      io.Writer
	terminal bool
	quiet    bool // neither status nor notices nor a summary

	mu    sync.Mutex
	times statusTimes
	width int // of the status line on the terminal
}

func newConsole(stderr io.Writer, quiet bool) *console {
	c := &console{out: stderr, terminal: isTerminal(stderr), quiet: quiet}
	c.times = newStatusTimes(0, c.terminal)
	return c
}

// Event implements observe.Observer.
func (c *console) Event(event observe.Event) {
	switch e := event.(type) {
	case observe.Began:
		return
	case observe.Finished:
		c.write(func() { _ = writeSummary(c.out, e.Summary) })
	case observe.Stopping:
		text := e.String()
		if errors.Is(e.Cause, run.ErrInterrupted) {
			text += "; press Ctrl-C again to quit now"
		}
		c.line(text)
	case observe.Warning:
		c.alert(e.String())
	case observe.Excluded:
		if e.Err != nil { // no user should miss that the run probes on
			c.alert(e.String())
			return
		}
		c.line(e.String())
	default:
		c.line(e.String())
	}
}

// Progress implements observe.Observer.
func (c *console) Progress(p observe.Progress) {
	if c.quiet {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.times.due(p.Elapsed) {
		return
	}
	if !c.terminal {
		fmt.Fprintln(c.out, statusLine(p, 0))
		return
	}
	width := statusWidth(c.out)
	if width > 0 {
		c.width = min(c.width, width) // the terminal may be narrower now
	}
	line := statusLine(p, width)
	pad := max(c.width-len(line), 0)
	c.width = len(line)
	fmt.Fprintf(c.out, "\r%s%s", line, strings.Repeat(" ", pad))
}

// line writes a line of its own.
func (c *console) line(text string) {
	c.write(func() { fmt.Fprintln(c.out, text) })
}

// alert writes a line even if the console is quiet.
func (c *console) alert(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	fmt.Fprintln(c.out, "masstrace:", text)
}

// write calls f without a status line in the way, unless the console is quiet.
func (c *console) write(f func()) {
	if c.quiet {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	f()
}

// clear takes the status line away.
func (c *console) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
}

func (c *console) wipe() {
	if c.width > 0 {
		fmt.Fprintf(c.out, "\r%s\r", strings.Repeat(" ", c.width))
		c.width = 0
	}
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != ""
}
