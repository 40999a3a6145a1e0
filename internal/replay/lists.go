package replay

import (
	"strings"

	"github.com/masstrace/masstrace/internal/target"
)

// mostLists is the size of a list of a capture, in octets, beyond which it is not read. The digest
// of the targets then differs from that of the run.
const mostLists = 96 << 20

// mostRest is more than any line of a list has, in octets.
const mostRest = 64 << 10

// noteList is a list of targets or of exclusions, in the notes of a capture. Only its entries are
// kept, and not its text.
type noteList struct {
	name   string
	lines  target.Lines
	rest   string // the begin of a line that goes on in the next note
	octets int
	err    error // of a line
}

// add adds the part of a note.
func (l *noteList) add(part string) {
	if l.octets += len(part); part == "" || l.err != nil || l.octets > mostLists {
		return
	}
	text := l.rest + part
	end := strings.LastIndexByte(text, '\n') + 1
	if len(text)-end > mostRest { // no list of ours: the reader refuses such a line
		end = len(text)
	}
	l.rest = text[end:]
	l.err = l.lines.Read(l.name, strings.NewReader(text[:end]))
}

// end returns the entries after the last note, and the error of the first bad line.
func (l *noteList) end() (*target.Lines, error) {
	if l.err == nil && l.rest != "" {
		l.err = l.lines.Read(l.name, strings.NewReader(l.rest))
	}
	return &l.lines, l.err
}
