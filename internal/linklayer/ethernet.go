package linklayer

import "encoding/binary"

// EtherTypes (IEEE registry) that this package reads.
const (
	typeIPv4     = 0x0800
	typeIPv6     = 0x86dd
	typeVLAN     = 0x8100
	typeQinQ     = 0x88a8
	typeQinQ1    = 0x9100 // of switches before IEEE 802.1ad, as the next two
	typeQinQ2    = 0x9200
	typeQinQ3    = 0x9300
	typeMPLS     = 0x8847
	typeMPLSUp   = 0x8848 // upstream-assigned labels
	typePPPoE    = 0x8864
	typePPP      = 0x880b
	typeBackbone = 0x88e7 // IEEE 802.1ah: a frame in a frame
	typeBridged  = 0x6558 // transparent Ethernet bridging, in GRE
	typeERSPAN   = 0x88be
	typeERSPAN3  = 0x22eb
	typeVNTag    = 0x8926

	// Lower values are the length of an IEEE 802.3 frame.
	minEtherType = 0x0600
)

const (
	addressesLen = 12 // of an Ethernet header: destination, source
	tagLen       = 2  // the tag after the EtherType of a VLAN
	labelLen     = 4
	pppoeLen     = 6
	backboneLen  = 4
	vnTagLen     = 4
)

// ethernet reads an Ethernet frame.
func ethernet(f *frame) {
	if f.enter() && f.take(addressesLen) != nil {
		typed(f)
	}
}

// switched returns a reader of Ethernet frames that have n octets of a switch's tag between
// addresses and EtherType.
func switched(n int) reader {
	return func(f *frame) {
		if f.enter() && f.take(addressesLen+n) != nil {
			typed(f)
		}
	}
}

// typed reads an EtherType and the header that it announces.
func typed(f *frame) {
	if head := f.take(2); head != nil {
		next(f, binary.BigEndian.Uint16(head))
	}
}

// next reads the header that an EtherType announces.
func next(f *frame, etherType uint16) {
	if !f.enter() {
		return
	}
	if etherType < minEtherType {
		llc(f)
		return
	}
	switch etherType {
	case typeIPv4:
		f.ip(4)
	case typeIPv6:
		f.ip(6)
	case typeVLAN, typeQinQ, typeQinQ1, typeQinQ2, typeQinQ3:
		f.skip(tagLen, typed)
	case typeMPLS, typeMPLSUp:
		mpls(f)
	case typePPPoE:
		f.skip(pppoeLen, ppp)
	case typePPP:
		ppp(f)
	case typeBackbone:
		f.skip(backboneLen, ethernet)
	case typeBridged:
		ethernet(f)
	case typeVNTag:
		f.skip(vnTagLen, typed)
	default:
		f.finding = Other
	}
}

// mpls reads a label stack (RFC 3032) and the packet after it. Its labels do not name that packet:
// the first four bits do. 0 there begins a control word (RFC 4385), and an Ethernet frame.
func mpls(f *frame) {
	const bottom = 1 // bit of the third octet
	for {
		label := f.take(labelLen)
		if label == nil || !f.enter() {
			return
		}
		if label[2]&bottom != 0 {
			break
		}
	}
	switch {
	case len(f.rest) == 0:
		f.finding = Short
	case f.rest[0]>>4 == 0:
		const controlWord = 4
		f.skip(controlWord, ethernet)
	default:
		f.ip(0)
	}
}

// LLC service access points (IEEE 802.2), as the first two octets, and the third of unnumbered
// information.
const (
	sapSNAP  = 0xaa
	sapIP    = 0x06
	sapISO   = 0xfe
	unNumber = 0x03
)

// llc reads an IEEE 802.2 header: SNAP, IP itself, or ISO's identifiers of protocols.
func llc(f *frame) {
	head := f.take(3)
	switch {
	case head == nil:
	case head[0] == sapSNAP && head[1] == sapSNAP && head[2] == unNumber:
		snap(f)
	case head[0] == sapIP && head[1] == sapIP && head[2] == unNumber:
		f.ip(4)
	case head[0] == sapISO && head[1] == sapISO && head[2] == unNumber:
		nlpid(f)
	default:
		f.finding = Other
	}
}

// snap reads a SNAP header after that of LLC: the organization, then a type of its own. Bridges
// put frames into other frames with the organization of IEEE 802.1 (RFC 2684, RFC 2427).
func snap(f *frame) {
	head := f.take(5)
	if head == nil {
		return
	}
	organization, kind := head[:3], binary.BigEndian.Uint16(head[3:])
	switch [3]byte(organization) {
	case [3]byte{0, 0, 0}, [3]byte{0, 0, 0xf8}: // Ethernet, its tunnel
		next(f, kind)
	case [3]byte{0, 0x80, 0xc2}:
		if kind == 1 || kind == 7 { // Ethernet with or without frame check sequence
			ethernet(f)
			return
		}
		f.finding = Other
	default:
		f.finding = Other
	}
}

// nlpid reads an ISO identifier of a network protocol (RFC 2427).
func nlpid(f *frame) {
	head := f.take(1)
	if head == nil || !f.enter() {
		return
	}
	switch head[0] {
	case 0x00: // padding
		nlpid(f)
	case 0xcc:
		f.ip(4)
	case 0x8e:
		f.ip(6)
	case 0xcf:
		ppp(f)
	case 0x80:
		snap(f)
	default:
		f.finding = Other
	}
}
