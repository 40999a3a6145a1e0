package commands

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/masstrace/masstrace/internal/progress"
)

// panel is the display of a console on a terminal.
type panel struct {
	display *progress.Display // nil until the first state
	layout  progress.Layout
	history progress.History
	state   *progress.State // on the terminal; nil if there is none
	resized chan os.Signal
	hidden  bool // records go to the terminal, and no display may be among them
}

// aside keeps the display away if the records of the command go to the same terminal as it does.
func (c *console) aside(output string, stdout io.Writer) {
	c.panel.hidden = (output == "-" || output == "") && isTerminal(stdout)
}

// draw shows a state on the terminal in place of the one before. The caller holds the lock.
func (c *console) draw(s *progress.State) {
	p := &c.panel
	if p.hidden {
		return
	}
	if p.display == nil {
		p.layout = progress.Layout{Unicode: hasBoxes(), Colour: hasColours()}
		p.display = progress.New(c.out)
	}
	if p.resized == nil {
		p.resized = make(chan os.Signal, 1)
		signal.Notify(p.resized, syscall.SIGWINCH)
		go c.redraw(p.resized)
	}
	p.state = s
	columns, rows := sizeOf(c.out)
	p.display.Show(p.layout.Lines(s, columns, rows))
}

// redraw draws the display anew at each change of the size of the terminal, until the channel is
// closed.
func (c *console) redraw(resized <-chan os.Signal) {
	for range resized {
		c.mu.Lock()
		if c.panel.state != nil {
			c.draw(c.panel.state)
		}
		c.mu.Unlock()
	}
}

// above calls f without the display in the way. The caller holds the lock.
func (c *console) above(f func()) {
	state := c.panel.state
	if state != nil {
		c.panel.display.Erase()
	}
	f()
	if state != nil {
		c.draw(state)
	}
}

// clear takes the display away.
func (c *console) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.takeAway()
}

// endDisplay takes the display away for good.
func (c *console) endDisplay() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.takeAway()
	c.panel.hidden = true
}

// takeAway erases the display, and ends what it needs. The caller holds the lock.
func (c *console) takeAway() {
	p := &c.panel
	if p.state != nil {
		p.display.Erase()
		p.state = nil
	}
	if p.resized != nil {
		signal.Stop(p.resized)
		close(p.resized)
		p.resized = nil
	}
}

// eraseEcho erases the ^C that a terminal shows at the cursor.
func (c *console) eraseEcho() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.terminal && !c.quiet {
		progress.EraseTyped(c.out)
	}
}

// hasColours reports whether the user takes colours: see no-color.org.
func hasColours() bool { return os.Getenv("NO_COLOR") == "" }
