package target

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/masstrace/masstrace/internal/outfile"
)

// errUTF16 is about a text in a wide encoding, such as some editors save by default.
var errUTF16 = errors.New("the text is UTF-16: convert it to UTF-8")

// OpenText returns a reader of the text in r. Compressed text is decompressed, see
// outfile.Decompress. A byte order mark is left out, and every line ends with \n: those of r may
// also end with \r\n or \r. UTF-16 is an error, with a byte order mark and without one.
func OpenText(r io.Reader) (*bufio.Reader, error) {
	unpacked, packed, err := outfile.Decompress(r)
	if packed && err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	text := bufio.NewReaderSize(&lineEnds{in: unpacked}, maxLine)
	head, _ := text.Peek(4) // a fault comes with the first line
	if isUTF16(head) {
		return nil, errUTF16
	}
	if mark := "\ufeff"; bytes.HasPrefix(head, []byte(mark)) {
		_, err = text.Discard(len(mark))
	}
	return text, err
}

// isUTF16 reports whether a text begins with a byte order mark of UTF-16, or with two characters of
// ASCII in it.
func isUTF16(head []byte) bool {
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return true
	}
	if len(head) < 4 {
		return false
	}
	isASCII := func(high, low byte) bool { return high == 0 && low != 0 && low < 0x80 }
	return isASCII(head[1], head[0]) && isASCII(head[3], head[2]) || isASCII(head[0], head[1]) && isASCII(head[2], head[3])
}

// lineEnds is a reader that turns \r\n and \r into \n.
type lineEnds struct {
	in io.Reader
	cr bool // the last octet was \r
}

// Read implements io.Reader.
func (r *lineEnds) Read(b []byte) (int, error) {
	for {
		n, err := r.in.Read(b)
		if n = r.convert(b[:n]); n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
	}
}

// convert changes b in place and returns its new length.
func (r *lineEnds) convert(b []byte) (n int) {
	if len(b) == 0 {
		return 0
	}
	if !r.cr && bytes.IndexByte(b, '\r') < 0 {
		return len(b)
	}
	for _, c := range b {
		switch {
		case c == '\r':
			b[n] = '\n'
			n++
		case c == '\n' && r.cr: // the second half of a line end
		default:
			b[n] = c
			n++
		}
		r.cr = c == '\r'
	}
	return n
}
