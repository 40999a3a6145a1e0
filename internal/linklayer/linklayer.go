// Package linklayer finds the IP packet in a frame of any link type that captures have. It reads
// link headers, tags, labels and, if asked, the headers of tunnels. It decodes nothing of the
// packet itself. It does no I/O, keeps no state, and allocates nothing.
//
// All functions take octets from the network or from a file, and trust no length in them. Headers
// that follow each other are limited to maxHeaders, so that the time of a frame is limited too.
package linklayer

import "github.com/masstrace/masstrace/internal/pcapng"

// Finding is the result for a frame.
type Finding uint8

// The findings. Other is a frame without an IP packet. Unknown is a frame with a header that this
// package does not know: it may have a packet. Short is a frame that ends within a header.
const (
	Found Finding = iota
	Short
	Other
	Unknown
)

// maxHeaders is the most headers of one frame: more than any network puts before a packet.
const maxHeaders = 24

// frame is the part of a frame that is not read yet.
type frame struct {
	rest    []byte
	way     pcapng.Direction
	left    int // headers that may follow
	finding Finding
}

// reader reads headers up to the IP packet, which then is f.rest. It sets f.finding.
type reader func(f *frame)

// Finder finds packets. Its zero value is ready. It belongs to one goroutine.
type Finder struct{ frame }

// Packet returns the IP packet in a frame and the direction of the frame, if its link header has
// it. A packet has at least one octet, and the first has its version. The rest of the frame,
// such as padding, is left at its end. packet is nil if the finding is not Found.
func (d *Finder) Packet(linkType int, octets []byte) (packet []byte, way pcapng.Direction, found Finding) {
	read, ok := readers[linkType]
	if !ok {
		return nil, pcapng.AnyDirection, Unknown
	}
	f := &d.frame
	*f = frame{rest: octets, left: maxHeaders}
	read(f)
	if f.finding != Found {
		return nil, f.way, f.finding
	}
	return f.rest, f.way, Found
}

// Known reports whether Packet knows a link type.
func Known(linkType int) bool {
	_, ok := readers[linkType]
	return ok
}

// take removes n octets and returns them. If there are fewer, it returns nil: the frame is Short.
func (f *frame) take(n int) []byte {
	if f.rest == nil || n > len(f.rest) {
		f.finding = Short
		return nil
	}
	head := f.rest[:n]
	f.rest = f.rest[n:]
	return head
}

// enter reports whether another header may follow.
func (f *frame) enter() bool {
	if f.left--; f.left < 0 {
		f.finding = Unknown
	}
	return f.left >= 0
}

// ip ends with a packet of that version, or of either if version is 0.
func (f *frame) ip(version byte) {
	switch {
	case len(f.rest) == 0:
		f.finding = Short
	case f.rest[0]>>4 == version, version == 0 && (f.rest[0]>>4 == 4 || f.rest[0]>>4 == 6):
		f.finding = Found
	case version == 0:
		f.finding = Other
	default:
		f.finding = Short // the header states a packet that is not there
	}
}

// skip passes over n octets.
func (f *frame) skip(n int, then reader) {
	if f.take(n) != nil {
		then(f)
	}
}

// after returns a reader that passes over n octets.
func after(n int, then reader) reader { return func(f *frame) { f.skip(n, then) } }

func ipAny(f *frame) { f.ip(0) }

// directed returns a reader for frames with one octet for the direction: 0 is received.
func directed(then reader) reader {
	return func(f *frame) {
		head := f.take(1)
		if head == nil {
			return
		}
		f.way = pcapng.Inbound
		if head[0] != 0 {
			f.way = pcapng.Outbound
		}
		then(f)
	}
}
