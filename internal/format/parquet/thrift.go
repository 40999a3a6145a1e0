package parquet

import (
	"encoding/binary"
	"errors"
)

// The types of fields and elements in Thrift's compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftInt64  = 6 // and the ones between
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// deepest is the most that structures of Parquet are nested, and more.
const deepest = 16

var errThrift = errors.New("not a valid structure of Parquet")

// compact reads Thrift's compact protocol. It makes nothing as long as its input claims: each
// element is read, and the input ends. The first error stays.
type compact struct {
	b     []byte
	at    int
	depth int
	err   error
}

func (c *compact) fail() {
	if c.err == nil {
		c.err = errThrift
	}
	c.at = len(c.b)
}

func (c *compact) octet() byte {
	if c.at >= len(c.b) {
		c.fail()
		return 0
	}
	c.at++
	return c.b[c.at-1]
}

func (c *compact) uvarint() uint64 {
	v, n := binary.Uvarint(c.b[c.at:])
	if n <= 0 {
		c.fail()
		return 0
	}
	c.at += n
	return v
}

// int returns an integer, if the type is one; another value is passed over.
func (c *compact) int(typ byte) int64 {
	if typ == thriftByte {
		return int64(int8(c.octet()))
	}
	if typ < thriftByte || typ > thriftInt64 {
		c.skip(typ)
		return 0
	}
	v := c.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// binary returns octets that alias the input.
func (c *compact) binary(typ byte) []byte {
	if typ != thriftBinary {
		c.skip(typ)
		return nil
	}
	n := c.uvarint()
	if n > uint64(len(c.b)-c.at) {
		c.fail()
		return nil
	}
	c.at += int(n)
	return c.b[c.at-int(n) : c.at]
}

// fields calls field for each field of a structure. It reads the value.
func (c *compact) fields(typ byte, field func(id int, typ byte)) {
	if typ != thriftStruct {
		c.skip(typ)
		return
	}
	if c.depth++; c.depth > deepest {
		c.fail()
	}
	for id := 0; c.err == nil; {
		head := c.octet()
		if head == 0 {
			break
		}
		if delta := int(head >> 4); delta != 0 {
			id += delta
		} else {
			id = int(int16(c.int(thriftInt64)))
		}
		field(id, head&15)
	}
	c.depth--
}

// list calls element for each element of a list.
func (c *compact) list(typ byte, element func(typ byte)) {
	if typ != thriftList && typ != thriftSet {
		c.skip(typ)
		return
	}
	head := c.octet()
	n := uint64(head >> 4)
	if n == 15 {
		n = c.uvarint()
	}
	if n > uint64(len(c.b)-c.at) { // an element has an octet or more
		c.fail()
	}
	for ; n > 0 && c.err == nil; n-- {
		element(head & 15)
	}
}

// skip passes over the value of a field.
func (c *compact) skip(typ byte) {
	switch typ {
	case thriftTrue, thriftFalse: // without a value
	case thriftByte:
		c.octet()
	case thriftByte + 1, thriftByte + 2, thriftInt64:
		c.uvarint()
	case thriftDouble:
		if len(c.b)-c.at < 8 {
			c.fail()
			return
		}
		c.at += 8
	case thriftBinary:
		c.binary(typ)
	case thriftList, thriftSet:
		if c.depth++; c.depth > deepest {
			c.fail()
		}
		c.list(typ, func(typ byte) {
			if typ <= thriftFalse { // in a list it has a value
				typ = thriftByte
			}
			c.skip(typ)
		})
		c.depth--
	case thriftMap:
		c.skipMap()
	case thriftStruct:
		c.fields(typ, func(_ int, typ byte) { c.skip(typ) })
	default:
		c.fail()
	}
}

func (c *compact) skipMap() {
	n := c.uvarint()
	if n == 0 {
		return
	}
	types := c.octet()
	if n > uint64(len(c.b)-c.at) {
		c.fail()
	}
	if c.depth++; c.depth > deepest {
		c.fail()
	}
	for ; n > 0 && c.err == nil; n-- {
		c.skip(max(types>>4, thriftByte))
		c.skip(max(types&15, thriftByte))
	}
	c.depth--
}
