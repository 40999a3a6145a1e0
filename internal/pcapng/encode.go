package pcapng

import "encoding/binary"

// appendBlock begins a block; endBlock ends the block that begins at start.
func appendBlock(b []byte, kind uint32) (_ []byte, start int) {
	start = len(b)
	b = binary.LittleEndian.AppendUint32(b, kind)
	return binary.LittleEndian.AppendUint32(b, 0), start
}

func endBlock(b []byte, start int) []byte {
	n := uint32(len(b) - start + blockTrailer)
	binary.LittleEndian.PutUint32(b[start+blockLength:], n)
	return binary.LittleEndian.AppendUint32(b, n)
}

// appendOption appends an option with its padding.
func appendOption(b []byte, code uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return pad(append(b, value...), len(value))
}

// pad appends zeros after n octets, up to a multiple of 4.
func pad(b []byte, n int) []byte {
	for ; n%4 != 0; n++ {
		b = append(b, 0)
	}
	return b
}

func appendSection(b []byte, tool string, comment []byte) []byte {
	b, start := appendBlock(b, blockSection)
	b = binary.LittleEndian.AppendUint32(b, byteOrderMagic)
	b = append(b, 1, 0, 0, 0)                                   // version 1.0
	b = binary.LittleEndian.AppendUint64(b, 0xffffffffffffffff) // unknown length
	b = appendOption(b, optionComment, comment)
	b = appendOption(b, optionUserAppl, []byte(tool))
	b = appendOption(b, optionEnd, nil)
	return endBlock(b, start)
}

// nanoseconds is optionResolution: units of 10⁻⁹ s.
const nanoseconds = 9

func appendLink(b []byte, linkType int, name string) []byte {
	b, start := appendBlock(b, blockInterface)
	b = binary.LittleEndian.AppendUint16(b, uint16(linkType))
	b = append(b, 0, 0, 0, 0, 0, 0) // reserved; no length limit
	b = appendOption(b, optionName, []byte(name))
	b = appendOption(b, optionResolution, []byte{nanoseconds})
	b = appendOption(b, optionEnd, nil)
	return endBlock(b, start)
}

// appendPacket appends a packet block. The frame is head followed by frame.
func appendPacket(b []byte, stamp int64, flags uint32, head, frame []byte) []byte {
	b, start := appendBlock(b, blockPacket)
	n := len(head) + len(frame)
	b = appendStamp(b, stamp)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	b = append(append(b, head...), frame...)
	b = pad(b, n)
	b = append(b, optionFlags, 0, 4, 0)
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = append(b, 0, 0, 0, 0) // end of options
	return endBlock(b, start)
}

// appendStamp appends the number of the interface, which is always the first, and a time.
func appendStamp(b []byte, stamp int64) []byte {
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(stamp>>32))
	return binary.LittleEndian.AppendUint32(b, uint32(stamp))
}

// appendNote appends interface statistics that contain only a comment.
func appendNote(b []byte, stamp int64, text []byte) []byte {
	b, start := appendBlock(b, blockStatistics)
	b = appendStamp(b, stamp)
	b = appendOption(b, optionComment, text)
	b = appendOption(b, optionEnd, nil)
	return endBlock(b, start)
}
