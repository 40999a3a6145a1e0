package annotate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// objectList reads the objects of the lists "data" of a JSON text, one at a time. It passes over
// everything else, however large. The lists are those of the whole text, or of the objects in it,
// whose keys are then the kinds of the objects.
type objectList struct {
	in     *bufio.Reader
	kind   string // of object
	object []byte // from { to its }; nil after an element that is no object
	start  int    // line of object, from 1
	line   int    // that was read last, from 1
	err    error

	stack []byte    // { and [ that are open
	keys  [2]string // of the objects that are open
	text  []byte    // the last string, if it is short
	key   bool      // a string is a key
}

const (
	// longestObject is the longest object, in octets: one has some texts of people.
	longestObject = 1 << 20
	// deepestJSON is how many lists and objects may be in one another.
	deepestJSON = 200
	longestKey  = 64
)

func newObjectList(in *bufio.Reader) *objectList { return &objectList{in: in, line: 1} }

var errNotJSON = errors.New("it is not JSON")

// next reads up to the next object, and reports whether there is one. At the end, and after a
// fault, which is err, there is none.
func (l *objectList) next() bool {
	for l.err == nil {
		c, err := l.octet()
		if err == io.EOF && len(l.stack) == 0 {
			return false
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if l.err = err; err != nil {
			return false
		}
		if l.step(c) {
			return l.err == nil
		}
	}
	return false
}

// step takes an octet outside of strings, and reports whether an object was read.
func (l *objectList) step(c byte) bool {
	switch c {
	case '{':
		if l.inData() {
			l.gather()
			return true
		}
		l.open(c)
		l.key = true
	case '[':
		l.open(c)
		l.key = false
	case '}', ']':
		if n := len(l.stack); n == 0 || l.stack[n-1] != c-2 { // as in ASCII
			l.err = errNotJSON
			return false
		}
		l.stack = l.stack[:len(l.stack)-1]
		l.key = false
	case ',':
		l.key = len(l.stack) > 0 && l.stack[len(l.stack)-1] == '{'
	case '"':
		l.string()
		if n := len(l.stack); l.key && n > 0 && n <= len(l.keys) {
			l.keys[n-1] = string(l.text)
		}
		l.key = false
	}
	return false
}

func (l *objectList) open(c byte) {
	if len(l.stack) == deepestJSON {
		l.err = errors.New("it has too many lists in one another")
		return
	}
	if n := len(l.stack); n < len(l.keys) {
		l.keys[n] = ""
	}
	l.stack = append(l.stack, c)
}

// inData reports whether the next value is an element of a list of objects.
func (l *objectList) inData() bool {
	switch s := string(l.stack); {
	case s == "{[" && l.keys[0] == "data":
		l.kind = ""
	case s == "{{[" && l.keys[1] == "data":
		l.kind = l.keys[0]
	case s == "[": // a list of objects alone
		l.kind = ""
	default:
		return false
	}
	return true
}

// octet returns the next octet, and counts lines.
func (l *objectList) octet() (byte, error) {
	c, err := l.in.ReadByte()
	if c == '\n' && err == nil {
		l.line++
	}
	return c, err
}

// string reads the rest of a string. Only a short one is kept.
func (l *objectList) string() {
	l.text = l.text[:0]
	for escaped := false; ; {
		c, err := l.octet()
		if err != nil {
			l.fail(err)
			return
		}
		if c == '"' && !escaped {
			return
		}
		escaped = c == '\\' && !escaped
		if len(l.text) < longestKey {
			l.text = append(l.text, c)
		}
	}
}

// gather reads an object whose { was read.
func (l *objectList) gather() {
	l.start = l.line
	l.object = append(l.object[:0], '{')
	quoted, escaped := false, false
	for depth := 1; depth > 0; {
		c, err := l.octet()
		if err != nil {
			l.fail(err)
			return
		}
		if len(l.object) == longestObject {
			l.err = fmt.Errorf("an object of more than %d bytes", longestObject)
			return
		}
		l.object = append(l.object, c)
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '"'
		case c == '"':
			quoted = true
		case c == '{', c == '[':
			depth++
		case c == '}', c == ']':
			depth--
		}
	}
}

func (l *objectList) fail(err error) {
	if l.err = err; err == io.EOF {
		l.err = io.ErrUnexpectedEOF
	}
}
