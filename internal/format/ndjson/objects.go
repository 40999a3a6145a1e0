package ndjson

import (
	"strconv"

	"github.com/masstrace/masstrace/internal/wire"
)

// appendHopObjects appends the objects of the extension structure ext as scamper does, and
// nothing if there is none. An MPLS label stack is written as its labels, and interface
// information as its fields. Any other object is written as its octets.
func appendHopObjects(b, ext []byte) []byte {
	var x wire.Extension
	if len(ext) == 0 || x.Decode(ext) != nil {
		return b
	}
	n := 0
	for objects := x.Objects(); objects.Next(); n++ {
		b = appendObjectStart(b, n)
		b = append(b, `{"ie_cn":`...)
		b = strconv.AppendInt(b, int64(objects.Class), 10)
		b = appendInt(b, "ie_ct", int64(objects.CType))
		b = appendInt(b, "ie_dl", int64(len(objects.Payload)))
		switch {
		case objects.IsMPLS():
			b = appendHopLabels(b, &objects.Object)
		case objects.Class == wire.ClassInterface:
			b = appendInterface(b, objects.Object)
		default:
			b = appendHex(b, "hex", objects.Payload)
		}
		b = append(b, '}')
	}
	return appendObjectsEnd(b, n, x.Checksum)
}

func appendHopLabels(b []byte, o *wire.Object) []byte {
	b = append(appendKey(b, "mpls_labels"), '[')
	for i := range o.NumLabels() {
		if i > 0 {
			b = append(b, ',')
		}
		l := o.Label(i)
		b = append(b, `{"mpls_ttl":`...)
		b = strconv.AppendInt(b, int64(l.TTL), 10)
		b = appendInt(b, "mpls_s", int64(l.S))
		b = appendInt(b, "mpls_exp", int64(l.EXP))
		b = appendInt(b, "mpls_label", int64(l.Label))
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendReplyObjects appends the labels of all label stacks in ext as caracal
// does, then all objects, the stacks too, with their octets. Without a label
// the first list is empty, as ClickHouse wants an array; without a structure
// the second is absent.
func appendReplyObjects(b, ext []byte) []byte {
	var x wire.Extension
	none := len(ext) == 0 || x.Decode(ext) != nil
	b = append(appendKey(b, "reply_mpls_labels"), '[')
	n := 0
	for objects := x.Objects(); objects.Next(); {
		for i := range objects.NumLabels() {
			if n > 0 {
				b = append(b, ',')
			}
			b = appendReplyLabel(b, objects.Label(i))
			n++
		}
	}
	b = append(b, ']')
	if none {
		return b
	}
	n = 0
	for objects := x.Objects(); objects.Next(); n++ {
		b = appendObjectStart(b, n)
		b = append(b, `{"class":`...)
		b = strconv.AppendInt(b, int64(objects.Class), 10)
		b = appendInt(b, "type", int64(objects.CType))
		b = appendInt(b, "len", int64(len(objects.Payload)))
		b = appendHex(b, "hex", objects.Payload)
		if objects.Class == wire.ClassInterface {
			var f wire.Interface
			if f.Decode(objects.Object) == nil {
				b = appendIface(b, &f)
			}
		}
		b = append(b, '}')
	}
	return appendObjectsEnd(b, n, x.Checksum)
}

func appendReplyLabel(b []byte, l wire.Label) []byte {
	b = append(b, '[')
	b = strconv.AppendInt(b, int64(l.Label), 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, int64(l.EXP), 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, int64(l.S), 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, int64(l.TTL), 10)
	return append(b, ']')
}

// appendInterface appends the fields of the interface information object o, or its octets
// if it is not consistent.
func appendInterface(b []byte, o wire.Object) []byte {
	var f wire.Interface
	if f.Decode(o) != nil {
		return appendHex(b, "hex", o.Payload)
	}
	return appendIface(b, &f)
}

func appendIface(b []byte, f *wire.Interface) []byte {
	b = append(appendKey(b, "iface"), `{"role":"`...)
	b = append(b, f.Role.String()...)
	b = append(b, '"')
	if f.Index != 0 {
		b = appendInt(b, "index", int64(f.Index))
	}
	if f.Addr.IsValid() {
		b = append(appendKey(b, "addr"), '"')
		b = f.Addr.AppendTo(b)
		b = append(b, '"')
	}
	if f.Name != nil {
		b = appendString(appendKey(b, "name"), f.Name)
	}
	if f.MTU != 0 {
		b = appendInt(b, "mtu", int64(f.MTU))
	}
	return append(b, '}')
}

// appendObjectStart appends the text before the n-th object.
func appendObjectStart(b []byte, n int) []byte {
	if n > 0 {
		return append(b, ',')
	}
	return append(appendKey(b, "icmpext"), '[')
}

// appendObjectsEnd ends a list of n objects; a list without objects does not exist. If the
// checksum of the structure is not valid, it appends that.
func appendObjectsEnd(b []byte, n int, c wire.ChecksumState) []byte {
	if n == 0 {
		return b
	}
	b = append(b, ']')
	if c == wire.ChecksumValid {
		return b
	}
	return appendName(b, "icmpext_sum", c.String())
}
