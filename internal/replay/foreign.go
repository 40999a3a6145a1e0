package replay

import (
	"github.com/masstrace/masstrace/internal/gather"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/receiver"
)

// foreign is the identity of captures without a key: replies are put to the probes in the
// captures whose fields they quote.
type foreign struct {
	table   *matcher.Table
	decoder *receiver.Replay
	gather  *gather.Gatherer
	answers func(*probe.Header) bool

	reply  probe.Reply
	header probe.Header
	hop    record.Hop
}

// setForeign makes t a replay without a key.
func (t *table) setForeign() {
	f := &foreign{table: matcher.NewTable(), decoder: receiver.NewOthers(nil)}
	f.answers = func(h *probe.Header) bool { return f.table.Answered(h) != nil }
	f.table.Limit(mostProbes)
	f.gather = gather.New(gather.Config{
		Writer: t.writer, Kinds: t.cfg.Records, Table: f.table, Keep: trace.KeepPaths, Octets: traceOctets,
	})
	t.identity, t.decoder, t.gather = f, f.decoder, f.gather
}

func (f *foreign) entry(e *pcapng.Entry) (stray bool, err error) {
	switch {
	case e.Direction != pcapng.Inbound && f.decoder.Header(e, &f.header) && !f.isAnswer(&f.header):
		head := headOf(&f.header)
		f.gather.Sent(&head, &f.header, f.header.TTL, trace.NextAttempt, e.Stamp, e.Stamp)
		return false, nil
	case e.Direction == pcapng.Outbound:
		return true, nil
	}
	switch f.decoder.Foreign(e, &f.reply, &f.header, f.answers) {
	case receiver.ToProbe:
		return false, f.replied()
	case receiver.ToAnother:
		return false, f.aside()
	}
	return false, nil
}

// aside writes the record of an ICMP message that answers no probe.
func (f *foreign) aside() error {
	head := headOf(&f.header)
	head.Method, head.QuotedProtocol = record.NoMethod, f.header.Protocol
	f.hop = record.Hop{Reply: f.reply}
	return f.gather.Aside(&head, &f.hop)
}

// isAnswer reports whether a packet that looks like a probe is in fact a target's answer
// to another prober.
func (f *foreign) isAnswer(h *probe.Header) bool {
	if h.Method == probe.ICMP {
		return false
	}
	return f.answers(&probe.Header{
		Src: h.Dst, Dst: h.Src, Protocol: h.Protocol, Method: h.Method,
		SrcPort: h.DstPort, DstPort: h.SrcPort, Seq: h.Ack - 1, Ack: h.Seq,
	})
}

// headOf returns the common header fields of the probes of a flow, from one of them.
func headOf(h *probe.Header) record.Head {
	return record.Head{
		Target: h.Dst, Source: h.Src, Method: h.Method,
		Flow:    probe.Flow{Value: h.SrcPort, Label: h.Label},
		DstPort: h.DstPort, TOS: h.TOS, ProbeSize: h.Size,
	}
}

// replied takes the reply in f.reply, to the probe whose header is f.header.
func (f *foreign) replied() error {
	f.hop = record.Hop{Reply: f.reply}
	var seen *matcher.Seen
	if f.reply.HasQuote {
		seen = f.table.Quoted(&f.header)
	} else {
		seen = f.table.Answered(&f.header)
	}
	if seen == nil {
		head := headOf(&f.header)
		return f.gather.Implied(&head, &f.hop)
	}
	f.hop.TTL, f.hop.Attempt = seen.TTL, seen.Attempt
	if f.reply.HasQuote {
		f.hop.Mangled = mangled(&seen.Header, &f.header)
	}
	return f.gather.Answered(seen, &f.hop)
}

// mangled returns the fields in which a quotation differs from the probe. Checksums are
// not judged: captures often have them before the hardware has filled them in.
func mangled(sent, quoted *probe.Header) (m probe.Mangled) {
	if sent.Src != quoted.Src {
		m |= probe.MangledSource
	}
	if sent.ID != quoted.ID {
		m |= probe.MangledIPID
	}
	if sent.TOS != quoted.TOS {
		m |= probe.MangledTOS
	}
	if sent.Size != quoted.Size {
		m |= probe.MangledLen
	}
	return m
}
