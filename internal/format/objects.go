package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Objects splits a JSON text into its objects: the lines of a file, the elements of an array, or
// one object over many lines. It is used by one goroutine at a time.
type Objects struct {
	in     *bufio.Reader
	most   int // octets of an object
	object []byte
	line   int // from 1
	start  int // line at which the object begins
	array  bool
	begun  bool
	end    error // the error of every later Next
}

// NewObjects returns Objects of in, none of which has more than most octets.
func NewObjects(in io.Reader, most int) *Objects {
	return &Objects{in: bufio.NewReaderSize(in, bufferLen), most: most, line: 1}
}

// Fault returns a LineError about the object that Next returned last.
func (o *Objects) Fault(err error) error { return &LineError{o.start, err} }

// Next returns the next object, from { to its }, valid until the next call. It does not check the
// text between them. At the end it returns io.EOF, or ErrCut if the text ends inside an object or
// an array. Other text between objects is a LineError, after which Next may be called again for the
// next line. An object that is too long is an error for good.
func (o *Objects) Next() ([]byte, error) {
	for o.end == nil {
		c, err := o.octet()
		if err != nil {
			break
		}
		switch {
		case c == '{':
			o.begun = true
			return o.gather()
		case c == '[' && !o.begun:
			o.array, o.begun = true, true
		case c == ']' && o.array:
			o.array = false
		case c == ',' && o.array, c == ' ', c == '\t', c == '\r', c == '\n', c >= 0x80 && !o.begun: // or a byte order mark
		default:
			o.start = o.line
			return nil, o.skip(c)
		}
	}
	return nil, o.end
}

// octet returns the next octet, and counts lines.
func (o *Objects) octet() (byte, error) {
	c, err := o.in.ReadByte()
	switch {
	case err == nil:
		if c == '\n' {
			o.line++
		}
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF && (o.array || len(o.object) > 0):
		o.end = ErrCut
	case err == io.EOF:
		o.end = io.EOF
	default:
		o.end = fmt.Errorf("read records: %w", err)
	}
	return c, err
}

// special has the octets that gather looks at.
var special = [256]bool{'"': true, '\\': true, '\n': true, '{': true, '}': true, '[': true, ']': true}

// gather returns the object whose { was read.
func (o *Objects) gather() ([]byte, error) {
	o.start = o.line
	o.object = append(o.object[:0], '{')
	for n := (nesting{depth: 1}); n.depth > 0; {
		if _, err := o.in.Peek(1); err != nil {
			_, _ = o.octet() // it notes the error
			return nil, o.end
		}
		some, _ := o.in.Peek(o.in.Buffered())
		used, cut := n.pass(some, &o.line)
		if len(o.object)+used > o.most {
			o.end = fmt.Errorf("line %d: an object of more than %d bytes", o.start, o.most)
			return nil, o.end
		}
		o.object = append(o.object, some[:used]...)
		_, _ = o.in.Discard(used)
		if cut {
			o.object = o.object[:0]
			return nil, o.Fault(errors.New("a JSON object that is cut"))
		}
	}
	object := o.object
	o.object = o.object[:0]
	return object, nil
}

// nesting is where in an object a text is.
type nesting struct {
	depth           int // of objects and lists
	quoted, escaped bool
}

// pass passes over text up to the end of the object, and counts lines. It returns how much it used.
// cut means that the last octet is a newline in a string, where none can be: the rest of a line is
// missing.
func (n *nesting) pass(text []byte, line *int) (used int, cut bool) {
	for i, c := range text {
		if !special[c] && !n.escaped {
			continue
		}
		if c == '\n' {
			if *line++; n.quoted {
				return i + 1, true
			}
		}
		switch {
		case n.escaped:
			n.escaped = false
		case n.quoted:
			n.escaped, n.quoted = c == '\\', c != '"'
		case c == '"':
			n.quoted = true
		case c == '{', c == '[':
			n.depth++
		case c == '}', c == ']':
			if n.depth--; n.depth == 0 {
				return i + 1, false
			}
		}
	}
	return len(text), false
}

// skip passes over the rest of a line that begins with c, and returns a LineError about it.
func (o *Objects) skip(c byte) error {
	for c != '\n' {
		var err error
		if c, err = o.octet(); err != nil {
			break
		}
	}
	return o.Fault(errors.New("not a JSON object"))
}
