package format

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxLine is the longest line that is believed to be one, in octets.
const MaxLine = 16 << 20

// Lines reads the lines of a text. It is used by one goroutine at a time.
type Lines struct {
	in     *bufio.Reader
	line   []byte
	number int
	end    error // the error of every later Next
}

// NewLines returns Lines of in.
func NewLines(in io.Reader) *Lines { return &Lines{in: bufio.NewReaderSize(in, bufferLen)} }

// Number returns the number of the line that Next returned last, from 1.
func (l *Lines) Number() int { return l.number }

// Fault returns a LineError about the line that Next returned last.
func (l *Lines) Fault(err error) error { return &LineError{l.number, err} }

// Next returns the next line that is not blank, without blanks at its ends and valid
// until the next call. whole is false for a last one without a newline. At the end Next
// returns io.EOF, or ErrCut if the compressed stream ends too early.
func (l *Lines) Next() (line []byte, whole bool, err error) {
	for {
		line, whole, err = l.next()
		if err != nil {
			return nil, false, err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, whole, nil
		}
	}
}

// Cut ends the reading: the last line is not a whole record.
func (l *Lines) Cut() error {
	l.end = ErrCut
	return ErrCut
}

func (l *Lines) next() (line []byte, whole bool, err error) {
	if l.end != nil {
		return nil, false, l.end
	}
	l.line = l.line[:0]
	l.number++
	for {
		part, err := l.in.ReadSlice('\n')
		if err == nil && len(l.line) == 0 {
			return part, true, nil
		}
		l.line = append(l.line, part...)
		switch {
		case err == nil:
			return l.line, true, nil
		case err == bufio.ErrBufferFull && len(l.line) <= MaxLine:
			continue
		case err == bufio.ErrBufferFull:
			l.end = fmt.Errorf("line %d: longer than %d bytes", l.number, MaxLine)
		case errors.Is(err, io.ErrUnexpectedEOF):
			l.end = ErrCut // inside the compressed stream
		case err == io.EOF:
			l.end = io.EOF
			if len(l.line) > 0 {
				return l.line, false, nil
			}
		default:
			l.end = fmt.Errorf("read records: %w", err)
		}
		return nil, false, l.end
	}
}
