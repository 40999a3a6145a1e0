package pcapng

import (
	"encoding/binary"
	"io"
)

// The pcap file format (draft-ietf-opsawg-pcap): a header, then records.
//
//	0       4         8         16     20
//	| magic | version | unused  | snap | link type
//
//	0         4          8          12
//	| seconds | fraction | captured | original | frame …
//
// In the modified format of old Linux, a record has 8 octets more before its frame:
//
//	16          20         22            23
//	| interface | protocol | packet type | 0
const (
	pcapHeader     = 24
	pcapMajor      = 4
	pcapMinor      = 6
	pcapSnap       = 16
	pcapLink       = 20
	recordHeader   = 16
	recordFrac     = 4
	recordLen      = 8
	recordOriginal = 12
	recordModified = 24
	recordLink     = 16

	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34

	// The upper bits of the link type describe a frame check sequence.
	linkTypeMask = 0xffff
)

// Versions, besides 2.4, that libpcap reads. In those before 2.3 and in majorBPF, the captured and
// the original length have each other's place. In 2.3 that is so if it must be.
const (
	major        = 2
	majorBPF     = 543
	minorSwapped = 2
	minorUnknown = 3
)

// lengthOrder is the order of the two lengths of a record.
type lengthOrder uint8

const (
	capturedFirst lengthOrder = iota
	originalFirst
	shorterFirst
)

// readHeader reads the header of a pcap file.
func (f *File) readHeader() error {
	head, err := f.peek(4)
	if err != nil {
		return err
	}
	link := fileLink{units: 1e6}
	f.header = recordHeader
	var magic uint32
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch v := order.Uint32(head); v {
		case magicMicro, magicNano, magicModified:
			f.order, magic = order, v
		}
	}
	switch magic {
	case 0:
		return f.fault("begins with % x: neither pcap nor pcapng", head)
	case magicNano:
		link.units = 1e9
	case magicModified:
		f.header = recordModified
	}
	if head, err = f.peek(pcapHeader); err != nil {
		return err
	}
	if f.lengths, err = f.lengthsOf(f.order.Uint16(head[pcapMajor:]), f.order.Uint16(head[pcapMinor:])); err != nil {
		return err
	}
	link.snap = int(f.order.Uint32(head[pcapSnap:]))
	link.linkType = int(f.order.Uint32(head[pcapLink:]) & linkTypeMask)
	f.links, f.link = append(f.links, link), link.linkType
	f.skip = pcapHeader
	return nil
}

// lengthsOf returns the order of the lengths in files of a version.
func (f *File) lengthsOf(v, minor uint16) (lengthOrder, error) {
	switch {
	case v == majorBPF && minor == 0, v == major && minor <= minorSwapped:
		return originalFirst, nil
	case v == major && minor == minorUnknown:
		return shorterFirst, nil
	case v == major:
		return capturedFirst, nil
	}
	return 0, f.fault("unknown version %d of pcap", v)
}

// nextRecord reads a record of a pcap file.
func (f *File) nextRecord(e *Entry) error {
	head, err := f.peek(f.header)
	if err != nil {
		return err
	}
	n, original := int(f.order.Uint32(head[recordLen:])), int(f.order.Uint32(head[recordOriginal:]))
	if f.lengths == originalFirst || f.lengths == shorterFirst && n > original {
		n, original = original, n
	}
	if f.header == recordModified {
		e.Source = f.order.Uint32(head[recordLink:])
	}
	if n > maxFrame {
		return f.fault("a record of %d bytes: the maximum is %d", n, maxFrame)
	}
	link := &f.links[0]
	seconds, fraction := int64(f.order.Uint32(head)), int64(f.order.Uint32(head[recordFrac:]))
	record, err := f.peek(f.header + n)
	if err == io.EOF {
		err = f.fault("a record is cut")
	}
	if err != nil {
		return err
	}
	f.skip = f.header + n
	e.Frame, e.LinkType, e.Cut = record[f.header:], link.linkType, n < original
	e.Stamp = seconds*1e9 + fraction*int64(1e9/link.units)
	return nil
}
