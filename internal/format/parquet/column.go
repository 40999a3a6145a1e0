package parquet

import (
	"math"
	"slices"

	pq "github.com/parquet-go/parquet-go"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// class is the kind of values of a column.
type class uint8

const (
	number class = iota // an integer without a sign
	float
	timeUs // µs since the Unix epoch, UTC
	truth
	text
	octets
	jsonText // a text that is JSON
	numbers  // a list of integers of 32 bits
)

// column is a column of a table.
type column struct {
	name  string
	class class
	bits  int // of a number
	// maybe is set if values can be missing, which makes them null.
	maybe bool
	// plain is set if most values differ, so that a dictionary would not help.
	plain bool
	// random is set if pages have values from everywhere, so that their least and greatest value do
	// not exclude a page. These are not written then.
	random bool
	// put puts the value of a row into v, which is empty: null.
	put func(r *row, v *value)
	// code returns the value of a hop as a number, and whether there is one. It is nil if the
	// column has texts of its own, or values of other parts of a row.
	code func(*record.Hop) (n uint64, there bool)
	// word returns the text for a number of code. It is nil if the column has numbers.
	word func(n uint64) string
	// has reports whether a hop may have a value. It is nil if every hop may.
	has func(*record.Hop) bool
	// take fills r with a value that is not null. It is nil for columns that are not read.
	take func(r *row, v *value)
}

// row has the values for a row of a table. Tables use different parts.
type row struct {
	t        *record.Trace
	head     *record.Head // of t, or of a reply
	h        *record.Hop  // nil if the trace has none
	inferred *record.Interface
	note     *record.Annotation // of the responder
	link     *link
	run      string
	room     []byte // for texts of values until they are written
	err      error  // the first value that was not understood
}

// value is the content of a cell. It is null if it is empty.
type value struct {
	there bool
	n     uint64 // number, time, truth; bits of a float
	b     []byte // text, octets; valid until the next value of the column is read
	list  []uint32
}

func (v *value) set(n uint64)       { v.there, v.n = true, n }
func (v *value) setFloat(f float64) { v.set(math.Float64bits(f)) }
func (v *value) setBool(b bool)     { v.set(truthOf(b)) }
func (v *value) setText(b []byte)   { v.there, v.b = true, b }
func (v *value) float() float64     { return math.Float64frombits(v.n) }

// truthOf returns the number of a truth.
func truthOf(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// putCode is put by code and word.
func (c *column) putCode(r *row, v *value) {
	if v.n, v.there = c.code(r.h); v.there && c.word != nil {
		r.word(v, c.word(v.n))
	}
}

// word sets v to a text.
func (r *row) word(v *value, s string) {
	at := len(r.room)
	r.room = append(r.room, s...)
	v.setText(r.room[at:len(r.room):len(r.room)])
}

// addr sets v to an address, a.b.c.d for IPv4; it stays null without one.
func (r *row) addr(v *value, a probe.Addr) {
	if a.IsZero() {
		return
	}
	at := len(r.room)
	r.room = a.Netip().AppendTo(r.room)
	v.setText(r.room[at:len(r.room):len(r.room)])
}

// node returns the type of a column in a schema.
func (c *column) node() pq.Node {
	var n pq.Node
	switch c.class {
	case number:
		n = pq.Uint(c.bits)
	case float:
		n = pq.Leaf(pq.DoubleType)
	case timeUs:
		n = pq.Timestamp(pq.Microsecond)
	case truth:
		n = pq.Leaf(pq.BooleanType)
	case text:
		n = pq.String()
	case jsonText:
		n = pq.JSON()
	case octets:
		n = pq.Leaf(pq.ByteArrayType)
	case numbers:
		n = pq.List(pq.Encoded(pq.Uint(32), &pq.RLEDictionary))
	}
	if !c.plain && c.class != truth && c.class != numbers {
		n = pq.Encoded(n, &pq.RLEDictionary)
	}
	if c.maybe {
		n = pq.Optional(n)
	}
	return n
}

// columns are those of a table, in order.
type columns []column

// schema returns the schema of a table.
func (c columns) schema(name string) *pq.Schema {
	group := make(pq.Group, len(c))
	order := make([]string, len(c))
	for i := range c {
		group[c[i].name], order[i] = c[i].node(), c[i].name
	}
	return pq.NewSchema(name, ordered{group, order})
}

// ordered is a group whose fields are in our order; a pq.Group has them by name.
type ordered struct {
	pq.Group
	order []string
}

// Fields implements pq.Node.
func (o ordered) Fields() []pq.Field {
	fields := o.Group.Fields()
	slices.SortFunc(fields, func(a, b pq.Field) int {
		return slices.Index(o.order, a.Name()) - slices.Index(o.order, b.Name())
	})
	return fields
}
