package ndjson

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/masstrace/masstrace/internal/wire"
)

// usualObjects is how many objects an extension structure usually has at most: lists of more are
// allocated.
const usualObjects = 4

// ext returns the octets of the extension structure whose objects a hop has, nil if there
// is none. Written again, they give the same objects. Data that records do not have is 0:
// reserved fields, and the octets after the last whole object.
func (l *HopLine) ext() ([]byte, error) {
	if len(l.Objects) == 0 {
		return nil, nil
	}
	var some [usualObjects]wire.Object // on the stack
	objects, payloads := some[:0], []byte(nil)
	for i := range l.Objects {
		o := &l.Objects[i]
		if o.Len > 0 && o.Labels == nil && o.Iface == nil && o.Hex == "" {
			continue // scamper's, without its contents
		}
		start := len(payloads)
		var err error
		if payloads, err = o.appendPayload(payloads); err != nil {
			return nil, fmt.Errorf("icmpext %d/%d: %w", o.Class, o.CType, err)
		}
		objects = append(objects, wire.Object{Class: o.Class, CType: o.CType, Payload: payloads[start:]})
	}
	if len(objects) == 0 {
		return nil, nil
	}
	return structure(l.ExtSum, objects)
}

// appendPayload appends the octets of an object.
func (l *ObjectLine) appendPayload(b []byte) (_ []byte, err error) {
	start := len(b)
	switch {
	case l.Labels != nil:
		for i := range l.Labels {
			label := &l.Labels[i]
			b = wire.Label{Label: label.Label, EXP: label.EXP, S: label.S, TTL: label.TTL}.AppendTo(b)
		}
	case l.Iface != nil:
		b, err = l.Iface.appendPayload(b, l.CType, int(l.Len))
	default:
		b, err = hex.AppendDecode(b, []byte(l.Hex))
	}
	if n := len(b) - start; err == nil && n != int(l.Len) {
		err = fmt.Errorf("%d bytes, but ie_dl is %d", n, l.Len)
	}
	return b, err
}

// appendPayload appends the octets of an interface information object.
func (l *IfaceLine) appendPayload(b []byte, ctype uint8, length int) ([]byte, error) {
	role, ok := wire.ParseRole(l.Role)
	if !ok {
		return nil, fmt.Errorf("role %q is not known", l.Role)
	}
	f := wire.Interface{Role: role, Index: l.Index, Addr: l.Addr, Name: l.Name, MTU: l.MTU}
	return f.AppendAs(b, ctype, length)
}

// ext is likewise of a reply record, which has the octets of all objects.
func (l *ReplyLine) ext() ([]byte, error) {
	if len(l.Objects) == 0 {
		return nil, nil
	}
	var some [usualObjects]wire.Object // on the stack
	objects, payloads := some[:0], []byte(nil)
	for i := range l.Objects {
		o := &l.Objects[i]
		start := len(payloads)
		var err error
		if payloads, err = hex.AppendDecode(payloads, []byte(o.Hex)); err != nil {
			return nil, fmt.Errorf("icmpext %d/%d: %w", o.Class, o.CType, err)
		}
		objects = append(objects, wire.Object{Class: o.Class, CType: o.CType, Payload: payloads[start:]})
	}
	return structure(l.ExtSum, objects)
}

// maxObject is the longest payload of an object, whose length with its header has 16 bits.
const maxObject = 1<<16 - 1 - 4

// structure returns the extension structure of objects with a checksum in a named state,
// which is valid where records have no name.
func structure(sum string, objects []wire.Object) ([]byte, error) {
	state := wire.ChecksumValid
	if sum != "" {
		var ok bool
		if state, ok = wire.ParseChecksumState(sum); !ok {
			return nil, fmt.Errorf("icmpext_sum %q is not known", sum)
		}
	}
	for i := range objects {
		if len(objects[i].Payload) > maxObject {
			return nil, fmt.Errorf("icmpext has an object of %d bytes", len(objects[i].Payload))
		}
	}
	size := 4 // its header, and those of the objects
	for i := range objects {
		size += 4 + len(objects[i].Payload)
	}
	return wire.AppendExtensionAs(make([]byte, 0, size), state, objects...), nil
}

// name is the name of an interface: octets that a record has as a string. Octets that are
// not UTF-8 have become \ufffd there, one by one; here they are invalid, which 0xff
// always is.
type name []byte

var replaced = []byte(`\ufffd`)

// UnmarshalJSON implements json.Unmarshaler.
func (n *name) UnmarshalJSON(text []byte) error {
	if len(text) < 2 || text[0] != '"' {
		return json.Unmarshal(text, (*[]byte)(n)) // null, or an error
	}
	*n = name{}
	rest := text[1 : len(text)-1]
	for {
		at := indexReplaced(rest)
		part := rest
		if at >= 0 {
			part = rest[:at]
		}
		var s string
		if err := json.Unmarshal(append(append([]byte{'"'}, part...), '"'), &s); err != nil {
			return err
		}
		*n = append(*n, s...)
		if at < 0 {
			return nil
		}
		*n, rest = append(*n, 0xff), rest[at+len(replaced):]
	}
}

// indexReplaced returns where the escape of an octet begins that is not UTF-8, -1 if
// there is none: after an even number of backslashes.
func indexReplaced(b []byte) int {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(b[i:], replaced) {
			return i
		}
		i++ // the escaped characters
	}
	return -1
}
