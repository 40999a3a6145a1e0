package scamper

import (
	"strconv"
	"time"

	"github.com/masstrace/masstrace/internal/format/tracelb"
	"github.com/masstrace/masstrace/internal/probe"
)

// appendTracelb appends all paths to a target as sc_warts2json does. Fields that records lack are
// 0, as they are there if warts lacks them.
func appendTracelb(b []byte, o *tracelb.Object) []byte {
	b = append(b, `{"type":"tracelb", "version":"0.1", "userid":0, "method":"`...)
	b = append(append(b, tracelb.NameOf(o.Method)...), '"')
	b = append(o.Source.Netip().AppendTo(append(b, `, "src":"`...)), '"')
	b = append(o.Target.Netip().AppendTo(append(b, `, "dst":"`...)), '"')
	if o.Method != probe.ICMP {
		b = append(b, `, "sport":0, "dport":0`...)
	}
	b = appendTime(append(b, `, "start":{`...), o.Start)
	b = append(b, `, "ftime":"`...)
	b = time.Unix(o.Start/1e9, 0).UTC().AppendFormat(b, time.DateTime)
	b = append(b, `"}, "probe_size":0`...)
	b = appendInt(b, "firsthop", int64(o.FirstHop))
	b = append(b, `, "attempts":0`...)
	b = appendInt(b, "confidence", int64(o.Confidence))
	b = append(b, `, "tos":0, "gaplimit":0, "wait_timeout":0, "wait_probe":0`...)
	b = appendInt(b, "probec", int64(o.Probes))
	b = append(b, `, "probec_max":0`...)
	b = appendInt(b, "nodec", int64(len(o.Nodes)))
	b = appendInt(b, "linkc", int64(len(o.Links)))
	return append(appendNodes(b, o), "}\n"...)
}

// appendNodes appends the nodes that links leave.
func appendNodes(b []byte, o *tracelb.Object) []byte {
	leaving := make([][]*tracelb.Link, len(o.Nodes))
	for i := range o.Links {
		l := &o.Links[i]
		leaving[l.From] = append(leaving[l.From], l)
	}
	before := `, "nodes":[`
	for i, links := range leaving {
		if len(links) == 0 {
			continue
		}
		b = append(append(b, before...), `{"addr":"`...)
		b = append(o.Nodes[i].Netip().AppendTo(b), '"')
		b = appendInt(b, "linkc", int64(len(links)))
		b = append(b, `, "links":[`...)
		if len(links) == 1 {
			b = appendHops(b, o, links[0])
		} else {
			b = appendLinks(b, o, links)
		}
		b = append(b, "]}"...)
		before = ","
	}
	if before == "," {
		b = append(b, ']')
	}
	return b
}

// appendHops appends the hops of the only link of a node.
func appendHops(b []byte, o *tracelb.Object, l *tracelb.Link) []byte {
	for i, hop := range l.Hops {
		if i > 0 {
			b = append(b, ',')
		}
		if i < len(l.Hops)-1 || l.To == tracelb.None {
			b = append(b, `[{"addr":"*"}]`...)
			continue
		}
		b = append(o.Nodes[l.To].Netip().AppendTo(append(b, `[{"addr":"`...)), `", "probes":[`...)
		b = append(appendProbes(b, o, hop), "]}]"...)
	}
	return b
}

// appendLinks appends the links of a node with several: the first hop of each.
func appendLinks(b []byte, o *tracelb.Object, links []*tracelb.Link) []byte {
	b = append(b, '[')
	for i, l := range links {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(o.Nodes[l.To].Netip().AppendTo(append(b, `{"addr":"`...)), `", "probes":[ `...)
		b = append(appendProbes(b, o, l.Hops[0]), "]}"...)
	}
	return append(b, ']')
}

func appendProbes(b []byte, o *tracelb.Object, hop []tracelb.Probe) []byte {
	for i := range hop {
		if i > 0 {
			b = append(b, ',')
		}
		at := &hop[i]
		b = append(appendTime(append(b, `{"tx":{`...), at.Sent), `}, "replyc":`...)
		replies := int64(1)
		if at.From.IsZero() {
			replies = 0
		}
		b = strconv.AppendInt(b, replies, 10)
		b = appendInt(b, "ttl", int64(at.TTL))
		b = append(b, `, "attempt":0`...)
		b = appendInt(b, "flowid", int64(at.Flow))
		if replies > 0 {
			b = append(appendReply(append(b, `, "replies":[`...), o, at), ']')
		}
		b = append(b, '}')
	}
	return b
}

func appendReply(b []byte, o *tracelb.Object, at *tracelb.Probe) []byte {
	b = append(appendTime(append(b, `{"rx":{`...), at.Sent), `}, "ttl":0, "rtt":0.000`...)
	if o.Target.Is4() {
		b = append(b, `, "ipid":0`...)
	}
	kind := o.Reply(at.From)
	if kind.TCP {
		return append(b, `, "tcp_flags":0}`...)
	}
	b = appendInt(b, "icmp_type", int64(kind.Type))
	b = appendInt(b, "icmp_code", int64(kind.Code))
	b = append(b, `, "icmp_q_tos":0`...)
	if !kind.Echo() {
		b = append(b, `, "icmp_q_ttl":1`...)
	}
	return append(b, '}')
}
