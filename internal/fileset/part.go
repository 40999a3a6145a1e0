package fileset

import (
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
)

// part is an open file of a set, with the next line of it.
type part struct {
	path  string
	in    io.Closer
	lines *format.Lines

	there bool // the next line was read, and not used
	typ   string
	line  []byte
	whole bool
	err   error
}

// openPart opens the file at path; - means stdin.
func openPart(path string, stdin io.Reader) (*part, error) {
	in, err := format.OpenInput(path, stdin)
	if err != nil {
		return nil, err
	}
	return &part{path: path, in: in, lines: format.NewLines(in)}, nil
}

// peek reads the next line, without using it up, and returns its type. At the end the type is
// empty, and err is set. The type of a line that is no record is empty too: the reader of the
// lines reports it.
func (p *part) peek() string {
	if !p.there {
		p.there, p.typ = true, ""
		if p.line, p.whole, p.err = p.lines.Next(); p.err == nil {
			p.typ, _ = ndjson.TypeOf(p.line)
		}
	}
	return p.typ
}

// take uses the next line up. It is valid until the next peek.
func (p *part) take() (line []byte, whole bool, err error) {
	p.peek()
	p.there = false
	return p.line, p.whole, p.err
}

// ended reports whether no line is left.
func (p *part) ended() bool {
	p.peek()
	return p.err != nil
}
