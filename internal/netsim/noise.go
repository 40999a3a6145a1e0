package netsim

import (
	"encoding/binary"
	"fmt"
)

// Noise is a kind of packet that answers no probe.
type Noise uint8

// The kinds. All except BitFlip come from addresses that are on no path, so a hop made from them is
// false. A reply with flipped bits comes from the right router.
const (
	Forged         Noise = iota // time exceeded about a forged probe
	BitFlip                     // the genuine reply with one to three wrong bits in its body
	Truncated                   // time exceeded, shorter than the minimum
	Nonsense                    // any ICMP type and body
	BadIPSum                    // genuine quotation, wrong IP checksum (IPv6: length)
	BadICMPSum                  // genuine quotation, wrong ICMP checksum
	ForeignTrace                // answers another traceroute of this host
	ForeignPing                 // answers another ping of this host
	ForeignSegment              // TCP, from the target, with random numbers
	numNoises
)

var noiseNames = [numNoises]string{"forged", "bit-flip", "truncated", "nonsense", "bad-ip-sum",
	"bad-icmp-sum", "foreign-trace", "foreign-ping", "foreign-segment"}

// String returns the name used in reports.
func (n Noise) String() string {
	if n < numNoises {
		return noiseNames[n]
	}
	return fmt.Sprintf("noise(%d)", uint8(n))
}

// random is a small generator for the few packets that need many random numbers.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	return mix(r.state, saltNoise)
}

func (r *random) fill(b []byte) {
	for i := range b {
		b[i] = uint8(r.next() >> 32)
	}
}

// noiseAddr returns an address that no router has.
func noiseAddr(h uint64, six family) addr {
	if six {
		return addr{noise6 | h>>32, h | 1}
	}
	return own4(noise4 + uint32(h>>42) | 1)
}

// putNoise writes a packet of the kind into b and returns its length. genuine is the reply with
// which it is emitted.
func (s *Sim) putNoise(b []byte, kind Noise, genuine []byte, r *random) int {
	p := &s.packet
	six := p.six
	off := headerLen(six)
	e := envelope{src: noiseAddr(r.next(), six), dst: p.flow.src, id: uint16(r.next()),
		proto: icmpProto(six), ttl: uint8(40 + r.next()>>32%200)}
	msg := b[off:]
	msg[0], msg[1] = icmpType(TimeExceeded, 0, six)
	binary.BigEndian.PutUint32(msg[4:], 0)
	least := p.ip + 8
	q := msg[8 : 8+least]
	copy(q, p.raw)
	setQuotedTTL(q, 1, six)
	n := 8 + least
	switch kind {
	case BitFlip:
		return flipBits(b, genuine, six, r)
	case Forged:
		forge(q, p, r)
	case Truncated:
		n = 8 + int(r.next()>>32)%least
		clear(msg[n:max(n, 8)])
	case Nonsense:
		n = 8 + int(r.next()>>32%64)
		r.fill(msg[:n])
	case BadICMPSum, BadIPSum:
	case ForeignTrace:
		n = 8 + foreignProbe(q, p, r)
	case ForeignPing:
		if r.next()>>32&1 == 0 {
			e.src = p.flow.dst
		}
		n = 8 + 56
		r.fill(msg[:n])
		msg[0], msg[1] = icmpEchoReply, 0
		if six {
			msg[0] = icmp6EchoReply
		}
	case ForeignSegment:
		e.src, e.proto = p.flow.dst, protoTCP
		n = 20
		r.fill(msg[:n])
		if p.flow.proto == protoTCP {
			binary.BigEndian.PutUint16(msg, p.dport())
			binary.BigEndian.PutUint16(msg[2:], p.sport())
		}
		msg[12] = 5 << 4
		msg[13] = [4]uint8{flagRST, flagRST | flagACK, flagSYN | flagACK, flagACK}[r.next()>>32&3]
	}
	e.put(b, n)
	e.seal(msg[:n], checksumAt(e.proto))
	switch {
	case kind == BadICMPSum:
		msg[2+r.next()>>32&1] ^= uint8(1 + r.next()>>32%255)
	case kind == BadIPSum && six == ip6:
		binary.BigEndian.PutUint16(b[4:], uint16(n+1+int(r.next()>>32%64)))
	case kind == BadIPSum:
		b[10+r.next()>>32&1] ^= uint8(1 + r.next()>>32%255)
	}
	return off + n
}

func setQuotedTTL(q []byte, ttl uint8, six family) {
	if six {
		q[7] = ttl
		return
	}
	q[8] = ttl
	resum(q)
}

// forge guesses a probe as an attacker would that knows target and method, but does not see probes.
// In half of the cases it does not even know the source port.
func forge(q []byte, p *packet, r *random) {
	l4 := q[p.ip:]
	if r.next()>>32&1 == 0 && p.flow.proto != protoICMP && p.flow.proto != protoICMPv6 {
		r.fill(l4[:2])
	}
	switch p.flow.proto {
	case protoUDP:
		r.fill(l4[6:8])
	case protoTCP:
		r.fill(l4[4:8])
	default:
		r.fill(l4[2:8])
	}
	if !p.six {
		r.fill(q[4:6])
		resum(q)
	}
}

// foreignProbe writes a quotation of a classic traceroute's UDP probe, to this target or near it,
// and returns its length: IP header and 8 octets.
func foreignProbe(q []byte, p *packet, r *random) int {
	dst := p.flow.dst
	if h := r.next() >> 32; h&1 == 0 {
		dst.lo ^= h >> 1 & 0xff
	}
	e := envelope{src: p.flow.src, dst: dst, id: uint16(r.next() >> 32), proto: protoUDP, ttl: 1}
	off := headerLen(p.six)
	e.put(q, 40)
	l4 := q[off:]
	binary.BigEndian.PutUint16(l4, uint16(32768+r.next()>>32%28000))
	binary.BigEndian.PutUint16(l4[2:], uint16(33434+r.next()>>32%90))
	binary.BigEndian.PutUint16(l4[4:], 40)
	r.fill(l4[6:8])
	return off + 8
}

// flipBits copies a reply, flips one to three bits after its header, but never in the first four
// octets, and corrects its checksum.
func flipBits(b, genuine []byte, six family, r *random) int {
	n := copy(b, genuine)
	off := headerLen(six)
	l4 := b[off:n]
	proto := b[9]
	if six {
		proto = b[6]
	}
	span := min(len(l4)-4, 4+headerLen(six)+8) // the part that all tools read
	for range 1 + r.next()>>32%3 {
		bit := int(r.next() >> 32 % uint64(span*8))
		l4[4+bit/8] ^= 1 << (bit % 8)
	}
	e := envelope{proto: proto, dst: addr4(0), src: addr4(0)}
	if six {
		e.src, e.dst = addrFrom((*[16]byte)(b[8:])), addrFrom((*[16]byte)(b[24:]))
	} else {
		e.src = addr4(binary.BigEndian.Uint32(b[12:]))
		e.dst = addr4(binary.BigEndian.Uint32(b[16:]))
	}
	e.seal(l4, checksumAt(proto))
	return n
}
