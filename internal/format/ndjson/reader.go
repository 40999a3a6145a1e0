package ndjson

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/masstrace/masstrace/internal/record"
)

// ErrCut says that the file ends inside a record or inside its compressed
// stream: its writer was killed. All records before are valid.
var ErrCut = errors.New("the last record is cut")

// maxLine is the longest line that is believed to be one.
const maxLine = 16 << 20

// Reader reads the records of an NDJSON file, compressed or not, by masstrace
// or by scamper's sc_warts2json. It is used by one goroutine at a time.
type Reader struct {
	in      *bufio.Reader
	closers []func() error
	line    []byte
	number  int
	end     error // what every later Next returns
}

// OpenReader opens the file at path; - stands for stdin. Close closes it.
func OpenReader(path string, stdin io.Reader) (*Reader, error) {
	if path == "-" {
		return NewReader(stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open results: %w", err)
	}
	r, err := NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open results %s: %w", path, err), f.Close())
	}
	r.closers = append(r.closers, f.Close)
	return r, nil
}

// The first octets of what is compressed (RFC 1952 §2.3.1, RFC 8878 §3.1.1).
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// NewReader returns a Reader of in. Whether it is compressed is told by its
// first octets, not by a name. Close does not close in.
func NewReader(in io.Reader) (*Reader, error) {
	const room = 256 << 10
	raw := bufio.NewReaderSize(in, room)
	head, err := raw.Peek(len(zstdMagic))
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read records: %w", err)
	}
	r := &Reader{in: raw}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		z, err := gzip.NewReader(raw)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			r.end = ErrCut
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		r.in = bufio.NewReaderSize(z, room)
		r.closers = append(r.closers, z.Close)
	case bytes.Equal(head, zstdMagic):
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		r.in = bufio.NewReaderSize(z, room)
		r.closers = append(r.closers, func() error { z.Close(); return nil })
	}
	return r, nil
}

// Close ends reading and closes what OpenReader opened.
func (r *Reader) Close() error {
	var err error
	for _, c := range r.closers {
		err = errors.Join(err, c())
	}
	r.closers = nil
	return err
}

// Line returns the number of the line that Next looked at last, from 1.
func (r *Reader) Line() int { return r.number }

// Next returns the next record, freshly allocated; those of types that it does
// not know are passed over. At the end it returns io.EOF, or ErrCut if the last
// line is cut. A line in between that is no record gives an error with its
// number, after which Next may be called again for the line behind it.
func (r *Reader) Next() (any, error) {
	for {
		line, whole, err := r.nextLine()
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		record, err := Decode(line)
		switch {
		case err != nil && !whole:
			r.end = ErrCut
			return nil, ErrCut
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", r.number, err)
		case record != nil:
			return record, nil
		}
	}
}

// ReadLine returns the next line that is not empty, without its end and valid
// until the next call, and the type of the record in it, whether known or not. It
// ends as Next does.
func (r *Reader) ReadLine() (typ string, line []byte, err error) {
	for {
		line, whole, err := r.nextLine()
		if err != nil {
			return "", nil, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if !whole {
			r.end = ErrCut
			return "", nil, ErrCut
		}
		typ, err := typeOf(line)
		if err != nil {
			return "", nil, fmt.Errorf("line %d: %w", r.number, err)
		}
		return typ, line, nil
	}
}

// typeOf returns the type of the record in line.
func typeOf(line []byte) (string, error) {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return "", err
	}
	if head.Type == "" {
		return "", errors.New("a record without a type")
	}
	return head.Type, nil
}

// nextLine returns the next line, valid until the next call. whole is false for
// a last one that lacks its end.
func (r *Reader) nextLine() (line []byte, whole bool, err error) {
	if r.end != nil {
		return nil, false, r.end
	}
	r.line = r.line[:0]
	r.number++
	for {
		part, err := r.in.ReadSlice('\n')
		r.line = append(r.line, part...)
		switch {
		case err == nil:
			return r.line, true, nil
		case err == bufio.ErrBufferFull && len(r.line) <= maxLine:
			continue
		case err == bufio.ErrBufferFull:
			r.end = fmt.Errorf("line %d: longer than %d octets", r.number, maxLine)
		case errors.Is(err, io.ErrUnexpectedEOF):
			r.end = ErrCut // inside the compressed stream
		case err == io.EOF:
			r.end = io.EOF
			if len(r.line) > 0 {
				return r.line, false, nil
			}
		default:
			r.end = fmt.Errorf("read records: %w", err)
		}
		return nil, false, r.end
	}
}

// Decode returns the record in line, nil if it is of a type that is not known.
func Decode(line []byte) (any, error) {
	typ, err := typeOf(line)
	if err != nil {
		return nil, err
	}
	var r any
	switch typ {
	case TypeTrace:
		r = new(TraceLine)
	case TypeTraceExt:
		r = new(ExtLine)
	case TypeReply:
		r = new(ReplyLine)
	case TypeRun:
		r = new(record.Run)
	case TypeResume:
		r = new(record.Resume)
	case TypeSummary:
		r = new(record.Summary)
	case TypeCycleStart, TypeCycleStop:
		r = new(cycleLine)
	default:
		return nil, nil
	}
	if err := json.Unmarshal(line, r); err != nil {
		return nil, fmt.Errorf("%s record: %w", typ, err)
	}
	if c, ok := r.(*cycleLine); ok {
		cycle := record.Cycle{ListName: c.ListName, ID: c.ID, Hostname: c.Hostname, Time: c.StartTime + c.StopTime}
		if typ == TypeCycleStart {
			return &record.CycleStart{Cycle: cycle}, nil
		}
		return &record.CycleStop{Cycle: cycle}, nil
	}
	return r, nil
}
