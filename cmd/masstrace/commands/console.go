package commands

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/run"
)

// console is an observe.Observer for the user at a terminal, or for a log. It writes one
// status line a second, notices, and at the end the summary. On a terminal a status line
// replaces the one before. A quiet one shows warnings alone. Lines that cannot be written
// are lost: no run fails for want of a reader.
type console struct {
	out      io.Writer
	terminal bool
	quiet    bool // neither status nor notices nor a summary

	mu    sync.Mutex
	width int // of the status line on the terminal
}

func newConsole(stderr io.Writer, quiet bool) *console {
	return &console{out: stderr, terminal: isTerminal(stderr), quiet: quiet}
}

// Event implements observe.Observer.
func (c *console) Event(event observe.Event) {
	switch e := event.(type) {
	case observe.Began:
		return
	case observe.Finished:
		c.write(func() { _ = writeSummary(plaintext.NewWriter(c.out), e.Summary) })
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
	line := statusLine(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.terminal {
		fmt.Fprintln(c.out, line)
		return
	}
	pad := max(c.width-len(line), 0)
	c.width = len(line)
	fmt.Fprintf(c.out, "\r%s%s", line, strings.Repeat(" ", pad))
}

// statusLine returns the progress of a scan as one line.
func statusLine(p observe.Progress) string {
	hit := 0.0
	if p.Sent > 0 {
		hit = 100 * float64(p.Answered) / float64(p.Sent)
	}
	return fmt.Sprintf("%s %5.1f%% sent %d (%.0f/s) replies %d hit %.1f%% drops %d ETA %s",
		p.Elapsed.Round(time.Second), 100*p.Share, p.Sent, p.RatePPS, p.Answered, hit, p.Drops, p.Left.Round(time.Second))
}

// line writes a line of its own.
func (c *console) line(text string) {
	c.write(func() { say(c.out, text) })
}

// alert writes a line even if the console is quiet.
func (c *console) alert(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	say(c.out, "masstrace: "+text)
}

// say writes a line to a terminal or a log. Strings from files and from the network may be in it.
func say(out io.Writer, text string) {
	fmt.Fprintln(out, plaintext.Clean(text)) // a line that cannot be written is lost
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
