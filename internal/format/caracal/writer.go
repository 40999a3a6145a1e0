package caracal

import (
	"cmp"
	"math"
	"strconv"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// header is the first line. caracal always writes it.
const header = "capture_timestamp,probe_protocol,probe_src_addr,probe_dst_addr,probe_src_port,probe_dst_port,probe_ttl,quoted_ttl," +
	"reply_src_addr,reply_protocol,reply_icmp_type,reply_icmp_code,reply_ttl,reply_size,reply_mpls_labels,rtt,round\n"

// Writer writes a row for each reply.
type Writer struct {
	*format.Text
	kinds record.Kinds
	begun bool
}

// NewWriter returns a Writer.
func NewWriter(o format.Output) *Writer {
	return &Writer{Text: format.NewText(o.Out), kinds: cmp.Or(o.Kinds, record.Both)}
}

// Write implements format.Writer.
func (w *Writer) Write(r record.Record) error {
	if !w.begun {
		w.begun = true
		w.Buf = append(w.Buf, header...)
	}
	if r, ok := r.(*record.Reply); ok && w.kinds.Has(record.Replies) && format.IsRow(r) {
		w.row(&r.Head, &r.Hop)
	}
	return w.End()
}

// row appends a row. Unknown numbers are 0 and an unknown source is ::, as in caracal.
func (w *Writer) row(head *record.Head, h *record.Hop) {
	b := w.Buf
	number := func(v uint64) { b = append(strconv.AppendUint(b, v, 10), ',') }
	addr := func(a probe.Addr) {
		if a.IsZero() {
			b = append(b, "::,"...)
		} else {
			b = append(a.Netip().AppendTo(b), ',')
		}
	}
	number(uint64(max(h.Stamp, 0) / 1e9))
	number(uint64(protocol(head)))
	addr(head.Source)
	addr(head.Target)
	number(uint64(head.Flow.Value))
	if head.Method == probe.ICMP { // other methods have a port, ICMP has none
		number(0)
	} else {
		number(uint64(head.DstPort))
	}
	number(uint64(h.TTL))
	number(uint64(h.QuotedTTL))
	addr(h.Responder)
	number(uint64(h.Protocol))
	number(uint64(h.Type))
	number(uint64(h.Code))
	number(uint64(h.ReplyTTL))
	number(uint64(min(h.ReplySize, math.MaxUint16)))
	b = append(appendLabels(append(b, '"', '['), h.Ext), ']', '"', ',')
	if h.HasRTT() && !h.Late {
		number(uint64(min(max(h.RTT, 0)/rttUnit, math.MaxUint16)))
	} else {
		number(0)
	}
	w.Buf = append(b, '1', '\n')
}

// protocol returns the IP protocol of the probes, 0 if it is not known.
func protocol(head *record.Head) uint8 {
	if head.Method == record.NoMethod {
		return head.QuotedProtocol
	}
	return head.Method.Protocol(head.Target.Is4())
}

// appendLabels appends the labels of all label stacks: (label,EXP,S,TTL),…
func appendLabels(b, ext []byte) []byte {
	var x wire.Extension
	if len(ext) == 0 || x.Decode(ext) != nil {
		return b
	}
	first := true
	for objects := x.Objects(); objects.Next(); {
		for i := range objects.NumLabels() {
			if !first {
				b = append(b, ',')
			}
			first = false
			l := objects.Label(i)
			for j, v := range [...]uint32{l.Label, uint32(l.EXP), uint32(l.S), uint32(l.TTL)} {
				b = append(b, "(,,,"[j])
				b = strconv.AppendUint(b, uint64(v), 10)
			}
			b = append(b, ')')
		}
	}
	return b
}
