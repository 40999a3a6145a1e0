package warts

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
)

// Reader reads traces, all paths to a target, and the begins and ends of cycles. It is used by one goroutine at a time.
//
// The first error stays: an object that contradicts itself may have a wrong length, and then the
// next one cannot be found.
type Reader struct {
	in     *bufio.Reader
	at     int64  // octets read
	buf    []byte // the object
	err    error
	tables tables
	traces decoder
}

// NewReader returns a Reader of in, which is not compressed.
func NewReader(in io.Reader) format.Reader {
	return &Reader{in: bufio.NewReaderSize(in, bufferLen), tables: newTables()}
}

// Read implements format.Reader. An error names the offset of the object in the content of the
// file, without its compression.
func (r *Reader) Read() (record.Record, error) {
	for r.err == nil {
		start := r.at
		rec, err := r.object()
		switch {
		case err == io.EOF || err == format.ErrCut:
			r.err = err
		case err != nil:
			r.err = fmt.Errorf("object at byte %d: %w", start, err)
		case rec != nil:
			return rec, nil
		}
	}
	return nil, r.err
}

// object reads an object, and returns its record if it has one.
func (r *Reader) object() (record.Record, error) {
	if _, err := r.in.Peek(1); err != nil {
		return nil, ended(err, io.EOF)
	}
	head, err := r.content(headerLen)
	if err != nil {
		return nil, err
	}
	if m := binary.BigEndian.Uint16(head); m != magic {
		return nil, fmt.Errorf("begins with %#04x instead of %#04x", m, magic)
	}
	typ, length := binary.BigEndian.Uint16(head[2:]), int64(binary.BigEndian.Uint32(head[4:]))
	if int(typ) >= len(typeNames) || typeNames[typ] == "" {
		return nil, r.pass(length)
	}
	if length > maxObject {
		return nil, fmt.Errorf("an object of type %d has %d bytes, more than %d", typ, length, maxObject)
	}
	content, err := r.content(int(length))
	if err != nil {
		return nil, err
	}
	rec, err := r.decode(typ, content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", typeNames[typ], err)
	}
	return rec, nil
}

// typeNames are the types for errors.
var typeNames = [...]string{
	typeList: "list", typeCycleStart: "cycle start", typeCycleDef: "cycle definition",
	typeCycleStop: "cycle stop", typeAddress: "address", typeTrace: "trace", typeTracelb: "tracelb",
}

// decode returns the record of an object, nil if it has none.
func (r *Reader) decode(typ uint16, content []byte) (record.Record, error) {
	c := cursor{octets: content}
	switch typ {
	case typeList:
		return nil, r.tables.list(&c)
	case typeCycleStart, typeCycleDef:
		start, err := r.tables.cycle(&c)
		if err != nil {
			return nil, err
		}
		return start, nil
	case typeCycleStop:
		stop, err := r.tables.cycleStop(&c)
		if err != nil {
			return nil, err
		}
		return stop, nil
	case typeAddress:
		return nil, r.address(&c)
	case typeTracelb:
		m, err := r.traces.tracelb(content)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
	t, err := r.traces.trace(content)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// address reads an address object: its number modulo 255, its kind, and the address.
func (r *Reader) address(c *cursor) error {
	_ = c.octet()
	a := c.address(c.octet(), c.left())
	if c.err != nil {
		return c.err
	}
	r.traces.old = append(r.traces.old, a)
	return r.tables.spend(len(a))
}

// content reads n octets, valid until the next call. Memory is taken as they come, not as an object
// claims.
func (r *Reader) content(n int) ([]byte, error) {
	r.buf = r.buf[:0]
	for len(r.buf) < n {
		part := min(n-len(r.buf), max(len(r.buf), bufferLen))
		r.buf = slices.Grow(r.buf, part)
		got, err := io.ReadFull(r.in, r.buf[len(r.buf):len(r.buf)+part])
		r.buf = r.buf[:len(r.buf)+got]
		r.at += int64(got)
		if err != nil {
			return nil, ended(err, format.ErrCut)
		}
	}
	return r.buf, nil
}

// pass passes over n octets.
func (r *Reader) pass(n int64) error {
	got, err := io.CopyN(io.Discard, r.in, n)
	r.at += got
	if err != nil {
		return ended(err, format.ErrCut)
	}
	return nil
}

// ended returns the error of a read. atEOF is the one at the end of the file.
func ended(err, atEOF error) error {
	switch {
	case err == io.EOF:
		return atEOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return format.ErrCut
	}
	return fmt.Errorf("read records: %w", err)
}
