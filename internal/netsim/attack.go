package netsim

import (
	"encoding/binary"
	"fmt"
)

// Attack is a kind of packet that is meant to make a false hop.
type Attack uint8

// The kinds.
const (
	// GarbledCopy comes before a genuine answer, from an address on no path: the same answer
	// with one rewritten field, sometimes as another type of error.
	GarbledCopy Attack = iota
	// ForgedQuote is a time exceeded or a port unreachable about a probe that an attacker
	// guesses. It knows target and flow, and does not see probes.
	ForgedQuote
	// ForgedEcho is an echo reply from the target's address. The attacker knows the
	// identifier and guesses the sequence number. The payload is missing or random.
	ForgedEcho
	// NobodysCopy comes before a genuine answer, from an address that no host has.
	NobodysCopy
	// LuckyGuess is a ForgedQuote that has the tags of a probe by chance.
	LuckyGuess
	numAttacks
)

var attackNames = [numAttacks]string{"garbled-copy", "forged-quote", "forged-echo", "nobodys-copy", "lucky-guess"}

// String returns the name used in reports.
func (a Attack) String() string {
	if a < numAttacks {
		return attackNames[a]
	}
	return fmt.Sprintf("attack(%d)", uint8(a))
}

// attack emits the packets of attackers who need no answer of the probe.
func (s *Sim) attack(now int64, rnd uint64, emit func(int64, []byte)) {
	cfg := &s.m.cfg
	if cfg.ForgedQuotes == 0 && cfg.ForgedEchoes == 0 {
		return
	}
	r := random{mix(rnd, saltAttack)}
	for range cfg.ForgedQuotes {
		s.emitAttack(now, ForgedQuote, s.putForged(s.other[:], &r), emit)
	}
	for range cfg.ForgedEchoes {
		if n := s.putForgedEcho(s.other[:], &r); n > 0 {
			s.emitAttack(now, ForgedEcho, n, emit)
		}
	}
}

func (s *Sim) emitAttack(due int64, a Attack, n int, emit func(int64, []byte)) {
	s.count.Attacks[a]++
	emit(due, s.other[:n])
}

// attackCopies emits false copies before the genuine answer of n octets, in s.out.
func (s *Sim) attackCopies(due int64, rnd uint64, n int, emit func(int64, []byte)) {
	luck := mix(rnd, saltAttack)
	r := random{luck}
	if s.m.garbled.hit(luck) {
		if size := s.putGarbled(s.other[:], s.out[:n], &r); size > 0 {
			s.emitAttack(due, GarbledCopy, size, emit)
		}
	}
	if s.m.nobodies.hit(mix(luck, 1)) && s.rec.Answer.IsError() {
		size := copy(s.other[:], s.out[:n])
		s.resource(s.other[:size], unusable(r.next(), s.packet.six))
		s.emitAttack(due, NobodysCopy, size, emit)
	}
}

// resource gives a reply another source and correct checksums.
func (s *Sim) resource(b []byte, src addr) {
	six, proto := s.packet.six, b[9]
	off := headerLen(six)
	if six {
		proto = b[6]
		src.put(b[8:])
	} else {
		src.put(b[12:])
		resum(b)
	}
	e := envelope{src: src, dst: s.packet.flow.src, proto: proto}
	e.seal(b[off:], checksumAt(proto))
}

// unusable returns an address that no host has.
func unusable(h uint64, six family) addr {
	if six {
		return [4]addr{{}, {0, 1}, {0xff02 << 48, 1}, {0xff05 << 48, 2}}[h>>32&3]
	}
	return addr4([4]uint32{0, 0xffffffff, 127<<24 | 1, 224<<24 | 1}[h>>32&3])
}

// putForged writes a quotation of a guessed probe, and returns its length.
func (s *Sim) putForged(b []byte, r *random) int {
	h, n := r.next(), s.packet.ip+8
	if h>>42&1 == 0 {
		n = len(s.packet.raw)
	}
	return s.putQuote(b, h, n, r)
}

// putQuote writes a quotation of n octets of the present packet, and returns its length. It comes
// from an address on no path, or from the target. If guesses is not nil, the tags come from there.
func (s *Sim) putQuote(b []byte, h uint64, n int, guesses *random) int {
	p := &s.packet
	e := envelope{src: noiseAddr(h, p.six), dst: p.flow.src, id: uint16(h), proto: icmpProto(p.six), ttl: 50}
	kind := TimeExceeded
	if h>>40&3 == 0 {
		kind, e.src = PortUnreach, p.flow.dst
	}
	off := headerLen(p.six)
	msg := b[off:]
	msg[0], msg[1] = icmpType(kind, 0, p.six)
	binary.BigEndian.PutUint32(msg[4:], 0)
	q := msg[8 : 8+n]
	copy(q, p.raw)
	if guesses != nil {
		guess(q, p, guesses)
	}
	setQuotedTTL(q, 1, p.six)
	e.put(b, 8+n)
	e.seal(msg[:8+n], 2)
	return off + 8 + n
}

