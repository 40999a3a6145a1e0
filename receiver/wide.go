package receiver

import (
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// redirected returns the packet in an ICMPv6 redirect (RFC 4861 §4.5), which may be cut, or nil.
// It is in an option, after the header and two addresses.
func redirected(b []byte) []byte {
	const options, redirectedHeader, head = 8 + 2*16, 4, 8
	if len(b) < options {
		return nil
	}
	for b = b[options:]; len(b) >= head && b[1] != 0; {
		n := 8 * int(b[1]) // octets of the option
		if b[0] == redirectedHeader {
			return b[head:min(n, len(b))]
		}
		b = b[min(n, len(b)):]
	}
	return nil
}

// aside fills f.header from a quotation of another packet than a probe: its addresses and its
// protocol. The error has a record, and answers no probe.
func (f *foreign) aside(q *wire.Quotation) codec.Verdict {
	f.isAside = true
	f.header = probe.Header{
		Src: q.Src, Dst: q.Dst, Protocol: q.Protocol, TTL: q.TTL, TOS: q.TOS,
		ID: q.ID, Label: q.Label, Size: q.Size,
	}
	return codec.Accepted
}

// isProbe reports whether a quotation shows enough of a probe to look for it. Of UDP the ports
// are enough: the identification of the packet is in the IP header.
func (f *foreign) isProbe(q *wire.Quotation) bool {
	const ports = 4
	switch {
	case f.decoder.inner || f.decoder.about:
		return false
	case len(q.Transport) >= wire.MinTransport:
		return true
	}
	return f.decoder.cut && q.Protocol == probe.ProtoUDP && len(q.Transport) >= ports
}
