package receiver

import (
	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/linklayer"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Replay decodes the entries of capture files one by one. It belongs to one goroutine, and
// allocates nothing.
type Replay struct {
	// Heard counts frames as Receiver.Heard does, without probes.
	Heard account.Live
	// Read counts all frames, and Packets those with an IP packet. NotUnderstood counts frames of
	// unsupported link types, or with headers that are not known, which Heard counts as unrelated.
	// LastLink is the link type of the last such frame.
	Read, Packets, NotUnderstood uint64
	LastLink                     int

	codec      identity
	decoder    decoder
	foreign    foreign
	linkType   int // of the entry before
	understood bool
}

// NewReplay returns a Replay of captures of our own. c is a codec.Codec or a codec.Listed.
func NewReplay(c identity) *Replay {
	r := &Replay{codec: c, linkType: -1}
	r.decoder.heard = &r.Heard
	r.foreign.decoder = &r.decoder
	return r
}

// NewOthers returns a Replay of captures of other programs. Their frames may be of any link type
// that is known, in tunnels, and cut. If c is nil, because there is no key, only Foreign and Header
// may be called.
func NewOthers(c identity) *Replay {
	r := NewReplay(c)
	r.decoder.wide = true
	return r
}

// begin counts a frame, and prepares for it. It reports whether its link type is supported.
func (r *Replay) begin(e *pcapng.Entry) bool {
	r.Read++
	if !r.setLink(e) {
		r.notUnderstood(e)
		return false
	}
	return true
}

// decode decodes a frame.
func (r *Replay) decode(e *pcapng.Entry, c identity, reply *probe.Reply) codec.Verdict {
	r.decoder.codec, r.decoder.cut = c, e.Cut
	v := r.decoder.decode(e.Frame, reply)
	switch {
	case r.decoder.packet != nil:
		r.Packets++
	case r.decoder.wide && r.decoder.finding == linklayer.Unknown:
		r.NotUnderstood, r.LastLink = r.NotUnderstood+1, e.LinkType
	}
	return v
}

// setLink prepares for the link type of e, and reports whether that is supported.
func (r *Replay) setLink(e *pcapng.Entry) bool {
	if e.LinkType != r.linkType {
		r.linkType, r.understood = e.LinkType, r.decoder.setLink(e.LinkType) == nil
	}
	return r.understood
}

// notUnderstood counts a frame of an unsupported link type.
func (r *Replay) notUnderstood(e *pcapng.Entry) {
	r.NotUnderstood, r.LastLink = r.NotUnderstood+1, e.LinkType
	r.Heard.Unrelated.Add(1)
}

// Reply fills reply from a received frame, and reports whether the frame answers a probe of the
// codec. It counts other frames.
func (r *Replay) Reply(e *pcapng.Entry, reply *probe.Reply) bool {
	r.Heard.Frames.Add(1)
	if !r.begin(e) {
		return false
	}
	v := r.decode(e, r.codec, reply)
	if v == codec.Accepted && r.decoder.about {
		v = codec.Unrelated
	}
	if !r.decoder.accept(v) {
		return false
	}
	reply.Stamp = e.Stamp
	return true
}

// Probe fills f.Probe from a sent frame, and reports whether the frame is a probe of the codec.
// It counts nothing.
func (r *Replay) Probe(e *pcapng.Entry, f *probe.Facts) bool {
	q, _ := r.quotation(e)
	if q == nil {
		return false
	}
	// A router on our own link would quote the probe as it is.
	*f = probe.Facts{}
	return r.codec.Quoted(q, f) == codec.Accepted && f.Valid == probe.Strong
}

// quotation reads the packet of a frame as if it were quoted. It returns nil for a fragment, or
// if there is no packet.
func (r *Replay) quotation(e *pcapng.Entry) (*wire.Quotation, pcapng.Direction) {
	if !r.setLink(e) {
		return nil, pcapng.AnyDirection
	}
	packet, way, v := r.decoder.ipPacket(e.Frame)
	if e.Direction != pcapng.AnyDirection {
		way = e.Direction
	}
	if v != codec.Accepted {
		return nil, way
	}
	if packet[0]>>4 == 4 {
		v = r.decoder.quotation4(packet)
	} else {
		v = r.decoder.quotation6(packet)
	}
	if v != codec.Accepted || r.decoder.quote.Is4 && isFragment4(packet) {
		return nil, way
	}
	return &r.decoder.quote, way
}

// Header fills h from a frame that a prober may have sent: UDP, an ICMP echo request, a TCP SYN,
// or an ACK without data. Its TTL must be one that tracers choose and hosts do not. Header
// reports whether the frame is one, and counts nothing.
func (r *Replay) Header(e *pcapng.Entry, h *probe.Header) bool {
	q, way := r.quotation(e)
	if q == nil || way == pcapng.Inbound || q.TTL > probe.MaxTTL || headerOf(h, q) != codec.Accepted {
		return false
	}
	if h.Protocol != probe.ProtoTCP {
		return true
	}
	b := q.Transport
	if len(b) < wire.TCPLen {
		return false
	}
	switch b[wire.TCPFlags] & (wire.FlagSYN | wire.FlagACK | wire.FlagRST | wire.FlagFIN) {
	case wire.FlagSYN:
		return true
	case wire.FlagACK:
		return h.Size == q.Headers+int(b[wire.TCPOffset]>>4)*4
	}
	return false
}

// Answer is the meaning of a frame for a Replay without a key.
type Answer uint8

// The answers. ToAnother is an ICMP error that quotes another packet than a probe, or a message
// about routes or rates. It is counted, and has a record. NoAnswer is counted.
const (
	NoAnswer Answer = iota
	ToProbe
	ToAnother
)

// Foreign fills reply, and h with the probe that it shows, from a frame that answers a probe of
// any program. An answer of the target itself counts only if known reports that there was such a
// probe. A frame that answers no probe is counted. Of ToAnother, h has the addresses of the quoted
// packet and its protocol.
func (r *Replay) Foreign(e *pcapng.Entry, reply *probe.Reply, h *probe.Header, known func(*probe.Header) bool) Answer {
	r.Heard.Frames.Add(1)
	if !r.begin(e) {
		return NoAnswer
	}
	v := r.decode(e, &r.foreign, reply)
	*h = r.foreign.header
	reply.Stamp = e.Stamp
	switch {
	case v != codec.Accepted:
	case !r.foreign.isAside && !(r.foreign.isAnswer && !known(h)):
		return ToProbe
	default:
		v = codec.Unrelated
	}
	r.decoder.accept(v)
	if v == codec.Unrelated && reply.HasQuote && r.foreign.isAside {
		return ToAnother
	}
	return NoAnswer
}
