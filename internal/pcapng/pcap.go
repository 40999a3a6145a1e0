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
const (
	pcapHeader   = 24
	pcapSnap     = 16
	pcapLink     = 20
	recordHeader = 16
	recordFrac   = 4
	recordLen    = 8

	magicMicro = 0xa1b2c3d4
	magicNano  = 0xa1b23c4d

	// The upper bits of the link type describe a frame check sequence.
	linkTypeMask = 0xffff
)

// readHeader reads the header of a pcap file.
func (f *File) readHeader() error {
	head, err := f.peek(4)
	if err != nil {
		return err
	}
	link := fileLink{units: 1e6}
	little, big := binary.LittleEndian.Uint32(head), binary.BigEndian.Uint32(head)
	switch {
	case little == magicMicro || little == magicNano:
		f.order = binary.LittleEndian
	case big == magicMicro || big == magicNano:
		f.order = binary.BigEndian
	default:
		return f.fault("begins with % x: neither pcap nor pcapng", head)
	}
	if little == magicNano || big == magicNano {
		link.units = 1e9
	}
	if head, err = f.peek(pcapHeader); err != nil {
		return err
	}
	if major := f.order.Uint16(head[4:]); major != 2 {
		return f.fault("unknown version %d of pcap", major)
	}
	link.snap = int(f.order.Uint32(head[pcapSnap:]))
	link.linkType = int(f.order.Uint32(head[pcapLink:]) & linkTypeMask)
	f.links, f.link = append(f.links, link), link.linkType
	f.skip = pcapHeader
	return nil
}

// nextRecord reads a record of a pcap file.
func (f *File) nextRecord(e *Entry) error {
	head, err := f.peek(recordHeader)
	if err != nil {
		return err
	}
	n := int(f.order.Uint32(head[recordLen:]))
	if n > maxFrame {
		return f.fault("a record of %d bytes: the maximum is %d", n, maxFrame)
	}
	link := &f.links[0]
	seconds, fraction := int64(f.order.Uint32(head)), int64(f.order.Uint32(head[recordFrac:]))
	record, err := f.peek(recordHeader + n)
	if err == io.EOF {
		err = f.fault("a record is cut")
	}
	if err != nil {
		return err
	}
	f.skip = recordHeader + n
	e.Frame, e.LinkType = record[recordHeader:], link.linkType
	e.Stamp = seconds*1e9 + fraction*int64(1e9/link.units)
	return nil
}
