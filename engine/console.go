package engine

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/masstrace/masstrace/internal/record"
)

// console is what the user reads while a run goes on: one status line, which is
// written over on a terminal, and notices between. It may be used concurrently.
// What cannot be written there is lost: no run fails for want of a reader.
type console struct {
	out      io.Writer
	terminal bool
	quiet    bool // neither status nor notices
	// summarize writes a summary for people.
	summarize func(io.Writer, *record.Summary) error

	mu    sync.Mutex
	width int // of the status line that stands on the terminal
}

func newConsole(c *Config) *console {
	return &console{out: c.Stderr, terminal: c.Terminal, quiet: c.Quiet, summarize: c.Summarize}
}

// say writes a line of its own.
func (c *console) say(format string, args ...any) {
	if c.quiet {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	fmt.Fprintf(c.out, format+"\n", args...)
}

// alert is say for what nobody should miss, quiet or not.
func (c *console) alert(format string, args ...any) {
	loud := console{out: c.out}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	loud.say("masstrace: "+format, args...)
}

// summary writes what a run came to.
func (c *console) summary(sum *record.Summary) {
	if c.quiet || c.summarize == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	_ = c.summarize(c.out, sum) // lost where nobody reads it
}

// status writes a line that the next one replaces.
func (c *console) status(line string) {
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
