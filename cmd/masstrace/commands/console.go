package commands

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/masstrace/masstrace/internal/highlights"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/progress"
	"github.com/masstrace/masstrace/internal/run"
)

// console is an observe.Observer for the user at a terminal, or for a log. A terminal gets a display
// of the progress below all other text, and a log gets status lines. Both get notices, and at the end
// the summary. A quiet one shows warnings alone. Lines that cannot be written are lost: no run fails
// for want of a reader.
type console struct {
	out      io.Writer
	terminal bool   // with a cursor that moves
	quiet    bool   // neither status nor notices nor a summary
	name     string // of the command
	output   string // file of the records, "" or - for none
	keeps    bool   // the command can keep a checkpoint

	// left, if it is not nil, reports whether the reader of standard output has ended, as head does: then the
	// command ends without a word.
	left  func() bool
	ends  *progress.Ends      // of the traces so far; nil if they are not counted
	found *highlights.Counter // in the traces; nil if they are not counted

	mu    sync.Mutex
	times statusTimes
	panel panel
	shown bool // results were written to the terminal
}

func newConsole(s streams, quiet bool) *console {
	c := &console{out: s.Stderr, terminal: hasCursor(s.Stderr), quiet: quiet}
	if out, ok := s.Stdout.(*standardOutput); ok {
		c.left = out.isClosed
	}
	c.times = newStatusTimes(0, c.terminal)
	return c
}

// Event implements observe.Observer.
func (c *console) Event(event observe.Event) {
	switch e := event.(type) {
	case observe.Began, observe.Recorded:
		return
	case observe.Finished:
		c.endDisplay()
		c.write(func() { c.finished(&e) })
	case observe.Stopping:
		text := e.String()
		if errors.Is(e.Cause, run.ErrInterrupted) {
			text += "\npress Ctrl-C again to quit now"
			c.eraseEcho()
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
		fmt.Fprintln(c.out, plaintext.Line(statusLine(p)))
		return
	}
	c.draw(c.panel.history.Add(c.name, &p, c.ends.Parts()))
}

// finished writes the summary of a run, and the way to its results.
func (c *console) finished(e *observe.Finished) {
	if c.left != nil && c.left() {
		return
	}
	if c.shown {
		fmt.Fprintln(c.out)
	}
	if writeSummary(plaintext.NewWriter(c.out), e, summaryWidth(c.out), c.found) != nil {
		return
	}
	recorded := e.Windows == 0 || e.Recorded > 0
	if recorded {
		fmt.Fprintln(c.out)
	}
	say(c.out, endingWords(e.Summary))
	if recorded {
		for _, line := range outputLines(c.output) {
			say(c.out, line)
		}
	}
	if e.Seed != "" {
		say(c.out, "seed: "+e.Seed)
	}
}

// line writes a line of its own.
func (c *console) line(text string) {
	c.write(func() { say(c.out, text) })
}

// alert writes a line even if the console is quiet.
func (c *console) alert(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.above(func() { say(c.out, "masstrace: "+text) })
}

// say writes a line to a terminal or a log. Strings from files and from the network may be in it.
func say(out io.Writer, text string) {
	fmt.Fprintln(out, plaintext.Clean(text)) // a line that cannot be written is lost
}

// write calls f, which writes above the display, unless the console is quiet.
func (c *console) write(f func()) {
	if c.quiet {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.above(f)
}

// results writes text to out, which may be the terminal that the display is on.
func (c *console) results(out io.Writer, text []byte) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown = true
	c.above(func() { _, err = plaintext.NewWriter(out).Write(text) })
	return err
}
