package ndjson

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/masstrace/masstrace/internal/record"
)

// appendAnnotation appends the fields of databases for an address, each after a comma. Those that
// are not known are left out.
func appendAnnotation(b []byte, n *record.Annotation) []byte {
	if len(n.ASN) > 0 {
		b = appendNumbers(b, "asn", n.ASN)
		b = appendText(b, "asn_src", n.ASNSource)
		b = appendText(b, "as_name", n.ASName)
	}
	if n.Prefix.IsValid() {
		b = append(appendKey(b, "prefix"), '"')
		b = append(n.Prefix.AppendTo(b), '"')
	}
	b = appendText(b, "ixp", n.IXP)
	b = appendText(b, "country", n.Country)
	return appendText(b, "name", n.Name)
}

// appendText appends a key and a text, nothing if it is empty.
func appendText(b []byte, key, text string) []byte {
	if text == "" {
		return b
	}
	return appendString(appendKey(b, key), text)
}

// appendNumbers appends a key and a list of numbers.
func appendNumbers(b []byte, key string, list []uint32) []byte {
	b = append(appendKey(b, key), '[')
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(n), 10)
	}
	return append(b, ']')
}

// appendPath appends the annotation of the target of a trace, and its AS path.
func appendPath(b []byte, t *record.Trace) []byte {
	if n := t.TargetAnnotation; n != nil {
		b = append(appendKey(b, "target"), '{')
		start := len(b)
		if b = appendAnnotation(b, n); len(b) > start { // without its first comma
			b = append(b[:start], b[start+1:]...)
		}
		b = append(b, '}')
	}
	if len(t.ASPath) == 0 {
		return b
	}
	b = append(appendKey(b, "as_path"), '[')
	for i := range t.ASPath {
		p := &t.ASPath[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"ttl":[`...)
		b = strconv.AppendUint(b, uint64(p.First), 10)
		b = strconv.AppendUint(append(b, ','), uint64(p.Last), 10)
		b = appendName(append(b, ']'), "kind", p.Kind.String())
		if len(p.ASN) > 0 {
			b = appendNumbers(b, "asn", p.ASN)
		}
		b = append(appendText(b, "ixp", p.IXP), '}')
	}
	return append(b, ']')
}

// AnnotationLine has the fields of databases for an address, in a hop or of a target.
type AnnotationLine struct {
	ASN     []uint32 `json:"asn"`
	ASNSrc  string   `json:"asn_src"`
	ASName  string   `json:"as_name"`
	Prefix  string   `json:"prefix"`
	IXP     string   `json:"ixp"`
	Country string   `json:"country"`
	Name    string   `json:"name"`
}

// PathLine is a part of the AS path in a trace-ext record.
type PathLine struct {
	TTL  [2]int   `json:"ttl"` // first and last
	Kind string   `json:"kind"`
	ASN  []uint32 `json:"asn"`
	IXP  string   `json:"ixp"`
}

// annotation returns the values of a line, nil if it has none.
func (l *AnnotationLine) annotation() (*record.Annotation, error) {
	if l == nil || len(l.ASN) == 0 && cmp.Or(l.ASNSrc, l.ASName, l.Prefix, l.IXP, l.Country, l.Name) == "" {
		return nil, nil
	}
	n := &record.Annotation{ASNSource: l.ASNSrc, ASName: l.ASName, IXP: l.IXP, Country: l.Country, Name: l.Name}
	n.ASN = append(n.ASN, l.ASN...)
	if l.Prefix != "" {
		var err error
		if n.Prefix, err = netip.ParsePrefix(l.Prefix); err != nil {
			return nil, fmt.Errorf("prefix %.60q is not a prefix", l.Prefix)
		}
	}
	return n, nil
}

// fillPath fills in the annotation of the target, and the AS path.
func (l *ExtLine) fillPath(t *record.Trace, r *ranges) (err error) {
	if t.TargetAnnotation, err = l.Target.annotation(); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	t.ASPath = nil
	for i := range l.ASPath {
		p := &l.ASPath[i]
		kind, ok := record.ParsePathKind(p.Kind)
		if !ok {
			return fmt.Errorf("as_path kind %.60q is not known", p.Kind)
		}
		t.ASPath = append(t.ASPath, record.PathPart{
			First: r.octet("as_path ttl", p.TTL[0]), Last: r.octet("as_path ttl", p.TTL[1]),
			Kind: kind, ASN: append([]uint32(nil), p.ASN...), IXP: p.IXP,
		})
	}
	return nil
}
