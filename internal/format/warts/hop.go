package warts

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// Parameters of a hop. Comments give the length in octets.
const (
	hopOldAddress = 1  // 4: number of an address object
	hopTTL        = 2  // 1
	hopReplyTTL   = 3  // 1
	hopFlags      = 4  // 1
	hopAttempt    = 5  // 1: from 0; scamper's JSON counts from 1
	hopRTT        = 6  // 4: µs
	hopICMP       = 7  // 2: ICMP type and code
	hopProbeSize  = 8  // 2
	hopReplySize  = 9  // 2
	hopReplyID    = 10 // 2
	hopReplyTOS   = 11 // 1
	hopMTU        = 12 // 2: next-hop MTU
	hopQuotedSize = 13 // 2; if it is not there, the size is that of the probe
	hopQuotedTTL  = 14 // 1; if it is not there, the TTL is 1
	hopTCPFlags   = 15 // 1
	hopQuotedTOS  = 16 // 1
	hopExt        = 17 // objects of an ICMP extension structure
	hopAddress    = 18 // address
	hopSent       = 19 // time
	hopName       = 20 // text
)

// hopFlagsLen is the number of flag octets that we write: up to hopSent.
const hopFlagsLen = 3

// minHop is the length of the shortest hop: one flag octet, the length, and an address object.
const minHop = 1 + 2 + 4

// Flags of a hop. Without flagTCP and flagUDP the reply is ICMP.
const (
	flagReplyTTL = 0x10 // hopReplyTTL is known
	flagTCP      = 0x20
	flagUDP      = 0x40
)

// appendHop appends a hop of a trace of head.
func appendHop(b []byte, table *addresses, head *record.Head, h *record.Hop) []byte {
	b, p := beginParams(b, hopFlagsLen)
	octet := func(id int, v uint8) { p.set(b, id); b = append(b, v) }
	short := func(id int, v uint32) {
		p.set(b, id)
		b = binary.BigEndian.AppendUint16(b, uint16(min(v, math.MaxUint16)))
	}

	octet(hopTTL, h.TTL)
	octet(hopReplyTTL, h.ReplyTTL)
	octet(hopFlags, hopFlagsOf(h))
	if !h.Lacks.Has(record.LacksAttempt) {
		octet(hopAttempt, h.Attempt)
	}
	if h.HasRTT() {
		p.set(b, hopRTT)
		us := max(h.RTT, 0) / int64(time.Microsecond)
		b = binary.BigEndian.AppendUint32(b, uint32(min(us, math.MaxUint32)))
	}
	icmp := h.Protocol == probe.ProtoICMP || h.Protocol == probe.ProtoICMPv6
	if icmp {
		p.set(b, hopICMP)
		b = append(b, h.Type, h.Code)
	}
	short(hopProbeSize, uint32(min(max(head.ProbeSize, 0), math.MaxUint16)))
	short(hopReplySize, h.ReplySize)
	if h.ReplyID != 0 {
		short(hopReplyID, uint32(h.ReplyID))
	}
	octet(hopReplyTOS, h.ReplyTOS)
	if h.MTU != 0 {
		short(hopMTU, h.MTU)
	}
	if h.HasQuote {
		short(hopQuotedSize, h.QuotedSize)
		octet(hopQuotedTTL, h.QuotedTTL)
	}
	if h.Protocol == probe.ProtoTCP {
		octet(hopTCPFlags, h.TCPFlags)
	}
	if h.HasQuote {
		octet(hopQuotedTOS, h.QuotedTOS)
	}
	var ok bool
	if b, ok = appendExt(b, h.Ext); ok {
		p.set(b, hopExt)
	}
	p.set(b, hopAddress)
	b = table.append(b, h.Responder, head.Target.Is6())
	if h.Sent > 0 {
		p.set(b, hopSent)
		b = appendTime(b, h.Sent)
	}
	p.end(b)
	return b
}

func hopFlagsOf(h *record.Hop) (flags uint8) {
	if h.ReplyTTL != 0 {
		flags |= flagReplyTTL
	}
	switch h.Protocol {
	case probe.ProtoTCP:
		flags |= flagTCP
	case probe.ProtoUDP:
		flags |= flagUDP
	}
	return flags
}

