package format

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/record"
)

// File is a file of results.
type File struct {
	Reader
	name string
	in   io.Closer
}

// Name returns the name of the file's format; it is empty if the file is cut before that
// can be told.
func (f *File) Name() string { return f.name }

// Close ends reading, and closes the files that Open opened.
func (f *File) Close() error { return f.in.Close() }

// Offset returns how many octets of its files were read, compressed as they are; 0 if that is not
// known.
func (f *File) Offset() int64 {
	if in, ok := f.in.(interface{ Offset() int64 }); ok {
		return in.Offset()
	}
	return 0
}

// Open opens the file at path, which may be compressed; - means stdin. The first of
// formats that it begins like is its format. The error wraps ErrUnknown if there is none.
func Open(path string, stdin io.Reader, formats []Format) (*File, error) {
	in, err := OpenInput(path, stdin)
	if err != nil {
		return nil, err
	}
	f, err := newFile(in, formats)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open results %s: %w", path, err), in.Close())
	}
	return f, nil
}

// New is Open of a stream. Close does not close in.
func New(in io.Reader, formats []Format) (*File, error) {
	unpacked, err := unpack(in)
	if err != nil {
		return nil, err
	}
	return newFile(unpacked, formats)
}

// NewFile returns a file of the format of that name, which r reads and in closes.
func NewFile(name string, r Reader, in io.Closer) *File { return &File{Reader: r, name: name, in: in} }

// bufferLen is the number of octets that are read at once to find the format.
const bufferLen = 256 << 10

func newFile(in io.ReadCloser, formats []Format) (*File, error) {
	r := bufio.NewReaderSize(in, bufferLen)
	head, err := peekLines(r)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && len(head) == 0:
		return &File{Reader: cut{}, in: in}, nil
	case err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("read records: %w", err)
	}
	fault := notText(head)
	var names []string
	for i := range formats {
		if (fault == "" || formats[i].Binary) && formats[i].Begins(head) {
			return &File{Reader: formats[i].NewReader(r), name: formats[i].Name, in: in}, nil
		}
		names = append(names, formats[i].Name)
	}
	if fault != "" {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, fault)
	}
	return nil, fmt.Errorf("%w: none of %s", ErrUnknown, strings.Join(names, ", "))
}

// notText returns why a file that begins with head is of no format of text; "" if it may be of one.
func notText(head []byte) string {
	first, _, _ := bytes.Cut(head, []byte("\n"))
	switch {
	case len(bytes.TrimSpace(head)) == 0:
		return "the file is empty"
	case isCapture(head):
		return "it is a capture, which masstrace replay reads"
	case bytes.IndexByte(first, 0) >= 0:
		return "it is not text"
	}
	return ""
}

// captureMagic are the first octets of captures: pcapng, and pcap in µs and ns of both byte orders.
var captureMagic = []string{"\n\r\r\n", "\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d"}

func isCapture(head []byte) bool {
	return slices.ContainsFunc(captureMagic, func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) })
}

// peekLines returns the available input. It has at least two lines that are not blank,
// unless they fill the buffer, or the input ends before with err.
func peekLines(r *bufio.Reader) (head []byte, err error) {
	for seen, start, lines := 0, 0, 0; seen < bufferLen && lines < 2; {
		if _, err = r.Peek(seen + 1); err != nil {
			head, _ = r.Peek(r.Buffered())
			return head, err
		}
		head, _ = r.Peek(r.Buffered())
		for _, c := range head[seen:] {
			seen++
			if c != '\n' {
				continue
			}
			if len(bytes.TrimSpace(head[start:seen])) > 0 {
				lines++
			}
			start = seen
		}
	}
	return head, nil
}

// cut is a file without a whole record.
type cut struct{}

// Read implements Reader.
func (cut) Read() (record.Record, error) { return nil, ErrCut }

// OpenInput opens the file at path, which may be compressed, for a reader of a format;
// - means stdin, which Close leaves open.
func OpenInput(path string, stdin io.Reader) (io.ReadCloser, error) {
	if path == "-" {
		return unpack(stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open results: %w", err)
	}
	unpacked, err := unpack(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open results %s: %w", path, err), f.Close())
	}
	return &input{unpacked, f}, nil
}

// input is a file, and the reader that decompresses it.
type input struct {
	io.ReadCloser
	file *os.File
}

// Close closes both.
func (i *input) Close() error { return errors.Join(i.ReadCloser.Close(), i.file.Close()) }

// Offset returns how many octets of the file were read.
func (i *input) Offset() int64 {
	at, err := i.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0 // a pipe
	}
	return at
}
