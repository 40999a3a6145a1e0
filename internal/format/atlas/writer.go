package atlas

import (
	"cmp"
	"strconv"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// protos are the protocols of the methods. TCP probes are read as SYNs.
var protos = [...]string{probe.UDP: "UDP", probe.ICMP: "ICMP", probe.TCPACK: "TCP", probe.TCPSYN: "TCP"}

// headers returns how much of a probe is not in its size: the IP header and that of the protocol.
func headers(head *record.Head) int { return replyHeaders(head.Target.Is4(), transport(head)) }

// transport returns the IP protocol of the probes, UDP if it is not known.
func transport(head *record.Head) uint8 {
	if int(head.Method) >= len(protos) {
		return probe.ProtoUDP
	}
	return head.Method.Protocol(head.Target.Is4())
}

// replyHeaders returns how much of a packet is not in its size.
func replyHeaders(is4 bool, protocol uint8) int {
	n := 8 // UDP, ICMP
	if protocol == probe.ProtoTCP {
		n = 20
	}
	if is4 {
		return 20 + n
	}
	return 40 + n
}

// Writer writes traces, one result per line. A measurement and a probe of RIPE Atlas have numbers,
// which are 0 here.
type Writer struct {
	*format.Text
	kinds record.Kinds
}

// NewWriter returns a Writer.
func NewWriter(o format.Output) *Writer {
	return &Writer{Text: format.NewText(o.Out), kinds: cmp.Or(o.Kinds, record.Both)}
}

// Write implements format.Writer.
func (w *Writer) Write(r record.Record) error {
	if t, ok := r.(*record.Trace); ok && w.kinds.Has(record.Traces) {
		w.Buf = append(appendTrace(w.Buf, t), '\n')
	}
	return w.End()
}

// appendTrace appends a result with the fields of firmware 5000. lts -1 means that nothing is known
// about the clock.
func appendTrace(b []byte, t *record.Trace) []byte {
	end := t.Start
	for i := range t.Hops {
		end = max(end, t.Hops[i].Stamp)
	}
	b = append(b, `{"fw":5000,"mver":"2.2.0","lts":-1`...)
	b = appendInt(b, "endtime", end/1e9)
	b = appendAddr(b, "dst_name", t.Target)
	b = appendAddr(b, "dst_addr", t.Target)
	b = appendAddr(b, "src_addr", t.Source)
	if int(t.Method) < len(protos) {
		b = plaintext.AppendJSON(append(b, `,"proto":`...), protos[t.Method])
	}
	b = appendInt(b, "af", [...]int64{4, 6}[family(t.Target.Is4())])
	b = appendInt(b, "size", int64(max(t.ProbeSize-headers(&t.Head), 0)))
	if t.TOS != 0 {
		b = appendInt(b, "tos", int64(t.TOS))
	}
	b = appendInt(b, "paris_id", int64(t.FlowIndex)+1)
	b = appendHops(b, t)
	b = appendInt(b, "msm_id", 0)
	b = appendInt(b, "prb_id", 0)
	b = appendInt(b, "timestamp", t.Start/1e9)
	b = append(b, `,"msm_name":"Traceroute"`...)
	b = appendAddr(b, "from", t.Source)
	return append(b, `,"type":"traceroute"}`...)
}

// appendHops appends the replies and the silent probes by TTL, then by attempt.
func appendHops(b []byte, t *record.Trace) []byte {
	b = append(b, `,"result":[`...)
	hops, silent, last := t.Hops, t.Silent, uint8(0)
	for len(hops) > 0 || len(silent) > 0 {
		heard := len(silent) == 0 || len(hops) > 0 &&
			(hops[0].TTL < silent[0].TTL || hops[0].TTL == silent[0].TTL && hops[0].Attempt < silent[0].Attempt)
		var ttl uint8
		if heard {
			ttl = hops[0].TTL
		} else {
			ttl = silent[0].TTL
		}
		if ttl != last {
			if last != 0 {
				b = append(b, "]},"...)
			}
			b = strconv.AppendUint(append(b, `{"hop":`...), uint64(ttl), 10)
			b = append(b, `,"result":[`...)
			last = ttl
		} else {
			b = append(b, ',')
		}
		if heard {
			b = appendPacket(b, &t.Head, &hops[0])
			hops = hops[1:]
		} else {
			b = append(b, `{"x":"*"}`...)
			silent = silent[1:]
		}
	}
	if last != 0 {
		b = append(b, "]}"...)
	}
	return append(b, ']')
}

func appendPacket(b []byte, head *record.Head, h *record.Hop) []byte {
	is4 := head.Target.Is4()
	b = append(b, `{"from":"`...)
	b = append(h.Responder.Netip().AppendTo(b), '"')
	b = appendInt(b, "ttl", int64(h.ReplyTTL))
	b = appendInt(b, "size", max(int64(h.ReplySize)-int64(replyHeaders(is4, h.Protocol)), 0))
	if h.ReplyTOS != 0 {
		b = appendInt(b, "tos", int64(h.ReplyTOS))
	}
	if h.HasRTT() {
		b = append(b, `,"rtt":`...)
		b = strconv.AppendFloat(b, float64(max(h.RTT, 0))/1e6, 'f', 3, 64)
	}
	if h.HasQuote && h.QuotedTTL != 1 {
		b = appendInt(b, "ittl", int64(h.QuotedTTL))
	}
	if h.HasQuote && h.QuotedTOS != 0 {
		b = appendInt(b, "itos", int64(h.QuotedTOS))
	}
	switch {
	case h.Protocol == probe.ProtoTCP:
		b = append(b, `,"flags":"`...)
		for i := range flagNames {
			if h.TCPFlags&(1<<i) != 0 {
				b = append(b, flagNames[i])
			}
		}
		return append(b, `"}`...)
	case h.Protocol == probe.ProtoICMP && h.Type == type4Unreachable, h.Protocol == probe.ProtoICMPv6 && h.Type == type6Unreachable:
		b = appendCode(b, h.Code, is4)
	}
	if h.MTU != 0 {
		b = appendInt(b, "mtu", int64(h.MTU))
	}
	return append(appendExtension(b, h.Ext), '}')
}

// appendExtension appends the extension structure ext, nothing if there is none. Only label stacks
// have their contents.
func appendExtension(b, ext []byte) []byte {
	var x wire.Extension
	if len(ext) == 0 || x.Decode(ext) != nil {
		return b
	}
	b = append(b, `,"icmpext":{"version":2,"rfc4884":1,"obj":[`...)
	n := 0
	for objects := x.Objects(); objects.Next(); n++ {
		if n > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(append(b, `{"class":`...), uint64(objects.Class), 10)
		b = appendInt(b, "type", int64(objects.CType))
		if objects.IsMPLS() {
			b = append(b, `,"mpls":[`...)
			for i := range objects.NumLabels() {
				if i > 0 {
					b = append(b, ',')
				}
				l := objects.Label(i)
				b = strconv.AppendUint(append(b, `{"label":`...), uint64(l.Label), 10)
				b = appendInt(b, "exp", int64(l.EXP))
				b = appendInt(b, "s", int64(l.S))
				b = append(appendInt(b, "ttl", int64(l.TTL)), '}')
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

func appendInt(b []byte, key string, v int64) []byte {
	return strconv.AppendInt(append(append(append(b, `,"`...), key...), `":`...), v, 10)
}

// appendAddr appends an address, nothing if there is none.
func appendAddr(b []byte, key string, a probe.Addr) []byte {
	if a.IsZero() {
		return b
	}
	b = append(append(append(b, `,"`...), key...), `":"`...)
	return append(a.Netip().AppendTo(b), '"')
}