// hop reads a hop of t.
func (d *decoder) hop(c *cursor, t *record.Trace, h *record.Hop) {
	h.Target, h.Probe.Flow = t.Target, t.FlowIndex
	h.Lacks = record.LacksKind | record.LacksValid | record.LacksAttempt
	r := hopReader{h: h, sizeOfProbe: uint32(t.ProbeSize)}
	f := c.fields()
	for id := f.next(); id != 0; id = f.next() {
		switch id {
		case hopOldAddress:
			h.Responder = d.oldAddress(&f.cursor)
		case hopAddress:
			h.Responder = d.table.read(&f.cursor)
		default:
			r.param(&f, id)
		}
	}
	switch {
	case c.err != nil || f.err != nil:
		c.err = errors.Join(c.err, f.err)
		return
	case h.Responder.IsZero():
		c.err = errors.New("has no address")
		return
	case h.TTL == 0:
		c.err = errors.New("has no TTL")
		return
	}
	r.finish(d.flags&flagSocketOnly == 0)
}

// hopReader gathers the parameters of a hop.
type hopReader struct {
	h           *record.Hop
	flags       uint8
	sizeOfProbe uint32
	size, ttl   bool // hopQuotedSize, hopQuotedTTL
	tos, timed  bool // hopQuotedTOS, hopRTT
}

// param reads a parameter, or ends them.
func (r *hopReader) param(f *fields, id int) {
	h := r.h
	switch id {
	case hopTTL:
		h.TTL = f.octet()
	case hopReplyTTL:
		h.ReplyTTL = f.octet()
	case hopFlags:
		r.flags = f.octet()
	case hopAttempt:
		h.Attempt = f.octet()
		h.Lacks &^= record.LacksAttempt
	case hopRTT:
		h.RTT, r.timed = int64(f.number())*int64(time.Microsecond), true
	case hopICMP:
		h.Type, h.Code = f.octet(), f.octet()
	case hopProbeSize:
		r.sizeOfProbe = uint32(f.short())
	case hopReplySize:
		h.ReplySize = uint32(f.short())
	case hopReplyID:
		h.ReplyID = f.short()
	case hopReplyTOS:
		h.ReplyTOS = f.octet()
	case hopMTU:
		h.MTU = uint32(f.short())
	case hopQuotedSize:
		h.QuotedSize, r.size = uint32(f.short()), true
	case hopQuotedTTL:
		h.QuotedTTL, r.ttl = f.octet(), true
	case hopTCPFlags:
		h.TCPFlags = f.octet()
	case hopQuotedTOS:
		h.QuotedTOS, r.tos = f.octet(), true
	case hopExt:
		h.Ext = f.ext()
	case hopSent:
		h.Sent = f.time()
	case hopName:
		_ = f.text()
	default:
		f.end()
	}
}

// finish fills in the fields that depend on several parameters. headers is false if the replies
// came without their headers.
func (r *hopReader) finish(headers bool) {
	h := r.h
	switch {
	case r.flags&flagTCP != 0:
		h.Protocol, h.Type, h.Code = probe.ProtoTCP, 0, 0
	case r.flags&flagUDP != 0:
		h.Protocol, h.Type, h.Code = probe.ProtoUDP, 0, 0
	default:
		h.Protocol = probe.ICMP.Protocol(h.Target.Is4())
		h.HasQuote = r.size || r.ttl || r.tos || quotes(h)
	}
	if h.HasQuote && !r.ttl {
		h.QuotedTTL = 1
	}
	if h.HasQuote && !r.size {
		h.QuotedSize = r.sizeOfProbe
	}
	if !headers {
		h.HasQuote, h.ReplySize, h.ReplyID = false, 0, 0
	}
	r.drop()
	switch {
	case !r.timed:
		h.Sent = 0
	case h.Sent != 0:
		h.Stamp = h.Sent + h.RTT
	default:
		h.Lacks |= record.LacksSent
	}
}

// drop clears the fields that a hop of its protocol has no place for: a file may set any of them.
func (r *hopReader) drop() {
	h := r.h
	if !h.HasQuote {
		h.QuotedTTL, h.QuotedSize, h.QuotedTOS = 0, 0, 0
	}
	if h.Protocol != probe.ProtoTCP {
		h.TCPFlags = 0
	}
}

// quotes reports whether an ICMP reply is of a type that quotes the probe, in the types that
// scamper has quotations of.
func quotes(h *record.Hop) bool {
	if h.Protocol == probe.ProtoICMP {
		return h.Type == wire.ICMPv4Unreachable || h.Type == wire.ICMPv4TimeExceeded
	}
	return h.Protocol == probe.ProtoICMPv6 && h.Type >= wire.ICMPv6Unreachable && h.Type <= wire.ICMPv6TimeExceeded
}
