package progress

import (
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Display keeps a block of lines below all other text on a terminal. Between two writes the cursor
// is at the begin of the block. So a terminal that breaks or joins lines, because its width changes,
// moves the cursor with them. All other text must come between Erase and Show. A Display belongs to
// one goroutine at a time.
type Display struct {
	out   io.Writer
	lines int // of the block on the terminal
}

// New returns a Display on a terminal.
func New(out io.Writer) *Display { return &Display{out: out} }

// Show writes lines in the place of those before. The terminal cuts a line that is wider than itself:
// it may have become narrower since the lines were made.
func (d *Display) Show(lines []string) {
	if len(lines) == 0 {
		d.Erase()
		return
	}
	var b strings.Builder
	b.WriteString("\r" + ansi.ResetModeAutoWrap)
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(line + ansi.EraseLineRight)
	}
	b.WriteString(ansi.EraseScreenBelow + ansi.SetModeAutoWrap + "\r")
	if n := len(lines) - 1; n > 0 {
		b.WriteString(ansi.CursorUp(n))
	}
	_, _ = io.WriteString(d.out, b.String()) // a display that cannot be written is lost
	d.lines = len(lines)
}

// Erase takes the block away, with all that was typed there, such as ^C.
func (d *Display) Erase() {
	if d.lines > 0 {
		EraseTyped(d.out)
		d.lines = 0
	}
}

// Leave ends the block and leaves it on the terminal. Other text comes below it.
func (d *Display) Leave() {
	if d.lines > 0 {
		_, _ = io.WriteString(d.out, "\r"+strings.Repeat("\n", d.lines))
		d.lines = 0
	}
}

// EraseTyped takes away the text that was typed in the line of the cursor, and all below.
func EraseTyped(terminal io.Writer) {
	_, _ = io.WriteString(terminal, "\r"+ansi.EraseScreenBelow)
}
