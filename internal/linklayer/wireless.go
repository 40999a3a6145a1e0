package linklayer

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/pcapng"
)

// An IEEE 802.11 header, of a data frame:
//
//	0               2          4           10          16          22         24
//	| frame control | duration | address 1 | address 2 | address 3 | sequence | …
//
// A fourth address (6) follows between two stations, then the quality of service (2), then HT
// control (4). All of it is in little endian.
const (
	wirelessLen = 24

	typeMask, typeData          = 0x0c, 0x08 // of the first octet
	subtypeNull, subtypeQuality = 0x40, 0x80
	wayBits, bothWays           = 0x03, 0x03 // of the second octet
	bitEncrypted                = 0x40
	bitOrder                    = 0x80 // with quality of service: HT control follows
	bitAggregated               = 0x80 // of the quality of service: frames of another layout follow
	aggregatedLen               = 14   // header of the first of them: addresses and length
)

func wireless(f *frame) { wirelessPadded(f, false) }

// wirelessPadded reads a frame whose header may be padded to 4 octets.
func wirelessPadded(f *frame, padded bool) {
	whole := f.rest
	head := f.take(wirelessLen)
	if head == nil || !f.enter() {
		return
	}
	switch {
	case head[0]&typeMask != typeData, head[0]&subtypeNull != 0:
		f.finding = Other
		return
	case head[1]&bitEncrypted != 0:
		f.finding = Unknown
		return
	}
	if head[1]&wayBits == bothWays && f.take(6) == nil {
		return
	}
	aggregated := false
	if head[0]&subtypeQuality != 0 {
		quality := f.take(2)
		if quality == nil {
			return
		}
		aggregated = quality[0]&bitAggregated != 0
		if head[1]&bitOrder != 0 && f.take(4) == nil {
			return
		}
	}
	if n := len(whole) - len(f.rest); padded && f.take((n+3)&^3-n) == nil {
		return
	}
	if aggregated && f.take(aggregatedLen) == nil {
		return
	}
	llc(f)
}

// radiotap reads the header of that name. It only needs the length, and the flag for padding.
//
//	0         1     2        4
//	| version | pad | length | fields present (32 bits each, the highest for another) | fields …
func radiotap(f *frame) {
	const least, flagsField, clockField, more, padding = 8, 1 << 1, 1 << 0, 1 << 31, 0x20
	if len(f.rest) < least {
		f.finding = Short
		return
	}
	n := int(binary.LittleEndian.Uint16(f.rest[2:]))
	head := f.take(n)
	if head == nil || n < least {
		f.finding = Short
		return
	}
	present := binary.LittleEndian.Uint32(head[4:])
	at := least
	for word := present; word&more != 0; at += 4 {
		if at+4 > n {
			f.finding = Short
			return
		}
		word = binary.LittleEndian.Uint32(head[at:])
	}
	if present&clockField != 0 {
		at = (at+7)&^7 + 8
	}
	padded := present&flagsField != 0 && at < n && head[at]&padding != 0
	wirelessPadded(f, padded)
}

// prism reads the header of Prism cards, in the byte order of the machine. It also reads the header
// of AVS, the successor, in big endian.
func prism(f *frame) {
	const least, lengthAt, avs = 8, 4, 0x80211000
	if len(f.rest) < least {
		f.finding = Short
		return
	}
	n := binary.LittleEndian.Uint32(f.rest[lengthAt:])
	if big := binary.BigEndian.Uint32(f.rest[lengthAt:]); binary.BigEndian.Uint32(f.rest)&^0xfff == avs || big < n {
		n = big
	}
	if n < least || uint64(n) > uint64(len(f.rest)) {
		f.finding = Short
		return
	}
	f.rest = f.rest[n:]
	wireless(f)
}

// ppi reads the header of "per-packet information": its length at 2, the link type at 4.
func ppi(f *frame) {
	const least = 8
	if len(f.rest) < least {
		f.finding = Short
		return
	}
	n, link := int(binary.LittleEndian.Uint16(f.rest[2:])), binary.LittleEndian.Uint32(f.rest[4:])
	if n < least || f.take(n) == nil {
		f.finding = Short
		return
	}
	f.as(int(link))
}

// sunATM reads SunATM's header. The lowest bits of the first octet are the kind of traffic, and
// the highest is the direction.
func sunATM(f *frame) {
	const sent, kind, lane, routed, headLen, laneLen = 0x80, 0x0f, 1, 2, 4, 2
	head := f.take(headLen)
	if head == nil {
		return
	}
	f.way = pcapng.Inbound
	if head[0]&sent != 0 {
		f.way = pcapng.Outbound
	}
	switch head[0] & kind {
	case lane:
		f.skip(laneLen, ethernet)
	case routed:
		llc(f)
	default:
		f.finding = Other
	}
}
