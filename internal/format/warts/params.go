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

// cursor reads the fields of octets, one after another. After an error its fields are 0. It moves
// an offset and not a slice, because the garbage collector follows every store of a slice.
type cursor struct {
	octets []byte
	at     int
	err    error
}

// left returns the number of octets that are left.
func (c *cursor) left() int { return len(c.octets) - c.at }

// take returns the next n octets, or n octets of 0 for small n after an error.
func (c *cursor) take(n int) []byte {
	if n > c.left() || c.err != nil {
		return c.nothing(n)
	}
	c.at += n
	return c.octets[c.at-n : c.at]
}

// nothing ends the cursor with an error, and returns octets of 0.
func (c *cursor) nothing(n int) []byte {
	if c.err == nil {
		c.err = errShort
	}
	c.at = len(c.octets)
	return zeros[:min(n, len(zeros))]
}

var zeros [8]byte

func (c *cursor) octet() uint8   { return c.take(1)[0] }
func (c *cursor) short() uint16  { return binary.BigEndian.Uint16(c.take(2)) }
func (c *cursor) number() uint32 { return binary.BigEndian.Uint32(c.take(4)) }

// time returns a time in ns since the Unix epoch. Microseconds beyond their second become the
// last one of it.
func (c *cursor) time() int64 {
	s := int64(c.number())
	return s*1e9 + int64(min(c.number(), 999_999))*1e3
}

// maxText is the longest text in octets.
const maxText = 4096

// text returns a text without the octet that ends it.
func (c *cursor) text() string {
	rest := c.octets[c.at:]
	end := bytes.IndexByte(rest, 0)
	if c.err == nil && (end < 0 || end > maxText) {
		c.err = errors.New("a text has no end")
		if end > maxText {
			c.err = fmt.Errorf("a text is longer than %d bytes", maxText)
		}
	}
	if c.err != nil {
		return ""
	}
	c.at += end + 1
	return string(rest[:end])
}

// appendText appends a text of at most maxText octets, up to an octet of 0 in it.
func appendText(b []byte, s string) []byte {
	s = s[:min(len(s), maxText)]
	if end := bytes.IndexByte([]byte(s), 0); end >= 0 {
		s = s[:end]
	}
	return append(append(b, s...), 0)
}

// appendTime appends a time in ns since the Unix epoch. It has no place for times before that, and
// for those after 32 bits of seconds.
func appendTime(b []byte, ns int64) []byte {
	ns = min(max(ns, 0), (1<<32)*1e9-1)
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
	rest := c.octets[c.at:]
	if len(rest) > 0 && rest[0] == 0 {
		c.take(1)
		return fields{cursor: cursor{err: c.err}}
	}
	n := 1
	for n <= len(rest) && rest[n-1]&more != 0 {
		n++
	}
	flags := c.take(n)
	values := c.take(int(c.short()))
	if c.err != nil {
		return fields{cursor: cursor{err: c.err}}
	}
	return fields{cursor: cursor{octets: values}, flags: flags}
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
