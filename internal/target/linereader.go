package target

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxLine is the largest length of a line in octets, including a comment. That is far more than any
// entry needs, and it bounds the memory for a file without line ends.
const maxLine = 64 << 10

// A LineReader reads a list of any kind: of targets, exclusions, hosts or probes. The list is text,
// or compressed: see OpenText. The rest of a line from # or ; on is a comment. A LineReader belongs
// to one goroutine.
type LineReader struct {
	name   string
	packed io.Reader     // the list, before the first line is read
	in     *bufio.Reader // nil before the first line is read
	number int
}

// NewLineReader returns a reader of r, which errors name. It reads nothing yet.
func NewLineReader(name string, r io.Reader) *LineReader { return &LineReader{name: name, packed: r} }

// Next returns the next line that has more than a comment, without spaces around it. At the end it
// returns io.EOF. Other errors contain name:line.
func (r *LineReader) Next() (string, error) {
	line, err := r.next()
	return string(line), err
}

// next is Next without a copy: the line is valid until the next call.
func (r *LineReader) next() ([]byte, error) {
	if r.in == nil {
		if err := r.open(); err != nil {
			return nil, err
		}
	}
	for {
		r.number++
		line, err := r.in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, r.Wrap(fmt.Errorf("line is longer than %d bytes", maxLine))
		case err == io.EOF && len(line) == 0:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, r.Wrap(err)
		}
		if i := bytes.IndexAny(line, "#;"); i >= 0 {
			line = line[:i]
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}

// open looks at the first octets: compression, and the encoding of the text.
func (r *LineReader) open() (err error) {
	r.in, err = OpenText(r.packed)
	if errors.Is(err, errUTF16) {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	if err != nil {
		r.number = 1
		return r.Wrap(err)
	}
	return nil
}

// lines returns about how many lines a list of size octets has, by the lines that are buffered. A
// compressed list has more.
func (r *LineReader) lines(size int64) int64 {
	ahead, _ := r.in.Peek(r.in.Buffered())
	n := int64(bytes.Count(ahead, []byte("\n")) + 1)
	return size * n / int64(len(ahead)+1) * 17 / 16
}

// Number returns the number of the last line, from 1.
func (r *LineReader) Number() int { return r.number }

// Wrap returns an error about the last line, with name:line before it.
func (r *LineReader) Wrap(err error) error { return fmt.Errorf("%s:%d: %w", r.name, r.number, err) }

// Buffered reports whether another line may be read without waiting for the source.
func (r *LineReader) Buffered() bool { return r.in != nil && r.in.Buffered() > 0 }

// EachLine calls f for each line of a list that is not empty, with its number from 1. Errors, also
// those of f, contain name:line. The memory is bounded for any r.
func EachLine(name string, r io.Reader, f func(line string, n int) error) error {
	in := NewLineReader(name, r)
	for {
		line, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(line, in.Number()); err != nil {
			return in.Wrap(err)
		}
	}
}
