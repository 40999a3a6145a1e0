package parquet

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/record"
)

// annotationColumns are the columns of an annotation: of the responder of a hop, or of the target of
// a trace.
func annotationColumns(prefix string, of func(*row) *record.Annotation, into func(*row) *record.Annotation) columns {
	word := func(name string, field func(*record.Annotation) *string) column {
		return column{name: prefix + name, class: text, maybe: true,
			put: func(r *row, v *value) {
				if n := of(r); n != nil && *field(n) != "" {
					r.word(v, *field(n))
				}
			},
			take: func(r *row, v *value) { *field(into(r)) = string(v.b) }}
	}
	return columns{
		{name: prefix + "asn", class: numbers, maybe: true,
			put: func(r *row, v *value) {
				if n := of(r); n != nil && len(n.ASN) > 0 {
					v.there, v.list = true, append(v.list[:0], n.ASN...)
				}
			},
			take: func(r *row, v *value) { into(r).ASN = slices.Clone(v.list) }},
		word("asn_src", func(n *record.Annotation) *string { return &n.ASNSource }),
		word("as_name", func(n *record.Annotation) *string { return &n.ASName }),
		{name: prefix + "prefix", class: text, maybe: true,
			put: func(r *row, v *value) {
				if n := of(r); n != nil && n.Prefix.IsValid() {
					at := len(r.room)
					r.room = n.Prefix.AppendTo(r.room)
					v.setText(r.room[at:len(r.room):len(r.room)])
				}
			},
			take: func(r *row, v *value) {
				p, err := netip.ParsePrefix(string(v.b))
				r.fail(prefix+"prefix", err)
				into(r).Prefix = p
			}},
		word("ixp", func(n *record.Annotation) *string { return &n.IXP }),
		word("country", func(n *record.Annotation) *string { return &n.Country }),
		word("name", func(n *record.Annotation) *string { return &n.Name }),
	}
}

// hopAnnotation are the columns of the responder.
var hopAnnotation = ofAnnotated(annotationColumns("", func(r *row) *record.Annotation { return r.note }, func(r *row) *record.Annotation {
	if r.note == nil {
		r.note = new(record.Annotation)
	}
	return r.note
}))

// ofAnnotated returns columns that hops without an annotation have no value of.
func ofAnnotated(list columns) columns {
	for i := range list {
		list[i].has = func(h *record.Hop) bool { return h.Annotation != nil }
	}
	return list
}

// traceAnnotation are the columns of the target, and the AS path.
var traceAnnotation = append(annotationColumns("dst_", func(r *row) *record.Annotation { return r.t.TargetAnnotation },
	func(r *row) *record.Annotation {
		if r.t.TargetAnnotation == nil {
			r.t.TargetAnnotation = new(record.Annotation)
		}
		return r.t.TargetAnnotation
	}),
	column{name: "as_path", class: jsonText, maybe: true, put: putPath, take: takePath})

// pathPart is a part of an AS path as JSON.
type pathPart struct {
	TTL  [2]uint8 `json:"ttl"`
	Kind string   `json:"kind"`
	ASN  []uint32 `json:"asn,omitempty"`
	IXP  string   `json:"ixp,omitempty"`
}

// putPath puts the AS path as a JSON list.
func putPath(r *row, v *value) {
	if len(r.t.ASPath) == 0 {
		return
	}
	list := make([]pathPart, len(r.t.ASPath))
	for i := range r.t.ASPath {
		p := &r.t.ASPath[i]
		list[i] = pathPart{[2]uint8{p.First, p.Last}, p.Kind.String(), p.ASN, p.IXP}
	}
	text, err := json.Marshal(list)
	if r.fail("as_path", err); err == nil {
		v.setText(text)
	}
}

func takePath(r *row, v *value) {
	var list []pathPart
	if err := json.Unmarshal(v.b, &list); err != nil {
		r.fail("as_path", err)
		return
	}
	for _, p := range list {
		kind, ok := record.ParsePathKind(p.Kind)
		if !ok {
			r.fail("as_path", fmt.Errorf("kind %.40q is not known", p.Kind))
			return
		}
		r.t.ASPath = append(r.t.ASPath, record.PathPart{First: p.TTL[0], Last: p.TTL[1], Kind: kind, ASN: p.ASN, IXP: p.IXP})
	}
}
