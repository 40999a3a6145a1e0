package format

import "io"

// textLen is how many octets a Text gathers before it writes.
const textLen = 256 << 10

// Text gathers the records of a text format and writes whole ones only, many at a time. The first
// error stays. It is used by one goroutine at a time.
type Text struct {
	// Buf has the records so far; a writer appends to it, and calls End after each record.
	Buf []byte

	out io.Writer
	err error
}

// NewText returns a Text that writes to out. If out has a method Flush() error, Flush calls it.
func NewText(out io.Writer) *Text { return &Text{out: out} }

// Err returns the first error.
func (t *Text) Err() error { return t.err }

// Fail keeps err as the first error, if there is none yet.
func (t *Text) Fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// End ends a record: it writes if enough records are gathered, and returns the first error.
func (t *Text) End() error {
	if len(t.Buf) >= textLen {
		t.write()
	}
	return t.err
}

// HandOver writes all gathered records, for a reader that follows along.
func (t *Text) HandOver() error {
	t.write()
	return t.err
}

// Flush writes all gathered records through to the file.
func (t *Text) Flush() error {
	t.write()
	if f, ok := t.out.(interface{ Flush() error }); ok && t.err == nil {
		t.err = f.Flush()
	}
	return t.err
}

func (t *Text) write() {
	if t.err == nil && len(t.Buf) > 0 {
		_, t.err = t.out.Write(t.Buf)
	}
	t.Buf = t.Buf[:0]
}
