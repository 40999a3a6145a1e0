package scamper

import (
	"strconv"

	"github.com/masstrace/masstrace/internal/wire"
)

// appendObjects appends the objects of the extension structure ext, and nothing if there is none.
// The contents of those that are no label stacks have no place.
func appendObjects(b, ext []byte) []byte {
	var x wire.Extension
	if len(ext) == 0 || x.Decode(ext) != nil {
		return b
	}
	n := 0
	for objects := x.Objects(); objects.Next(); n++ {
		if n == 0 {
			b = append(b, `, "icmpext":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendField(append(b, '{'), `"ie_cn":`, uint32(objects.Class))
		b = appendField(b, `,"ie_ct":`, uint32(objects.CType))
		b = appendField(b, `,"ie_dl":`, uint32(len(objects.Payload)))
		if objects.IsMPLS() {
			b = append(b, `,"mpls_labels":[`...)
			for i := range objects.NumLabels() {
				if i > 0 {
					b = append(b, ',')
				}
				l := objects.Label(i)
				b = appendField(append(b, '{'), `"mpls_ttl":`, uint32(l.TTL))
				b = appendField(b, `,"mpls_s":`, uint32(l.S))
				b = appendField(b, `,"mpls_exp":`, uint32(l.EXP))
				b = append(appendField(b, `,"mpls_label":`, l.Label), '}')
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	if n > 0 {
		b = append(b, ']')
	}
	return b
}

func appendField(b []byte, key string, v uint32) []byte {
	return strconv.AppendUint(append(b, key...), uint64(v), 10)
}
