package warts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Attributes of a trace: types, and parameters of doubletree.
const (
	attributeDoubletree = 3
	attributeTypeShift  = 12
	attributeLen        = 1<<attributeTypeShift - 1

	doubletreeOldMet   = 1 // 4: number of an address object
	doubletreeOldOther = 2 // 4
	doubletreeFirst    = 3 // 1: TTL of the first probe
	doubletreeMet      = 4 // address: the interface at which the way back ended
)

// maxHops is the largest number of hops.
const maxHops = math.MaxUint16

// appendTrace appends the content of a trace object. list and cycle are numbers.
func appendTrace(b []byte, table *addresses, t *record.Trace, list, cycle uint32) []byte {
	clear(table.numbers)
	hops := t.Hops[:min(len(t.Hops), maxHops)]
	b = appendTraceParams(b, table, t, list, cycle)
	count, at := 0, len(b)
	b = append(b, 0, 0)
	for i := range hops {
		if h := &hops[i]; h.TTL != 0 && !h.Responder.IsZero() {
			b = appendHop(b, table, &t.Head, h)
			count++
		}
	}
	binary.BigEndian.PutUint16(b[at:], uint16(count))
	if doubletree(t) {
		b = appendDoubletree(b, table, t)
	}
	return append(b, 0, 0)
}

// doubletree reports whether a trace began in the middle, or met others. A foreign trace may have
// one without the other.
func doubletree(t *record.Trace) bool { return t.FirstHop != 0 || t.Met.TTL != 0 }

// appendDoubletree appends the attribute with where a trace began, and where it met others.
func appendDoubletree(b []byte, table *addresses, t *record.Trace) []byte {
	at := len(b)
	b, p := beginParams(append(b, 0, 0), 1)
	if t.FirstHop != 0 {
		p.set(b, doubletreeFirst)
		b = append(b, t.FirstHop)
	}
	if t.Met.TTL != 0 {
		p.set(b, doubletreeMet)
		b = table.append(b, t.Met.Addr, t.Target.Is6())
	}
	p.end(b)
	binary.BigEndian.PutUint16(b[at:], attributeDoubletree<<attributeTypeShift|uint16(len(b)-at-2))
	return b
}

// decoder reads traces. It is used again for each.
type decoder struct {
	table addresses
	old   []probe.Addr // address objects
	flags uint32       // of the trace
	ports bool         // each probe of the trace has another port
}

// oldAddress returns the address of an address object, the zero Addr for number 0.
func (d *decoder) oldAddress(c *cursor) (a probe.Addr) {
	n := c.number()
	switch {
	case c.err != nil || n == 0:
	case n > uint32(len(d.old)):
		c.err = fmt.Errorf("refers to address object %d of %d", n, len(d.old))
	default:
		a = d.old[n-1]
	}
	return a
}

// trace reads a trace. It is Bare.
func (d *decoder) trace(content []byte) (*record.Trace, error) {
	d.table.list, d.flags, d.ports = d.table.list[:0], 0, false
	c := cursor{octets: content}
	t := &record.Trace{Bare: true}
	t.Method = record.NoMethod
	if err := d.traceParams(&c, t); err != nil {
		return nil, err
	}
	if t.Target.IsZero() {
		return nil, errors.New("has no target")
	}
	count := int(c.short())
	if room := min(count, c.left()/minHop); room > 0 {
		t.Hops = make([]record.Hop, 0, room)
	}
	for range count {
		t.Hops = append(t.Hops, record.Hop{})
		h := &t.Hops[len(t.Hops)-1]
		d.hop(&c, t, h)
		if c.err != nil {
			return nil, fmt.Errorf("hop %d of %d: %w", len(t.Hops), count, c.err)
		}
		t.End = max(t.End, h.TTL)
	}
	t.Reached = t.StopReason == record.StopCompleted
	d.attributes(&c, t)
	if c.err != nil {
		return nil, fmt.Errorf("after its hops: %w", c.err)
	}
	return t, nil
}

// attributes reads the attributes of a trace. Doubletree is the only one that records have a place
// for.
func (d *decoder) attributes(c *cursor, t *record.Trace) {
	for c.err == nil {
		head := c.short()
		if head == 0 {
			return
		}
		content := c.take(int(head & attributeLen))
		if head>>attributeTypeShift == attributeDoubletree && c.err == nil {
			d.doubletree(cursor{octets: content}, t)
		}
	}
}

// doubletree reads where a trace began and met others. The address may be in a part of the object
// that was passed over; then it is not known.
func (d *decoder) doubletree(c cursor, t *record.Trace) {
	var first uint8
	var met probe.Addr
	f := c.fields()
	for id := f.next(); id != 0; id = f.next() {
		switch id {
		case doubletreeOldMet:
			met = d.oldAddress(&f.cursor)
		case doubletreeOldOther:
			_ = f.number()
		case doubletreeFirst:
			first = f.octet()
		case doubletreeMet:
			met = d.table.read(&f.cursor)
		default:
			f.end()
		}
	}
	t.FirstHop = first
	for i := range t.Hops {
		if h := &t.Hops[i]; !met.IsZero() && h.Responder == met {
			t.Met = record.Interface{TTL: h.TTL, Addr: met}
			return
		}
	}
}
