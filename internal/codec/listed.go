package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"

	"github.com/dchest/siphash"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Line is a probe whose hashed fields the caller has chosen.
type Line struct {
	Target  probe.Addr
	SrcPort uint16 // ICMP: checksum and identifier
	DstPort uint16 // UDP
	TTL     uint8
	Method  probe.Method // UDP or ICMP
}

// Listed builds and authenticates the probes of a list. They have the same fields and tags as
// others of their method. But as no seed gives their ports, keys are bound to target, method and
// ports instead of target and flow. A reply counts only with both tags. Probe.Flow is the source
// port.
//
// All methods but Quoted may be called concurrently with each other and with it.
type Listed struct {
	methods [2]*Codec // UDP, ICMP
}

// ListedConfig is the part of probes that is constant over a list.
type ListedConfig struct {
	Key              Key
	Source4, Source6 netip.Addr
	TOS              uint8
}

// NewListed checks c and returns its codec.
func NewListed(c ListedConfig) (*Listed, error) {
	l := new(Listed)
	for _, method := range []probe.Method{probe.UDP, probe.ICMP} {
		m, err := New(Config{
			Method: method, Key: c.Key, Source4: c.Source4, Source6: c.Source6, TOS: c.TOS,
			Flows: 1, MinTTL: 1, MaxTTL: probe.MaxTTL, Attempts: probe.MaxAttempts, PortLow: 1, PortHigh: math.MaxUint16,
		})
		if err != nil {
			return nil, err
		}
		m.strongOnly = true // any source port may be of a line
		l.methods[method] = m
	}
	return l, nil
}

// Check returns an error that names the wrong field of a line, if there is one.
func (v *Line) Check() error {
	switch {
	case v.TTL < 1 || v.TTL > probe.MaxTTL:
		return fmt.Errorf("TTL %d is not within 1 to %d", v.TTL, probe.MaxTTL)
	case v.Method > probe.ICMP:
		return fmt.Errorf("%v is not a method of lists", v.Method)
	case v.SrcPort == 0, v.Method == probe.ICMP && v.SrcPort == 0xffff:
		return fmt.Errorf("source port %d cannot be used", v.SrcPort)
	case v.Method == probe.UDP && v.DstPort == 0:
		return fmt.Errorf("destination port %d cannot be used", v.DstPort)
	}
	return nil
}

// Source returns the source address of probes of that family, zero if there are no such probes.
func (l *Listed) Source(is4 bool) probe.Addr { return l.methods[0].Source(is4) }

// Size returns the size in octets of an IP packet that carries a probe.
func (l *Listed) Size(method probe.Method, is4 bool) int { return l.methods[method].Size(is4) }

// key returns the secrets of the probes to a target over given ports.
func (l *Listed) key(target *probe.Addr, method probe.Method, srcPort, dstPort uint16) tagKey {
	in := [22]byte{16: uint8(method), 21: uint8(forLines)}
	copy(in[:16], target[:])
	binary.BigEndian.PutUint16(in[17:], srcPort)
	binary.BigEndian.PutUint16(in[19:], dstPort)
	k := l.methods[0].key
	a, b := siphash.Hash128(k.k0, k.k1, in[:])
	return tagKey{a, b}
}

// Flow returns the fields of a line that load balancers may hash. The label must not depend on
// the key.
func (v *Line) Flow() probe.Flow {
	in := [20]byte{}
	copy(in[:16], v.Target[:])
	binary.BigEndian.PutUint16(in[16:], v.SrcPort)
	binary.BigEndian.PutUint16(in[18:], v.DstPort)
	label := uint32(siphash.Hash(0, 0, in[:])) >> 12
	return probe.Flow{Value: v.SrcPort, Label: max(label, 1)}
}

// Encode writes the probe of v, which must be checked, to buf, and returns the size of the IP
// packet. attempt counts the probes of the same line from 0. buf must hold MaxSize octets.
func (l *Listed) Encode(buf []byte, v *Line, attempt uint8) int {
	c := l.methods[v.Method]
	p := Prepared{Target: v.Target, Flow: v.Flow(), key: l.key(&v.Target, v.Method, v.SrcPort, v.DstPort)}
	c.sums(&p)
	at := c.template(v.Target.Is4()).header + wire.UDPDstPort
	if v.Method == probe.UDP {
		p.sum += uint32(v.DstPort)
	}
	n := c.Encode(buf, &p, v.TTL, attempt)
	if v.Method == probe.UDP {
		binary.BigEndian.PutUint16(buf[at:], v.DstPort)
	}
	return n
}

