package pcapng

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/masstrace/masstrace/internal/outfile"
)

// ErrCapture means that a file is not a complete capture: it is cut, corrupt, or of another format.
// Errors of the operating system do not wrap it.
var ErrCapture = errors.New("capture file")

// Direction is the direction of a frame.
type Direction uint8

// The directions. AnyDirection is for files that do not record it, as most do not.
const (
	AnyDirection Direction = iota
	Inbound
	Outbound
)

// Entry is one entry of a capture file: a frame or a note.
type Entry struct {
	// Frame is valid until the next call. It is nil if the entry is a note.
	Frame    []byte
	Stamp    int64  // ns since the Unix epoch; 0 if the file does not record it
	LinkType int    // of the link header of Frame, as numbered by pcap
	Cut      bool   // Frame has only the first octets: the capture had a limit
	Source   uint32 // number of the interface in the file, from 0
	Direction
	// Note is the comment of a section header or of an interface statistics block. These may be
	// between the frames. Note is valid until the next call.
	Note []byte
}

// File reads a capture file: pcap with µs or ns, or pcapng, in either byte order, and optionally
// compressed by gzip or zstd. It is a Source of the receiver and belongs to one goroutine. It
// allocates nothing per entry. Its memory is bounded for any content of the file.
//
// It replaces gopacket's readers, which return neither the offset of a fault nor the notes and
// directions of a pcapng file.
type File struct {
	name    string
	in      *bufio.Reader
	at      int64 // octets consumed, after decompression
	skip    int   // octets of the last entry that are not consumed yet
	packed  bool
	close   []func() error
	order   binary.ByteOrder
	read    func(*File, *Entry) error
	links   []fileLink  // by number of the interface
	link    int         // link type of the last frame
	header  int         // octets of a record's header, of pcap
	lengths lengthOrder // of pcap
	err     error       // error that every later call returns
	entry   Entry       // used by Next
}

// fileLink is an interface on which frames were captured.
type fileLink struct {
	linkType int
	snap     int
	units    uint64 // per second
	offset   int64  // s
}

// Limits of sizes in a file, in octets. The largest snap length of libpcap is 256 KiB.
const (
	maxFrame   = 256 << 10
	fileBuffer = 1 << 20  // of the reader; no block that is read is larger
	maxSkipped = 64 << 20 // largest block that is skipped
	maxLinks   = 1 << 16  // interfaces of a section; they are stored, in 2 MiB
)

// OpenFile opens the capture file at path. The path - stands for stdin. Errors that wrap ErrCapture
// contain the file name and the offset. Close closes the file.
func OpenFile(path string, stdin io.Reader) (*File, error) {
	if path == "-" {
		return NewFile("stdin", stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open capture: %w", err)
	}
	file, err := NewFile(path, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	file.close = append(file.close, f.Close)
	return file, nil
}

// NewFile returns a File that reads in. Errors use name for it. The first octets of in determine
// the format and the compression. Close does not close in.
func NewFile(name string, in io.Reader) (*File, error) {
	f := &File{name: name}
	unpacked, packed, err := outfile.Decompress(in)
	f.packed = packed
	switch {
	case packed && err != nil:
		return nil, f.fault("%w", err)
	case err != nil:
		return nil, fmt.Errorf("read capture %s: %w", name, err)
	}
	f.in = bufio.NewReaderSize(unpacked, fileBuffer)
	f.close = append(f.close, unpacked.Close)
	if err := f.begin(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// begin determines the format from the first octets.
func (f *File) begin() error {
	head, err := f.peek(4)
	if err == io.EOF {
		return f.fault("the file is empty")
	}
	if err != nil {
		return err
	}
	if bytes.Equal(head, []byte{0x0a, 0x0d, 0x0d, 0x0a}) {
		f.read = (*File).nextBlock
		return nil
	}
	f.read = (*File).nextRecord
	return f.readHeader()
}

// Read fills e with the next entry. At the end of the file the error is io.EOF. If the file is cut
// or corrupt, the error wraps ErrCapture and contains the offset. After an error, each call returns
// the same error.
func (f *File) Read(e *Entry) error {
	if f.err != nil {
		return f.err
	}
	*e = Entry{}
	f.err = f.read(f, e)
	return f.err
}

// Each calls take for every entry, until the end of the file or the end of ctx, which it checks now
// and then. In both cases it returns nil. Otherwise it returns the error of take or of the file.
func (f *File) Each(ctx context.Context, take func(*Entry) error) error {
	var e Entry
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil
		}
		if err := f.Read(&e); err != nil {
			if errors.Is(err, io.EOF) && !errors.Is(err, ErrCapture) {
				return nil
			}
			return err
		}
		if err := take(&e); err != nil {
			return err
		}
	}
}

// Comment returns the comment of the first section header. It returns nil if there is none or if
// the file is not a pcapng file. It must be called before the first Read, and the comment is valid
// until then. Read does not return that comment again, but it returns every other note.
func (f *File) Comment() ([]byte, error) {
	if f.err != nil || f.order != nil {
		return nil, f.err // pcap, or the header was already read
	}
	var e Entry
	_, f.err = f.block(&e)
	return e.Note, f.err
}

// Next returns the next frame and its stamp in ns since the Unix epoch. It makes a File a source of
// frames for the receiver. It skips notes.
func (f *File) Next() (frame []byte, stamp int64, err error) {
	e := &f.entry
	for {
		if err := f.Read(e); err != nil {
			return nil, 0, err
		}
		if e.Frame != nil {
			f.link = e.LinkType
			return e.Frame, e.Stamp, nil
		}
	}
}

// LinkType returns the link type of the frame that Next last returned. In a pcapng file it may
// differ from frame to frame.
func (f *File) LinkType() int { return f.link }

// Close closes the file that OpenFile opened.
func (f *File) Close() (err error) {
	for _, c := range f.close {
		err = errors.Join(err, c())
	}
	return err
}

// fault returns an error that wraps ErrCapture and contains the current offset.
func (f *File) fault(format string, args ...any) error {
	where := ""
	if f.packed {
		where = ", decompressed"
	}
	return fmt.Errorf("%w %s: offset %d%s: %w", ErrCapture, f.name, f.at, where, fmt.Errorf(format, args...))
}

// peek returns the next n octets without consuming them. The error is io.EOF if the file ends
// before them, and a fault if it ends within them.
func (f *File) peek(n int) ([]byte, error) {
	if err := f.consume(); err != nil {
		return nil, err
	}
	b, err := f.in.Peek(n)
	switch {
	case err == nil:
		return b, nil
	case err == io.EOF && len(b) == 0:
		return nil, io.EOF
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return nil, f.fault("the file ends %d bytes later, and needs at least %d bytes there", len(b), n)
	case f.packed:
		return nil, f.fault("%w", err)
	}
	return nil, fmt.Errorf("read capture %s: %w", f.name, err)
}

// consume consumes the octets of the last entry.
func (f *File) consume() error {
	n, err := f.in.Discard(f.skip)
	f.at += int64(n)
	left := f.skip - n
	f.skip = 0
	if err == nil {
		return nil
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return f.fault("the file ends %d bytes before the end of a block", left)
	}
	if f.packed {
		return f.fault("%w", err)
	}
	return fmt.Errorf("read capture %s: %w", f.name, err)
}
