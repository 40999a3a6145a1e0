package codec

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// template is a probe of one family, with every constant field in place and all others zero.
type template struct {
	octets [maxSize]byte
	size   int
	header int    // octets of the IP header
	ipSum  uint64 // of the IPv4 header
	sum    uint64 // of pseudo-header, transport header and payload
}

// The sizes of the largest probe of each family: ICMP.
const (
	maxSize4 = wire.V4Len + wire.ICMPLen + sealLen + 4
	maxSize  = wire.V6Len + wire.ICMPLen + sealLen + 16
)

// MaxSize is the most octets that Encode writes.
const MaxSize = maxSize

func (c *Codec) newTemplate4() template {
	t := template{header: wire.V4Len}
	p := t.octets[:]
	p[0] = 4<<4 | wire.V4Len/4
	p[wire.V4TOS] = c.cfg.TOS
	p[wire.V4Protocol] = c.cfg.Method.Protocol(true)
	copy(p[wire.V4Src:], c.source.Octets())
	t.size = t.header + c.transport(p[t.header:], 4)
	binary.BigEndian.PutUint16(p[wire.V4Length:], uint16(t.size))
	t.ipSum = wire.Sum(p[:t.header], 0)
	var pseudo uint64
	if c.cfg.Method != probe.ICMP {
		pseudo = wire.PseudoSum(c.source.Octets(), nil, p[wire.V4Protocol], t.size-t.header)
	}
	t.sum = wire.Sum(p[t.header:t.size], pseudo)
	return t
}

func (c *Codec) newTemplate6() template {
	t := template{header: wire.V6Len}
	p := t.octets[:]
	binary.BigEndian.PutUint32(p, 6<<28|uint32(c.cfg.TOS)<<20)
	p[wire.V6Next] = c.cfg.Method.Protocol(false)
	copy(p[wire.V6Src:], c.source6[:])
	t.size = t.header + c.transport(p[t.header:], 16)
	binary.BigEndian.PutUint16(p[wire.V6Length:], uint16(t.size-t.header))
	t.sum = wire.Sum(p[t.header:t.size], wire.PseudoSum(c.source6[:], nil, p[wire.V6Next], t.size-t.header))
	return t
}

// transport writes the constant part of transport header and payload to b, and returns their
// length. addrLen is the length of an address of the family, in octets.
func (c *Codec) transport(b []byte, addrLen int) int {
	switch c.cfg.Method {
	case probe.UDP:
		return udpTemplate(b, addrLen, c.cfg.DstPort)
	case probe.ICMP:
		return icmpTemplate(b, addrLen)
	default:
		return c.tcpTemplate(b, addrLen)
	}
}

// Prepared holds the constant part of all probes of one (target, flow). It is computed once, and
// used for every TTL and attempt. It holds no pointer.
type Prepared struct {
	Target probe.Addr
	Flow   probe.Flow
	key    tagKey
	ipSum  uint32 // IPv4 header without TTL, identification and checksum
	sum    uint32 // transport without tags and compensation
}

// Prepare fills p for a target. The target's family must have a source address.
func (c *Codec) Prepare(p *Prepared, target probe.Addr, flow uint16) {
	*p = Prepared{
		Target: target,
		Flow:   c.Flow(target, flow),
		key:    c.tagKey(&target, flow),
	}
	c.sums(p)
}

// sums computes the sums of p from its other fields.
func (c *Codec) sums(p *Prepared) {
	t := c.template(p.Target.Is4())
	dst := p.Target.Octets()
	p.ipSum = uint32(wire.Fold(wire.Sum(dst, t.ipSum) + uint64(c.varied.tosSum(p.Flow.Varies))))
	sum := wire.Sum(dst, t.sum) + uint64(c.varied.portSum(p.Flow.Varies))
	p.sum = uint32(p.Flow.Value)
	if c.cfg.Method == probe.ICMP {
		// The target is in the payload, and in IPv6 also in the pseudo-header. Identifier
		// and checksum are the flow value.
		p.sum *= 2
		if len(dst) == 16 {
			sum = wire.Sum(dst, sum)
		}
	}
	p.sum += uint32(wire.Fold(sum))
}

// Encode writes the probe of p with that TTL and attempt to buf, and returns the size of the IP
// packet. Every checksum is correct. buf must hold MaxSize octets; those after the packet may
// change too.
func (c *Codec) Encode(buf []byte, p *Prepared, ttl, attempt uint8) int {
	tau := tau(ttl, attempt)
	if p.Target.Is4() {
		t := &c.v4
		// Arrays are copied in registers, slices by a call.
		*(*[maxSize4]byte)(buf) = [maxSize4]byte(t.octets[:])
		id := nonZero(p.key.seal16(fieldSecond, tau))
		binary.BigEndian.PutUint16(buf[wire.V4ID:], id)
		buf[wire.V4TTL] = ttl
		copy(buf[wire.V4Dst:], p.Target[12:])
		binary.BigEndian.PutUint16(buf[wire.V4Checksum:], wire.Checksum(uint64(p.ipSum)+uint64(id)+uint64(ttl)<<8))
		c.encodeTransport(buf[wire.V4Len:], p, tau)
		if p.Flow.Varies != probe.Unvaried {
			c.vary4(buf, p.Flow.Varies)
		}
		return t.size
	}
	t := &c.v6
	*(*[maxSize]byte)(buf) = t.octets
	binary.BigEndian.PutUint16(buf[2:], uint16(p.Flow.Label))
	buf[1] |= uint8(p.Flow.Label >> 16)
	buf[wire.V6HopLimit] = ttl
	copy(buf[wire.V6Dst:], p.Target[:])
	c.encodeTransport(buf[wire.V6Len:], p, tau)
	if p.Flow.Varies != probe.Unvaried {
		c.vary6(buf, p.Flow.Varies)
	}
	return t.size
}

func (c *Codec) encodeTransport(b []byte, p *Prepared, tau uint8) {
	switch c.cfg.Method {
	case probe.UDP:
		encodeUDP(b, p, tau)
	case probe.ICMP:
		encodeICMP(b, p, tau)
	default:
		c.encodeTCP(b, p, tau)
	}
}
