package linklayer

// readers has every link type that Packet knows, by the number that files use for it
// (tcpdump.org/linktypes.html). A live handle has the system's own number for bare IP packets.
var readers = map[int]reader{
	0:   loopback, // BSD's
	1:   ethernet,
	6:   tokenRing,
	7:   after(3, arcnet), // source, destination, and the protocol
	8:   after(16, ipAny), // SLIP
	9:   ppp,
	10:  after(13, llc), // FDDI
	12:  ipAny,          // Linux's own number
	14:  ipAny,          // OpenBSD's own number
	50:  serial,
	51:  after(pppoeLen, ppp), // PPPoE without Ethernet
	100: atm,
	101: ipAny,
	104: hdlc,
	105: wireless,
	106: llc, // classical IP over ATM
	107: frameRelay,
	108: loopback,         // OpenBSD's
	109: after(12, ipAny), // OpenBSD's IPsec
	113: cooked,
	117: pflog,
	119: prism,
	122: after(16, llc), // IP over Fibre Channel
	123: sunATM,
	127: radiotap,
	138: after(16, typed), // Apple's IP over FireWire: two addresses
	163: prism,            // AVS
	166: pppDirected,
	192: ppi,
	204: directed(ppp),
	205: directed(hdlc),
	206: directed(frameRelay),
	219: mpls,
	228: func(f *frame) { f.ip(4) },
	229: func(f *frame) { f.ip(6) },
	239: nflog,
	240: after(4, ethernet),  // netANALYZER
	241: after(12, ethernet), // with its preamble
	242: ipoib,
	247: infiniband,
	258: pktap,
	259: after(8, ethernet), // EPON, with its preamble
	274: after(8, ethernet), // IEEE 802.3br, likewise
	276: cooked2,
	282: switched(4), // tags of Broadcom and Marvell
	283: after(4, ethernet),
	284: switched(4),
	285: switched(8),
}

// lookup returns the reader of a frame in another frame. It is not readers, because those that
// call it are in readers. Frames that hold frames are not held by others.
func lookup(linkType int) (reader, bool) {
	switch linkType {
	case 0, 108:
		return loopback, true
	case 1:
		return ethernet, true
	case 9, 50:
		return serial, true
	case 12, 14, 101:
		return ipAny, true
	case 104:
		return hdlc, true
	case 105:
		return wireless, true
	case 113:
		return cooked, true
	case 127:
		return radiotap, true
	}
	return nil, false
}

// tokenRing reads IEEE 802.5: two octets of control, two addresses, and the route if the source
// address has the bit for one.
func tokenRing(f *frame) {
	const headLen, source, routed, sizeMask = 14, 8, 0x80, 0x1f
	head := f.take(headLen)
	if head == nil {
		return
	}
	if head[source]&routed != 0 {
		if len(f.rest) == 0 || f.take(int(f.rest[0]&sizeMask)) == nil {
			f.finding = Short
			return
		}
	}
	llc(f)
}

// arcnet reads the rest of an ARCNET header (RFC 1201), whose protocol is the octet before.
func arcnet(f *frame) { f.skip(3, ipAny) }

// atm reads RFC 2684: an LLC header, or a packet without one.
func atm(f *frame) {
	if len(f.rest) > 0 && f.rest[0]>>4 == 4 {
		f.ip(4)
		return
	}
	llc(f)
}
