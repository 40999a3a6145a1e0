package warts

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/probe"
)

// more is set in every flag octet but the last.
const more = 0x80

// flagsPerOctet is the number of flags in a flag octet.
const flagsPerOctet = 7

// params is the place of the flags and the length of parameters that are being appended to b.
type params struct{ start, width int }

// beginParams appends width flag octets without flags, and room for the length.
func beginParams(b []byte, width int) ([]byte, params) {
	p := params{len(b), width}
	for range width - 1 {
		b = append(b, more)
	}
	return append(b, 0, 0, 0), p
}

// set sets the flag of parameter id. Parameters are appended in ascending order.
func (p params) set(b []byte, id int) {
	b[p.start+(id-1)/flagsPerOctet] |= 1 << ((id - 1) % flagsPerOctet)
}

// end fills in the length.
func (p params) end(b []byte) {
	at := p.start + p.width
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-2))
}

// errShort is an object that ends inside a field.
var errShort = errors.New("ends inside a field")

// cursor reads the fields of octets, one after another. After an error its fields are 0.
type cursor struct {
	rest []byte
	err  error
}

// take returns the next n octets, or n octets of 0 for small n after an error.
func (c *cursor) take(n int) []byte {
	if c.err == nil && n > len(c.rest) {
		c.err, c.rest = errShort, nil
	}
	if c.err != nil {
		return zeros[:min(n, len(zeros))]
	}
	field := c.rest[:n:n]
	c.rest = c.rest[n:]
	return field
}

var zeros [8]byte

func (c *cursor) octet() uint8   { return c.take(1)[0] }
func (c *cursor) short() uint16  { return binary.BigEndian.Uint16(c.take(2)) }
func (c *cursor) number() uint32 { return binary.BigEndian.Uint32(c.take(4)) }

// time returns a time in ns since the Unix epoch.
func (c *cursor) time() int64 {
	s := int64(c.number())
	return s*1e9 + int64(c.number())*1e3
}

// maxText is the longest text in octets.
const maxText = 4096

// text returns a text without the octet that ends it.
func (c *cursor) text() string {
	end := bytes.IndexByte(c.rest, 0)
	if c.err == nil && (end < 0 || end > maxText) {
		c.err = errors.New("a text has no end")
		if end > maxText {
			c.err = fmt.Errorf("a text is longer than %d bytes", maxText)
		}
	}
	if c.err != nil {
		return ""
	}
	s := string(c.rest[:end])
	c.rest = c.rest[end+1:]
	return s
}

// appendText appends a text of at most maxText octets, up to an octet of 0 in it.
func appendText(b []byte, s string) []byte {
	s = s[:min(len(s), maxText)]
	if end := bytes.IndexByte([]byte(s), 0); end >= 0 {
		s = s[:end]
	}
	return append(append(b, s...), 0)
}

// appendTime appends a time in ns since the Unix epoch. It has no place for times before that.
func appendTime(b []byte, ns int64) []byte {
	ns = max(ns, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(ns/1e9))
	return binary.BigEndian.AppendUint32(b, uint32(ns%1e9/1e3))
}

// fields iterates over parameters: next returns the number of each, whose value is then read from
// the embedded cursor.
type fields struct {
	cursor
	flags []byte
	id    int
}

// fields returns the parameters that follow, and moves the cursor past them.
func (c *cursor) fields() fields {
	if c.err != nil || len(c.rest) > 0 && c.rest[0] == 0 {
		c.take(1)
		return fields{cursor: cursor{err: c.err}}
	}
	n := 1
	for n <= len(c.rest) && c.rest[n-1]&more != 0 {
		n++
	}
	flags := c.take(n)
	if c.err == nil {
		values := c.take(int(c.short()))
		if c.err == nil {
			return fields{cursor: cursor{rest: values}, flags: flags}
		}
	}
	return fields{cursor: cursor{err: c.err}}
}

// next returns the number of the next parameter, 0 after the last or after an error.
func (f *fields) next() int {
	for f.err == nil && f.id < len(f.flags)*flagsPerOctet {
		f.id++
		if f.flags[(f.id-1)/flagsPerOctet]&(1<<((f.id-1)%flagsPerOctet)) != 0 {
			return f.id
		}
	}
	return 0
}

// end stops the iteration at a parameter that is not known.
func (f *fields) end() { f.flags = nil }

// addresses are the addresses of one object, by their numbers.
type addresses struct {
	numbers map[probe.Addr]uint32 // of a writer
	list    []probe.Addr          // of a reader
}

// append appends an address. A mapped one is IPv6 if is6 is set.
func (t *addresses) append(b []byte, a probe.Addr, is6 bool) []byte {
	if n, known := t.numbers[a]; known {
		return binary.BigEndian.AppendUint32(append(b, 0), n)
	}
	t.numbers[a] = uint32(len(t.numbers))
	if a.Is4() && !is6 {
		return append(append(b, 4, kindIPv4), a[12:]...)
	}
	return append(append(b, 16, kindIPv6), a[:]...)
}

// read returns the next address of c. One of another kind than IPv4 and IPv6 is an error.
func (t *addresses) read(c *cursor) (a probe.Addr) {
	length := int(c.octet())
	if length == 0 {
		n := c.number()
		switch {
		case c.err != nil:
		case n >= uint32(len(t.list)):
			c.err = fmt.Errorf("refers to address %d of %d", n, len(t.list))
		default:
			a = t.list[n]
		}
		return a
	}
	a = c.address(c.octet(), length)
	t.list = append(t.list, a)
	return a
}

// address returns an address of a kind.
func (c *cursor) address(kind uint8, length int) (a probe.Addr) {
	octets := c.take(length)
	switch {
	case c.err != nil:
	case kind == kindIPv4 && length == 4:
		a.Set4(octets)
	case kind == kindIPv6 && length == 16:
		a = probe.Addr(octets)
	default:
		c.err = fmt.Errorf("an address of kind %d has %d bytes", kind, length)
	}
	return a
}
