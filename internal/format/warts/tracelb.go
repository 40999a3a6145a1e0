package warts

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/format/tracelb"
	"github.com/masstrace/masstrace/internal/probe"
)

// Parameters of a tracelb, which has all paths to a target. Comments give the length in octets,
// and the unit.
const (
	lbList       = 1  // 4: number of its list
	lbCycle      = 2  // 4: number of its cycle
	lbOldSource  = 3  // 4: number of an address object
	lbOldTarget  = 4  // 4: likewise
	lbStart      = 5  // time
	lbSrcPort    = 6  // 2: that of the first flow
	lbDstPort    = 7  // 2
	lbProbeSize  = 8  // 2
	lbMethod     = 9  // 1
	lbFirstTTL   = 10 // 1
	lbWait       = 11 // 1: s
	lbWaitProbe  = 12 // 1: 10 ms
	lbAttempts   = 13 // 1
	lbConfidence = 14 // 1: %
	lbTOS        = 15 // 1
	lbNodes      = 16 // 2: number of nodes
	lbLinks      = 17 // 2: number of links
	lbProbes     = 18 // 4: probes sent
	lbMostProbes = 19 // 4: probes that may be sent
	lbGapLimit   = 20 // 1
	lbSource     = 21 // address
	lbTarget     = 22 // address
	lbUser       = 23 // 4
	lbFlags      = 24 // 1
)

// Parameters of its nodes, its links, the hops of a link, the probes of a hop, and the replies to
// a probe.
const (
	nodeOldAddress = 1 // 4: number of an address object
	nodeFlags      = 2 // 1
	nodeLinks      = 3 // 2: number of links that leave it
	nodeQuotedTTL  = 4 // 1
	nodeAddress    = 5 // address
	nodeName       = 6 // text

	linkFrom = 1 // 2: index of a node
	linkTo   = 2 // 2: likewise; if it is not there, nothing answered
	linkHops = 3 // 1: number of hops

	setProbes = 1 // 2: number of probes

	probeSent    = 1 // time
	probeFlow    = 2 // 2
	probeTTL     = 3 // 1
	probeAttempt = 4 // 1
	probeReplies = 5 // 2: number of replies

	replyTime       = 1  // time
	replyID         = 2  // 2
	replyTTL        = 3  // 1
	replyFlags      = 4  // 1
	replyICMP       = 5  // 2: ICMP type and code
	replyTCPFlags   = 6  // 1
	replyExt        = 7  // objects of an ICMP extension structure
	replyQuotedTTL  = 8  // 1
	replyQuotedTOS  = 9  // 1
	replyOldAddress = 10 // 4: number of an address object
	replyAddress    = 11 // address
)

// Numbers of flag octets that we write.
const (
	lbFlagsLen    = 4 // up to lbTarget
	replyFlagsLen = 2 // up to replyAddress
)

// replyIsTCP is a flag of a reply.
const replyIsTCP = 0x02

// appendTracelb appends the content of a tracelb object. list and cycle are numbers.
func appendTracelb(b []byte, table *addresses, o *tracelb.Object, list, cycle uint32) []byte {
	clear(table.numbers)
	is6 := o.Target.Is6()
	b, p := beginParams(b, lbFlagsLen)
	octet := func(id int, v uint8) { p.set(b, id); b = append(b, v) }
	number := func(id int, v uint32) { p.set(b, id); b = binary.BigEndian.AppendUint32(b, v) }
	number(lbList, list)
	number(lbCycle, cycle)
	p.set(b, lbStart)
	b = appendTime(b, o.Start)
	if int(o.Method) < len(tracelb.Numbers) {
		octet(lbMethod, tracelb.Numbers[o.Method])
	}
	octet(lbFirstTTL, o.FirstHop)
	octet(lbConfidence, o.Confidence)
	p.set(b, lbNodes)
	b = binary.BigEndian.AppendUint16(b, uint16(len(o.Nodes)))
	p.set(b, lbLinks)
	b = binary.BigEndian.AppendUint16(b, uint16(len(o.Links)))
	number(lbProbes, uint32(min(uint64(max(o.Probes, 0)), 1<<32-1)))
	p.set(b, lbSource)
	b = table.append(b, o.Source, is6)
	p.set(b, lbTarget)
	b = table.append(b, o.Target, is6)
	p.end(b)
	out := o.Out()
	for i, addr := range o.Nodes {
		b = appendNode(b, table, addr, out[i], is6)
	}
	for i := range o.Links {
		b = appendLink(b, table, o, &o.Links[i])
	}
	return b
}

func appendNode(b []byte, table *addresses, addr probe.Addr, links int, is6 bool) []byte {
	b, p := beginParams(b, 1)
	p.set(b, nodeFlags)
	b = append(b, 0)
	p.set(b, nodeLinks)
	b = binary.BigEndian.AppendUint16(b, uint16(links))
	p.set(b, nodeAddress)
	b = table.append(b, addr, is6)
	p.end(b)
	return b
}

func appendLink(b []byte, table *addresses, o *tracelb.Object, l *tracelb.Link) []byte {
	b, p := beginParams(b, 1)
	p.set(b, linkFrom)
	b = binary.BigEndian.AppendUint16(b, uint16(l.From))
	if l.To != tracelb.None {
		p.set(b, linkTo)
		b = binary.BigEndian.AppendUint16(b, uint16(l.To))
	}
	p.set(b, linkHops)
	b = append(b, uint8(len(l.Hops)))
	p.end(b)
	for _, hop := range l.Hops {
		b, p = beginParams(b, 1)
		p.set(b, setProbes)
		b = binary.BigEndian.AppendUint16(b, uint16(len(hop)))
		p.end(b)
		for i := range hop {
			b = appendProbe(b, table, o, &hop[i])
		}
	}
	return b
}

// appendProbe appends a probe and the reply to it, if there is one. The time of the reply is that
// of the probe: the record has no other.
func appendProbe(b []byte, table *addresses, o *tracelb.Object, at *tracelb.Probe) []byte {
	b, p := beginParams(b, 1)
	p.set(b, probeSent)
	b = appendTime(b, at.Sent)
	p.set(b, probeFlow)
	b = binary.BigEndian.AppendUint16(b, at.Flow)
	p.set(b, probeTTL)
	b = append(b, at.TTL)
	p.set(b, probeAttempt)
	b = append(b, 0)
	p.set(b, probeReplies)
	if at.From.IsZero() {
		b = append(b, 0, 0)
		p.end(b)
		return b
	}
	b = append(b, 0, 1)
	p.end(b)
	return appendReply(b, table, o, at)
}

func appendReply(b []byte, table *addresses, o *tracelb.Object, at *tracelb.Probe) []byte {
	kind := o.Reply(at.From)
	b, p := beginParams(b, replyFlagsLen)
	p.set(b, replyTime)
	b = appendTime(b, at.Sent)
	p.set(b, replyFlags)
	if kind.TCP {
		b = append(b, replyIsTCP)
		p.set(b, replyTCPFlags)
		b = append(b, 0)
	} else {
		b = append(b, 0)
		p.set(b, replyICMP)
		b = append(b, kind.Type, kind.Code)
		if !kind.Echo() {
			p.set(b, replyQuotedTTL)
			b = append(b, 1)
		}
	}
	p.set(b, replyAddress)
	b = table.append(b, at.From, o.Target.Is6())
	p.end(b)
	return b
}