// guess replaces all fields of the quotation q that change from probe to probe by random values.
func guess(q []byte, p *packet, r *random) {
	l4 := q[p.ip:]
	if r.next()>>32&3 == 0 { // as behind a box that rewrites our address
		src := noiseAddr(r.next(), p.six)
		if p.six {
			src.put(q[8:])
		} else {
			src.put(q[12:])
		}
	}
	switch p.flow.proto {
	case protoUDP:
		r.fill(l4[6:])
	case protoTCP:
		r.fill(l4[4:8])
		if len(l4) >= 12 && p.flags()&flagACK != 0 { // an ACK has one number in both fields
			copy(l4[8:12], l4[4:8])
		}
	default:
		r.fill(l4[6:])
	}
	if !p.six {
		r.fill(q[4:6])
	}
}

// putForgedEcho writes an echo reply with a guessed sequence number, and returns its length, 0 for
// probes of another protocol.
func (s *Sim) putForgedEcho(b []byte, r *random) int {
	p := &s.packet
	if !p.isICMP() {
		return 0
	}
	off, n := headerLen(p.six), 8
	h := r.next()
	if h>>32&1 == 0 {
		n = len(p.l4)
	}
	e := envelope{src: p.flow.dst, dst: p.flow.src, id: uint16(h), proto: icmpProto(p.six), ttl: 50}
	msg := b[off : off+n]
	copy(msg, p.l4)
	msg[0] = icmpEchoReply
	if p.six {
		msg[0] = icmp6EchoReply
	}
	r.fill(msg[6:min(n, 24)]) // sequence number and seal, not the target
	e.put(b, n)
	e.seal(msg, 2)
	return off + n
}

// putGarbled writes a copy of the genuine answer from elsewhere with one field rewritten, and
// returns its length. It returns 0 if there is no such copy: a segment or a datagram from
// elsewhere answers nothing.
func (s *Sim) putGarbled(b, genuine []byte, r *random) int {
	p := &s.packet
	off := headerLen(p.six)
	h := r.next()
	n := copy(b, genuine)
	msg := b[off:n]
	switch {
	case s.rec.Answer == EchoReply:
		at := [2]int{6, 20}[h>>32&1] // the sequence number, or the seal
		if at >= len(msg) {
			at = 6
		}
		msg[at] ^= uint8(1 + h>>40%255)
	case !s.rec.Answer.IsError():
		return 0
	default:
		n = off + s.garbleQuote(msg, h)
		if h>>33&1 == 0 && s.rec.Answer == TimeExceeded {
			msg[0], msg[1] = icmpType([2]Answer{PortUnreach, HostUnreach}[h>>34&1], 1, p.six)
		}
	}
	s.resize(b[:n])
	s.resource(b[:n], noiseAddr(h, p.six))
	return n
}

// garbleQuote rewrites one field of the probe quoted in an ICMP error, and returns the length of
// the error. A long quotation over IPv6 may also be cut to 8 octets of the transport.
func (s *Sim) garbleQuote(msg []byte, h uint64) int {
	p := &s.packet
	q := msg[8:]
	l4 := q[p.ip:]
	change := func(b []byte) { b[0] ^= uint8(1 + h>>48%255) }
	field := h >> 35 & 3
	switch {
	case field == 0 && !bool(p.six):
		change(q[4:]) // identification
		resum(q)
	case field == 0 && len(l4) >= 24 && msg[4]|msg[5] == 0 && p.flow.proto != protoTCP:
		return 8 + p.ip + 8
	case field == 1 && bool(p.six) && len(l4) >= 24 && p.flow.proto != protoTCP:
		change(l4[20:]) // seal
	case p.isICMP() && field == 2:
		change(l4[4:]) // identifier
	case p.flow.proto == protoUDP || p.isICMP():
		change(l4[6:]) // checksum, or sequence number
	default:
		change(l4[4:]) // TCP's sequence number
	}
	return len(msg)
}

// resize writes the length of a packet into its header.
func (s *Sim) resize(b []byte) {
	if s.packet.six {
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
	} else {
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	}
}
