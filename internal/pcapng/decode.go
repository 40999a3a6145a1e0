package pcapng

import (
	"encoding/binary"
	"io"
	"math"
	"math/bits"
)

// nextBlock reads blocks of a pcapng file up to the next entry.
func (f *File) nextBlock(e *Entry) error {
	for {
		if done, err := f.block(e); done || err != nil {
			return err
		}
	}
}

// block reads one block. done reports whether the block is an entry; e then contains it.
func (f *File) block(e *Entry) (done bool, err error) {
	head, err := f.peek(minBlock)
	if err != nil {
		return false, err
	}
	if binary.LittleEndian.Uint32(head) == blockSection {
		if err := f.setOrder(head[blockBody:]); err != nil {
			return false, err
		}
	}
	kind, length := f.order.Uint32(head[blockType:]), f.order.Uint32(head[blockLength:])
	if length < minBlock || length%4 != 0 || length > maxSkipped {
		return false, f.fault("a block of %d bytes: no block is that large", length)
	}
	switch kind {
	case blockSection, blockInterface, blockPacket, blockSimple,
		blockOldPacket, blockStatistics:
	default: // name resolution and others
		f.skip = int(length)
		return false, nil
	}
	body, err := f.body(int(length))
	if err != nil {
		return false, err
	}
	return f.take(kind, body, e)
}

// setOrder sets the byte order of a section from the first octets of the body of
// its header.
func (f *File) setOrder(body []byte) error {
	switch {
	case binary.LittleEndian.Uint32(body) == byteOrderMagic:
		f.order = binary.LittleEndian
	case binary.BigEndian.Uint32(body) == byteOrderMagic:
		f.order = binary.BigEndian
	default:
		return f.fault("a section header without a byte order")
	}
	return nil
}

// body returns the body of the next block.
func (f *File) body(length int) ([]byte, error) {
	if length > fileBuffer {
		return nil, f.fault("a block of %d bytes: this is not the size of a block", length)
	}
	block, err := f.peek(length)
	if err == io.EOF {
		err = f.fault("a block is cut")
	}
	if err != nil {
		return nil, err
	}
	end := length - blockTrailer
	if again := f.order.Uint32(block[end:]); again != uint32(length) {
		return nil, f.fault("a block of %d bytes has another length at its end: %d", length, again)
	}
	f.skip = length
	return block[blockBody:end], nil
}

// take reads the body of a block. done reports whether e contains an entry.
func (f *File) take(kind uint32, body []byte, e *Entry) (done bool, err error) {
	switch kind {
	case blockSection:
		if len(body) < sectionBody {
			return false, f.fault("a section header is too short")
		}
		if major := f.order.Uint16(body[4:]); major != 1 {
			return false, f.fault("unknown version %d of pcapng", major)
		}
		f.links = f.links[:0]
		return f.note(body[sectionBody:], e), nil
	case blockInterface:
		return false, f.addLink(body)
	case blockStatistics:
		if len(body) < statisticsBody {
			return false, f.fault("interface statistics are too short")
		}
		return f.note(body[statisticsBody:], e), nil
	case blockSimple:
		if len(body) < simpleBody || len(f.links) == 0 {
			return false, f.fault("a packet without length or interface")
		}
		original := uint64(f.order.Uint32(body))
		n := min(original, uint64(len(body)-simpleBody))
		if snap := f.links[0].snap; snap > 0 {
			n = min(n, uint64(snap))
		}
		e.Frame, e.LinkType, e.Cut = body[simpleBody:][:n], f.links[0].linkType, n < original
		return true, nil
	default:
		return true, f.packet(kind, body, e)
	}
}

// packet reads the body of a packet block.
func (f *File) packet(kind uint32, body []byte, e *Entry) error {
	if len(body) < packetBody {
		return f.fault("a packet block is too short")
	}
	number := f.order.Uint32(body)
	if kind == blockOldPacket {
		number = uint32(f.order.Uint16(body))
	}
	if uint64(number) >= uint64(len(f.links)) {
		return f.fault("a packet of interface %d, which is not described", number)
	}
	link := &f.links[number]
	units := uint64(f.order.Uint32(body[4:]))<<32 | uint64(f.order.Uint32(body[8:]))
	n := uint64(f.order.Uint32(body[12:]))
	if n > maxFrame || n > uint64(len(body)-packetBody) {
		return f.fault("a packet of %d bytes in a block of %d bytes", n, len(body)+minBlock)
	}
	e.Frame, e.LinkType, e.Source = body[packetBody:][:n], link.linkType, number
	e.Cut = n < uint64(f.order.Uint32(body[16:]))
	e.Stamp = link.time(units)
	if rest := body[packetBody+(n+3)&^3:]; len(rest) > 0 {
		if flags := f.option(rest, optionFlags); len(flags) == 4 {
			e.Direction = Direction(f.order.Uint32(flags) & 3)
		}
	}
	return nil
}

// addLink reads an interface description.
func (f *File) addLink(body []byte) error {
	if len(f.links) == maxLinks {
		return f.fault("a section with more than %d interfaces", maxLinks)
	}
	if len(body) < interfaceBody {
		return f.fault("an interface description is too short")
	}
	l := fileLink{linkType: int(f.order.Uint16(body)), snap: int(f.order.Uint32(body[4:])), units: 1e6}
	options := body[interfaceBody:]
	if r := f.option(options, optionResolution); len(r) == 1 {
		exponent := r[0] & 0x7f
		switch binaryUnits := r[0]&0x80 != 0; {
		case binaryUnits && exponent < 64:
			l.units = 1 << exponent
		case !binaryUnits && exponent < 20: // 10¹⁹ < 2⁶⁴
			l.units = 1
			for range exponent {
				l.units *= 10
			}
		default:
			return f.fault("unknown time unit %#x", r[0])
		}
	}
	if o := f.option(options, optionOffset); len(o) == 8 {
		l.offset = int64(f.order.Uint64(o))
	}
	f.links = append(f.links, l)
	return nil
}

// time converts units of the interface to ns since the Unix epoch. It returns 0 if the result does
// not fit.
func (l *fileLink) time(units uint64) int64 {
	const most = math.MaxInt64 / 2_000_000_000 // s
	ns := units
	if l.units != 1e9 {
		hi, lo := bits.Mul64(units, 1e9)
		if hi >= l.units {
			return 0
		}
		ns, _ = bits.Div64(hi, lo, l.units)
	}
	if ns > math.MaxInt64 || l.offset < -most || l.offset > most {
		return 0
	}
	return int64(ns) + l.offset*1e9
}

// note fills e with the comment in options. done reports whether there is one.
func (f *File) note(options []byte, e *Entry) (done bool) {
	e.Note = f.option(options, optionComment)
	return e.Note != nil
}

// option returns the first option with that code, or nil.
func (f *File) option(b []byte, code uint16) []byte {
	for len(b) >= 4 {
		c, n := f.order.Uint16(b), int(f.order.Uint16(b[2:]))
		b = b[4:]
		if c == optionEnd || n > len(b) {
			return nil
		}
		if c == code {
			return b[:n:n]
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}
