package ndjson

import (
	"strconv"

	"github.com/masstrace/masstrace/internal/record"
)

// appendMultipathHead appends the start of every multipath record.
func appendMultipathHead(b []byte, conf *Config) []byte {
	b = append(b, `{"type":"`+TypeMultipath+`"`...)
	return appendString(appendKey(b, "run"), conf.Run)
}

// appendMultipath appends the rest of the multipath record of m.
func appendMultipath(b []byte, m *record.Multipath) []byte {
	if m.Method != record.NoMethod {
		b = appendName(b, "method", scamperMethods[m.Method])
	}
	b = appendAddr(b, "src", m.Source)
	b = appendAddr(b, "dst", m.Target)
	b = appendName(b, "mda", m.MDA.String())
	b = appendStart(b, m.Start)
	b = appendInt(b, "probes", int64(m.Probes))
	b = appendInt(b, "remapped", int64(m.Remapped))
	if m.Unfinished {
		b = appendBool(b, "unfinished", true)
	}
	b = append(appendKey(b, "nodes"), '[')
	for i := range m.Nodes {
		b = appendNode(appendComma(b, i), &m.Nodes[i])
	}
	b = append(appendKey(append(b, ']'), "links"), '[')
	for i := range m.Links {
		b = appendLink(appendComma(b, i), &m.Links[i])
	}
	b = append(appendKey(append(b, ']'), "balancers"), '[')
	for i := range m.Balancers {
		b = appendBalancer(appendComma(b, i), &m.Balancers[i])
	}
	return append(b, ']', '}')
}

// appendComma appends the comma before the i-th element of a list.
func appendComma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

func appendNode(b []byte, n *record.Node) []byte {
	b = appendDecimal(append(b, `{"ttl":`...), uint64(n.TTL))
	b = appendAddr(b, "addr", n.Addr)
	b = appendInt(b, "flows", int64(n.Flows))
	if n.Borrowed {
		b = appendBool(b, "borrowed", true)
	}
	return append(b, '}')
}

func appendLink(b []byte, l *record.Link) []byte {
	b = appendDecimal(append(b, `{"ttl":`...), uint64(l.TTL))
	b = appendAddr(b, "near", l.Near)
	b = appendAddr(b, "far", l.Far)
	b = appendInt(b, "flows", int64(l.Flows))
	b = appendMillis(b, "dt_ms", l.Dt)
	if l.Remapped {
		b = appendBool(b, "remapped", true)
	}
	return append(b, '}')
}

func appendBalancer(b []byte, l *record.Balancer) []byte {
	b = appendDecimal(append(b, `{"ttl":`...), uint64(l.TTL))
	b = appendAddr(b, "addr", l.Addr)
	b = appendInt(b, "width", int64(l.Width))
	b = appendInt(b, "length", int64(l.Length))
	b = appendInt(b, "asymmetry", int64(l.Asymmetry))
	b = appendName(b, "kind", l.Kind.String())
	b = appendInt(b, "asked", int64(l.Asked))
	b = appendInt(b, "answered", int64(l.Answered))
	b = appendShare(appendKey(b, "confidence"), l.Confidence)
	b = appendName(b, "state", l.State.String())
	if l.HashFields.Has(record.Examined) {
		b = append(appendKey(b, "hash_fields"), '[')
		i := 0
		for name := range l.HashFields.All() {
			b = append(append(append(appendComma(b, i), '"'), name...), '"')
			i++
		}
		b = append(b, ']')
	}
	b = appendBool(b, "borrowed", l.Borrowed)
	return append(b, '}')
}

// millionths are those of 1 in appendShare.
const millionths = 1_000_000

// appendShare appends a number from 0 to 1 with 6 decimals at most. It is cut, so that it never
// claims too much; a number that was cut before stays the same. NaN is 0, so that the line stays
// JSON.
func appendShare(b []byte, v float64) []byte {
	n := uint64(0)
	if v > 0 {
		n = uint64(min(v, 1)*millionths + 1e-6)
	}
	return strconv.AppendFloat(b, float64(n)/millionths, 'f', -1, 64)
}
