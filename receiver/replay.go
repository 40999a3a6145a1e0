package receiver

import (
	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Replay decodes the entries of capture files one by one. It belongs to one goroutine, and
// allocates nothing.
type Replay struct {
	// Heard counts frames as Receiver.Heard does, without probes.
	Heard account.Live
	// NotUnderstood counts frames of unsupported link types, which Heard counts as unrelated.
	// LastLink is the last such type.
	NotUnderstood uint64
	LastLink      int

	codec      identity
	decoder    decoder
	foreign    foreign
	linkType   int // of the entry before
	understood bool
}

// NewReplay returns a Replay. c is a codec.Codec or a codec.Listed. If it is nil, because there
// is no key, only Foreign and Header may be called.
func NewReplay(c identity) *Replay {
	r := &Replay{codec: c, linkType: -1}
	r.decoder.heard = &r.Heard
	r.foreign.decoder = &r.decoder
	return r
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
	if !r.setLink(e) {
		r.notUnderstood(e)
		return false
	}
	r.decoder.codec = r.codec
	if !r.decoder.accept(r.decoder.decode(e.Frame, reply)) {
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

// Foreign fills reply, and h with the probe that it shows, from a frame that answers a probe of
// any program. An answer of the target itself counts only if known reports that there was such a
// probe. A frame that is not a reply is counted.
func (r *Replay) Foreign(e *pcapng.Entry, reply *probe.Reply, h *probe.Header, known func(*probe.Header) bool) bool {
	r.Heard.Frames.Add(1)
	if !r.setLink(e) {
		r.notUnderstood(e)
		return false
	}
	r.decoder.codec = &r.foreign
	v := r.decoder.decode(e.Frame, reply)
	*h = r.foreign.header
	if v == codec.Accepted && r.foreign.isAnswer && !known(h) {
		v = codec.Unrelated
	}
	if !r.decoder.accept(v) {
		return false
	}
	reply.Stamp = e.Stamp
	return true
}
