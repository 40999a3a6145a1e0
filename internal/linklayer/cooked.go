package linklayer

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/pcapng"
)

// Layouts of frames that a system writes in place of its link's own, by octets.
//
//	Linux cooked v1:  0              2        4        6          14
//	                  | packet type | ARPHRD | length | address | EtherType | packet …
//	Linux cooked v2:  0           2          4           8        10            11
//	                  | EtherType | reserved | interface | ARPHRD | packet type | length …
//	                  12            20
//	                  | address (8) | packet …
//	null, loopback:   0                          4
//	                  | address family (32 bits) | packet …
const (
	sllLen     = 16
	sllKind    = 2
	sllType    = 14
	sll2Len    = 20
	sll2Kind   = 8
	sll2Packet = 10 // packet type
	nullLen    = 4

	packetOutgoing = 4 // packet type of frames that this machine sent
)

// Kinds of device (ARPHRD) in whose cooked frames the EtherType field has another meaning.
const (
	kindPPP       = 512
	kindRadiotap  = 803
	kindIEEE80211 = 801
	kindGRE       = 778
	kindFrames    = 770 // Frame Relay
)

func cooked(f *frame) {
	if head := f.take(sllLen); head != nil {
		f.cooked(binary.BigEndian.Uint16(head), binary.BigEndian.Uint16(head[sllKind:]), binary.BigEndian.Uint16(head[sllType:]))
	}
}

func cooked2(f *frame) {
	if head := f.take(sll2Len); head != nil {
		f.cooked(uint16(head[sll2Packet]), binary.BigEndian.Uint16(head[sll2Kind:]), binary.BigEndian.Uint16(head))
	}
}

func (f *frame) cooked(packetType, kind, etherType uint16) {
	f.way = pcapng.Inbound
	if packetType == packetOutgoing {
		f.way = pcapng.Outbound
	}
	const llc2, pppFrames = 0x0004, 0x0007 // Linux's own types: no EtherTypes
	switch {
	case kind == kindRadiotap:
		radiotap(f)
	case kind == kindIEEE80211:
		wireless(f)
	case kind == kindFrames:
		frameRelay(f)
	case etherType == llc2:
		llc(f)
	case etherType == pppFrames && kind == kindPPP:
		ppp(f)
	default:
		next(f, etherType)
	}
}

// loopback reads an address family and a packet. The family is in the byte order of another
// machine, with numbers that differ between systems. The packet's own version is reliable.
func loopback(f *frame) { f.skip(nullLen, ipAny) }

// A message of Linux's netfilter log: a header, then attributes of this layout, padded to 4.
//
//	0        2      4
//	| length | type | value …
const (
	nflogHeader  = 4
	nflogPayload = 9 // type of the attribute that is the packet
	nflogHead    = 4
)

// nflog reads a message of netfilter's log. Its attributes are in the byte order of the machine
// that wrote it, which nothing states.
func nflog(f *frame) {
	if f.take(nflogHeader) == nil {
		return
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if payload := attribute(f.rest, order); payload != nil {
			f.rest = payload
			f.ip(0)
			return
		}
	}
	f.finding = Other
}

// attribute returns the value of the payload attribute in b, or nil. A cut frame ends within it.
func attribute(b []byte, order binary.ByteOrder) []byte {
	for len(b) >= nflogHead {
		n, kind := int(order.Uint16(b)), order.Uint16(b[2:])
		switch {
		case n < nflogHead:
			return nil
		case kind == nflogPayload:
			return b[nflogHead:min(n, len(b))]
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}

// pflog reads the log of OpenBSD's packet filter. Its first octet is its own length without
// padding to 4.
func pflog(f *frame) {
	if len(f.rest) == 0 {
		f.finding = Short
		return
	}
	f.skip((int(f.rest[0])+3)&^3, ipAny)
}

// pktap reads Apple's header: its length, then the link type of the frame, in little endian.
func pktap(f *frame) {
	const length, kind, ways, least = 0, 8, 36, 40
	if len(f.rest) < least || !f.enter() {
		f.finding = Short
		return
	}
	head := f.rest
	switch order := binary.LittleEndian; order.Uint32(head[ways:]) & 3 {
	case 1:
		f.way = pcapng.Inbound
	case 2:
		f.way = pcapng.Outbound
	}
	n, link := binary.LittleEndian.Uint32(head[length:]), binary.LittleEndian.Uint32(head[kind:])
	if n < least || uint64(n) > uint64(len(head)) {
		f.finding = Short
		return
	}
	f.rest = head[n:]
	f.as(int(link))
}

// as reads the rest as a frame of another link type.
func (f *frame) as(linkType int) {
	if read, ok := lookup(linkType); ok && f.enter() {
		read(f)
		return
	}
	f.finding = Unknown
}
