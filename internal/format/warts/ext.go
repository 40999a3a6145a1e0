package warts

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/wire"
)

// objectHeader is the length of an object without its payload, in both encodings.
const objectHeader = 4

// maxExt is the most octets of extension objects in a hop, whose parameters have 16 bits of length
// together.
const maxExt = 1<<16 - 256

// appendExt appends the objects of an extension structure, those at the end not if they are too
// long together. ok is false if there is no object; then nothing is appended.
func appendExt(b, ext []byte) (_ []byte, ok bool) {
	var x wire.Extension
	if len(ext) == 0 || x.Decode(ext) != nil {
		return b, false
	}
	start := len(b)
	b = append(b, 0, 0)
	for objects := x.Objects(); objects.Next(); {
		if len(b)-start+objectHeader+len(objects.Payload) > maxExt {
			break
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(objects.Payload)))
		b = append(append(b, objects.Class, objects.CType), objects.Payload...)
	}
	all := len(b) - start - 2
	if all == 0 {
		return b[:start], false
	}
	binary.BigEndian.PutUint16(b[start:], uint16(all))
	return b, true
}

// ext returns the extension structure of the objects that follow, with a valid checksum.
func (c *cursor) ext() []byte {
	all := cursor{octets: c.take(int(c.short()))}
	var list []wire.Object
	for c.err == nil && all.err == nil && all.left() > 0 {
		length := all.short()
		o := wire.Object{Class: all.octet(), CType: all.octet()}
		o.Payload = all.take(int(length))
		list = append(list, o)
	}
	if c.err == nil {
		c.err = all.err
	}
	if c.err != nil || len(list) == 0 {
		return nil
	}
	return wire.AppendExtension(nil, list...)
}
