package ndjson

import (
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/format/tracelb"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// TypeTracelb is scamper's record of all paths to a target.
const TypeTracelb = "tracelb"

// tracelbLine is such a record.
type tracelbLine struct {
	Method     string        `json:"method"`
	Src        netip.Addr    `json:"src"`
	Dst        netip.Addr    `json:"dst"`
	Start      StartTime     `json:"start"`
	FirstHop   uint8         `json:"firsthop"`
	Confidence uint8         `json:"confidence"`
	Probes     int           `json:"probec"`
	Nodes      []tracelbNode `json:"nodes"`
}

// tracelbNode is a node. A node with one link has the hops of that, one with several has a list
// of one hop for each.
type tracelbNode struct {
	Addr  netip.Addr     `json:"addr"`
	Linkc int            `json:"linkc"`
	Links [][]tracelbEnd `json:"links"`
}

// tracelbEnd is an address of a hop, with the probes that it answered. It is * for silence, which
// has no probes.
type tracelbEnd struct {
	Addr   string         `json:"addr"`
	Probes []tracelbProbe `json:"probes"`
}

type tracelbProbe struct {
	Tx     Time   `json:"tx"`
	Replyc int    `json:"replyc"`
	TTL    uint8  `json:"ttl"`
	FlowID uint16 `json:"flowid"`
}

// multipath returns the record of a line, nil if it has no target.
func (l *tracelbLine) multipath() (record.Record, error) {
	if !l.Dst.IsValid() {
		return nil, nil
	}
	r := tracelbReader{seen: map[netip.Addr]tracelbProbe{}, o: &tracelb.Object{
		Source: probe.AddrFrom(l.Src), Target: probe.AddrFrom(l.Dst), Method: record.NoMethod, Start: l.Start.ns(),
		FirstHop: l.FirstHop, Confidence: l.Confidence, Probes: l.Probes,
	}}
	if m, ok := tracelb.MethodNamed(l.Method); ok {
		r.o.Method = m
	}
	for i := range l.Nodes {
		if err := r.node(&l.Nodes[i]); err != nil {
			return nil, fmt.Errorf("node %v: %w", l.Nodes[i].Addr, err)
		}
	}
	m, err := r.o.Multipath()
	if err != nil {
		return nil, err
	}
	return m, nil
}

// tracelbReader makes an object of the nodes of a line.
type tracelbReader struct {
	o    *tracelb.Object
	seen map[netip.Addr]tracelbProbe // that addresses answered
}

func (r *tracelbReader) node(n *tracelbNode) error {
	from := len(r.o.Nodes)
	r.o.Nodes = append(r.o.Nodes, probe.AddrFrom(n.Addr))
	if n.Linkc <= 1 {
		return r.link(from, n.Addr, n.Links)
	}
	for _, ends := range n.Links {
		for i := range ends {
			if err := r.link(from, n.Addr, [][]tracelbEnd{ends[i : i+1]}); err != nil {
				return err
			}
		}
	}
	return nil
}

// link adds a link over hops.
func (r *tracelbReader) link(from int, addr netip.Addr, hops [][]tracelbEnd) error {
	l := tracelb.Link{From: from, To: tracelb.None}
	ttl := r.ttlOf(addr, hops)
	silent := make([]bool, len(hops))
	for k, ends := range hops {
		var hop []tracelb.Probe
		for i := range ends {
			if ends[i].Addr == "*" {
				silent[k] = true
				continue
			}
			at, err := netip.ParseAddr(ends[i].Addr)
			if err != nil {
				return err
			}
			hop = appendAnswers(hop, probe.AddrFrom(at), ends[i].Probes)
			if len(ends[i].Probes) > 0 && ends[i].Probes[0].Replyc > 0 {
				r.seen[at] = ends[i].Probes[0]
			}
		}
		l.Hops = append(l.Hops, hop)
	}
	for k := len(l.Hops) - 1; k >= 0; k-- {
		if silent[k] {
			l.Hops[k] = appendSilence(l.Hops, k, uint8(min(ttl+k, math.MaxUint8)), r.seen[addr].FlowID)
		}
	}
	r.o.Links = append(r.o.Links, l)
	return nil
}

// ttlOf returns the TTL of the first of some hops after an address.
func (r *tracelbReader) ttlOf(addr netip.Addr, hops [][]tracelbEnd) int {
	for k, ends := range hops {
		for i := range ends {
			if probes := ends[i].Probes; len(probes) > 0 {
				return max(int(probes[0].TTL)-k, 1)
			}
		}
	}
	if at, known := r.seen[addr]; known {
		return int(at.TTL) + 1
	}
	return int(r.o.FirstHop) + 1
}

func appendAnswers(hop []tracelb.Probe, from probe.Addr, probes []tracelbProbe) []tracelb.Probe {
	for i := range probes {
		at := tracelb.Probe{Flow: probes[i].FlowID, TTL: probes[i].TTL, Sent: probes[i].Tx.ns()}
		if probes[i].Replyc > 0 {
			at.From = from
		}
		hop = append(hop, at)
	}
	return hop
}

// appendSilence appends the flows that hop k did not answer: those of the hop after it, else of the
// one before it. If there are none, it is some flow that came to the node before.
func appendSilence(hops [][]tracelb.Probe, k int, ttl uint8, some uint16) []tracelb.Probe {
	hop := hops[k]
	var flows []uint16
	for _, at := range []int{k + 1, k - 1} {
		if at < 0 || at >= len(hops) || len(flows) > 0 {
			continue
		}
		for i := range hops[at] {
			flows = append(flows, hops[at][i].Flow)
		}
	}
	slices.Sort(flows)
	flows = slices.Compact(flows)
	answered := map[uint16]bool{}
	for i := range hop {
		answered[hop[i].Flow] = true
	}
	flows = slices.DeleteFunc(flows, func(flow uint16) bool { return answered[flow] })
	if len(flows) == 0 && len(hop) == 0 {
		flows = []uint16{some}
	}
	for _, flow := range flows {
		hop = append(hop, tracelb.Probe{Flow: flow, TTL: ttl})
	}
	return hop
}
