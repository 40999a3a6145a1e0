package linklayer

import "encoding/binary"

// Protocols of PPP (IANA).
const (
	pppIPv4   = 0x0021
	pppIPv6   = 0x0057
	pppMPLS   = 0x0281
	pppMPLSUp = 0x0283
)

// Address and control octets that begin frames on serial lines.
const (
	pppAddress   = 0xff
	ciscoUnicast = 0x0f
	ciscoGroup   = 0x8f
	flag         = 0x7e
)

// ppp reads PPP with or without address and control (RFC 1662), and with a protocol of one octet
// or of two (RFC 1661).
func ppp(f *frame) {
	if len(f.rest) >= 2 && f.rest[0] == pppAddress && f.rest[1] == unNumber {
		f.rest = f.rest[2:]
	}
	pppProtocol(f)
}

func pppProtocol(f *frame) {
	if len(f.rest) == 0 || !f.enter() {
		f.finding = Short
		return
	}
	protocol := uint16(f.rest[0])
	const compressed = 1 // lowest bit of the last octet
	n := 1
	if protocol&compressed == 0 {
		if len(f.rest) < 2 {
			f.finding = Short
			return
		}
		protocol, n = binary.BigEndian.Uint16(f.rest), 2
	}
	f.rest = f.rest[n:]
	switch protocol {
	case pppIPv4:
		f.ip(4)
	case pppIPv6:
		f.ip(6)
	case pppMPLS, pppMPLSUp:
		mpls(f)
	default:
		f.finding = Other
	}
}

// pppDirected reads PPP with a direction in place of the address.
func pppDirected(f *frame) {
	if f.take(1) == nil {
		return
	}
	if len(f.rest) > 0 && f.rest[0] == unNumber {
		f.rest = f.rest[1:]
	}
	pppProtocol(f)
}

// serial reads PPP or Cisco's protocol in frames of HDLC.
func serial(f *frame) {
	for len(f.rest) > 0 && f.rest[0] == flag {
		f.rest = f.rest[1:]
	}
	if len(f.rest) > 0 && (f.rest[0] == ciscoUnicast || f.rest[0] == ciscoGroup) {
		hdlc(f)
		return
	}
	ppp(f)
}

// hdlc reads Cisco's HDLC: address, control, EtherType. Some lines have frames of PPP or of ISO
// between.
func hdlc(f *frame) {
	switch {
	case len(f.rest) >= 2 && f.rest[0] == pppAddress && f.rest[1] == unNumber:
		ppp(f)
	case len(f.rest) >= 3 && f.rest[0] == sapISO && f.rest[1] == sapISO && f.rest[2] == unNumber:
		llc(f)
	default:
		f.skip(2, typed)
	}
}

// frameRelay reads the address of Q.922, of two to four octets, then an ISO identifier (RFC 2427)
// or, as Cisco's routers do, an EtherType.
func frameRelay(f *frame) {
	const last = 1 // bit of the last octet of the address
	for n := 1; ; n++ {
		octet := f.take(1)
		switch {
		case octet == nil:
			return
		case octet[0]&last != 0 && n >= 2:
			if len(f.rest) > 0 && f.rest[0] == unNumber {
				f.rest = f.rest[1:]
				nlpid(f)
				return
			}
			typed(f)
			return
		case n == 4:
			f.finding = Other
			return
		}
	}
}
