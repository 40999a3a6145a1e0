package linklayer

import "encoding/binary"

// InfiniBand packets begin with a local route header. Its next-header field names the next one:
//
//	LRH (8) [GRH (40)] BTH (12) [DETH (8)] payload … ICRC (4) VCRC (2)
const (
	localLen     = 8
	globalLen    = 40
	baseLen      = 12
	datagramLen  = 8
	nextHeader   = 0x03 // of the second octet of the local route header
	nextRaw      = 0
	nextIPv6     = 1
	nextLocal    = 2
	nextGlobal   = 3
	opDatagram   = 0x64 // unreliable datagram, send only
	opImmediate  = 0x65 // the same with four octets of immediate data
	ipoibLen     = 4    // EtherType and two reserved octets (RFC 4391)
	ipoibAddress = 20
)

func infiniband(f *frame) {
	head := f.take(localLen)
	if head == nil {
		return
	}
	switch head[1] & nextHeader {
	case nextRaw:
		f.skip(2, typed)
		return
	case nextIPv6:
		f.ip(6)
		return
	case nextGlobal:
		if f.take(globalLen) == nil {
			return
		}
	}
	base := f.take(baseLen)
	if base == nil {
		return
	}
	n := datagramLen
	switch base[0] {
	case opDatagram:
	case opImmediate:
		n += 4
	default:
		f.finding = Other
		return
	}
	f.skip(n, typedReserved)
}

// typedReserved reads the header of IP over InfiniBand.
func typedReserved(f *frame) {
	if head := f.take(ipoibLen); head != nil {
		next(f, binary.BigEndian.Uint16(head))
	}
}

// ipoib reads IP over InfiniBand. Systems put two addresses, one or none before its header.
func ipoib(f *frame) {
	for _, n := range []int{2 * ipoibAddress, ipoibAddress, 0} {
		if len(f.rest) < n+ipoibLen {
			continue
		}
		switch binary.BigEndian.Uint16(f.rest[n:]) {
		case typeIPv4, typeIPv6:
			f.rest = f.rest[n:]
			typedReserved(f)
			return
		}
	}
	f.finding = Other
}
