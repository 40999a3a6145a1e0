package ndjson

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// reply returns the reply of a line. tcp is the method of the run if that is one of TCP.
func (l *ReplyLine) reply(tcp probe.Method) (*record.Reply, error) {
	r := &record.Reply{Head: record.Head{
		Target: probe.AddrFrom(l.ProbeDst), Source: probe.AddrFrom(l.ProbeSrc), Method: record.MethodOf(l.ProbeProtocol),
		FlowIndex: l.ProbeFlow, Flow: probe.Flow{Value: l.ProbeSrcPort, Label: value(l.ProbeFlowLabel)},
		DstPort: l.ProbeDstPort, ProbeSize: l.ProbeSize,
	}}
	switch r.Method {
	case probe.TCPSYN:
		r.Method = tcp
	case record.NoMethod:
		r.Head.QuotedProtocol = l.ProbeProtocol
	}
	h := &r.Hop
	h.Target, h.Probe.Flow = r.Head.Target, l.ProbeFlow
	h.TTL, h.Attempt = value(l.ProbeTTL), value(l.ProbeAttempt)
	if l.ProbeTTL != nil && l.ProbeAttempt == nil {
		h.Lacks |= record.LacksAttempt
	}
	h.Responder, h.ReplyTTL, h.ReplyTOS, h.ReplySize = probe.AddrFrom(l.ReplySrc), l.ReplyTTL, l.ReplyTOS, l.ReplySize
	h.Protocol, h.Type, h.Code = l.ReplyProtocol, value(l.ReplyICMPType), value(l.ReplyICMPCode)
	h.TCPFlags, h.ReplyID, h.MTU = value(l.ReplyTCPFlags), value(l.ReplyIPID), l.ReplyMTU
	if l.QuotedTTL != nil {
		h.HasQuote, h.QuotedTTL, h.QuotedTOS = true, *l.QuotedTTL, value(l.QuotedTOS)
		h.QuotedSize, h.QuotedID, h.QuotedLen = value(l.QuotedSize), value(l.QuotedID), value(l.QuotedLen)
	}
	l.times(h)
	h.Dup, h.Late, h.Lagged = l.Dup, l.Late, l.Lagged
	h.Superseded, h.Withheld = l.Superseded, l.Withheld
	if err := verdict(h, l.Kind, l.Valid, l.Mangled); err != nil {
		return nil, err
	}
	var err error
	h.Ext, err = l.ext()
	return r, err
}

// times fills in when the probe left, when the reply came, and the round-trip time.
func (l *ReplyLine) times(h *record.Hop) {
	h.Stamp = l.RxUs * 1e3
	if l.RxUs == 0 {
		h.Stamp = l.CaptureTimestamp * 1e9
	}
	h.Sent = value(l.TxUs) * 1e3
	switch {
	case l.RTTNs != nil:
		h.RTT = *l.RTTNs
	case l.RTT != nil:
		h.RTT = int64(*l.RTT) * rttUnit
	default:
		return
	}
	if h.Sent == 0 {
		h.Lacks |= record.LacksSent
	}
}

// value returns the value at p, or 0 if p is nil.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