// Filter returns the capture filter that accepts every answer to a probe of a list, as
// Codec.Filter does.
func (l *Listed) Filter() string {
	none := *l.methods[1] // ICMP errors that quote one protocol, and echo replies
	udp := *l.methods[0]
	udp.cfg.DstPort = 0 // no datagram has that source port
	return none.Filter() + " or " + udp.Filter()
}

// Quoted authenticates the quotation q of an ICMP error, as Codec.Quoted does.
func (l *Listed) Quoted(q *wire.Quotation, r *probe.Facts) Verdict {
	var c *Codec
	switch q.Protocol {
	case probe.UDP.Protocol(q.Is4):
		c = l.methods[probe.UDP]
	case probe.ICMP.Protocol(q.Is4):
		c = l.methods[probe.ICMP]
	default:
		return Unrelated
	}
	if v := c.quotedHeader(q, r, probe.Unvaried); v != Accepted {
		return v
	}
	b := q.Transport
	var first, second candidates
	var k tagKey
	firstName := probe.MangledCsum
	line := Line{Target: r.Target, Method: c.cfg.Method}
	if c.cfg.Method == probe.UDP {
		line.SrcPort, line.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[wire.UDPDstPort:])
		k = l.key(&r.Target, probe.UDP, line.SrcPort, line.DstPort)
		c.readNonZeroTag(&first, k, fieldFirst, binary.BigEndian.Uint16(b[wire.UDPChecksum:]))
	} else {
		echo := uint8(wire.ICMPv4Echo)
		if !q.Is4 {
			echo = wire.ICMPv6Echo
		}
		if b[wire.ICMPType] != echo || b[wire.ICMPCode] != 0 {
			return Unrelated
		}
		firstName = probe.MangledSeq
		line.SrcPort = binary.BigEndian.Uint16(b[wire.EchoID:])
		k = l.key(&r.Target, probe.ICMP, line.SrcPort, 0)
		c.readTag(&first, k, fieldFirst, binary.BigEndian.Uint16(b[wire.EchoSeq:]))
		if binary.BigEndian.Uint16(b[wire.ICMPChecksum:]) != line.SrcPort {
			r.Mangled |= probe.MangledCsum
		}
	}
	other := probe.MangledIPID
	if q.Is4 {
		c.readNonZeroTag(&second, k, fieldSecond, q.ID)
	} else {
		other = sealFault(c.readSeal(&second, k, b[wire.MinTransport:]))
		if q.Label != line.Flow().Label {
			r.Mangled |= probe.MangledLabel
		}
	}
	r.Flow = line.SrcPort
	return c.compareTags(r, &first, &second, firstName, other)
}

// EchoReply authenticates an echo reply, as Codec.EchoReply does. The payload must hold the
// target.
func (l *Listed) EchoReply(message []byte, is4 bool, r *probe.Facts) Verdict {
	c := l.methods[probe.ICMP]
	if c.Source(is4).IsZero() {
		return Unrelated
	}
	if len(message) < wire.ICMPLen {
		return Malformed
	}
	payload := message[wire.ICMPLen:]
	switch {
	case is4 && len(payload) >= sealLen+4:
		r.Target = probe.Addr4From([4]byte(payload[sealLen:]))
	case !is4 && len(payload) >= sealLen+16:
		r.Target = probe.Addr(payload[sealLen : sealLen+16])
	default:
		return Unrelated
	}
	if r.Target.Is4() != is4 {
		return Unrelated
	}
	r.Flow, r.Mangled = binary.BigEndian.Uint16(message[wire.EchoID:]), 0
	k := l.key(&r.Target, probe.ICMP, r.Flow, 0)
	var first, second candidates
	c.readTag(&first, k, fieldFirst, binary.BigEndian.Uint16(message[wire.EchoSeq:]))
	other := sealFault(c.readSeal(&second, k, payload))
	return c.compareTags(r, &first, &second, probe.MangledSeq, other)
}

// UDPAnswer rejects all datagrams: none can have two tags.
func (l *Listed) UDPAnswer(_, _ uint16, _ *probe.Facts) Verdict { return Unrelated }

// TCPAnswer rejects all segments: no listed probe is one.
func (l *Listed) TCPAnswer(*Segment, *probe.Facts) Verdict { return Unrelated }
