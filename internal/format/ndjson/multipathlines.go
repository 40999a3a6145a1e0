package ndjson

import (
	"fmt"
	"math"
	"net/netip"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// MultipathLine is a multipath record.
type MultipathLine struct {
	Type       string         `json:"type"`
	Run        string         `json:"run"`
	Method     string         `json:"method"`
	Src        netip.Addr     `json:"src"`
	Dst        netip.Addr     `json:"dst"`
	MDA        string         `json:"mda"`
	Start      StartTime      `json:"start"`
	Probes     int            `json:"probes"`
	Remapped   int            `json:"remapped"`
	Unfinished bool           `json:"unfinished"`
	Nodes      []NodeLine     `json:"nodes"`
	Links      []LinkLine     `json:"links"`
	Balancers  []BalancerLine `json:"balancers"`
}

// NodeLine is a node of a multipath record.
type NodeLine struct {
	TTL      uint8      `json:"ttl"`
	Addr     netip.Addr `json:"addr"`
	Flows    int        `json:"flows"`
	Borrowed bool       `json:"borrowed"`
}

// LinkLine is a link of a multipath record.
type LinkLine struct {
	TTL      uint8      `json:"ttl"`
	Near     netip.Addr `json:"near"` // not valid where the record has null
	Far      netip.Addr `json:"far"`
	Flows    int        `json:"flows"`
	DtMs     float64    `json:"dt_ms"`
	Remapped bool       `json:"remapped"`
}

// BalancerLine is a balancer of a multipath record.
type BalancerLine struct {
	TTL        uint8      `json:"ttl"`
	Addr       netip.Addr `json:"addr"`
	Width      int        `json:"width"`
	Length     int        `json:"length"`
	Asymmetry  int        `json:"asymmetry"`
	Kind       string     `json:"kind"`
	Asked      int        `json:"asked"`
	Answered   int        `json:"answered"`
	Confidence float64    `json:"confidence"`
	State      string     `json:"state"`
	HashFields []string   `json:"hash_fields"` // nil if they were not examined
	Borrowed   bool       `json:"borrowed"`
}

// count checks that a count is not negative, and fits into 53 bits as in all records.
func (r *ranges) count(key string, v int) int {
	if (v < 0 || int64(v) >= 1<<53) && r.err == nil {
		r.err = fmt.Errorf("%s is %d, which is no count", key, v)
	}
	return v
}

// longestMs is the largest dt_ms: its ns fit into 53 bits.
const longestMs = 1 << 33

// multipath returns the record of a line.
func (l *MultipathLine) multipath() (*record.Multipath, error) {
	var r ranges
	m := &record.Multipath{
		Target: probe.AddrFrom(l.Dst), Source: probe.AddrFrom(l.Src), Method: methodOf(l.Method), Start: l.Start.ns(),
		Probes: r.count("probes", l.Probes), Remapped: r.count("remapped", l.Remapped), Unfinished: l.Unfinished,
	}
	var err error
	if m.MDA, err = record.ParseMDA(l.MDA); err != nil {
		return nil, fmt.Errorf("mda: %w", err)
	}
	m.Nodes = make([]record.Node, len(l.Nodes))
	for i := range l.Nodes {
		n := &l.Nodes[i]
		m.Nodes[i] = record.Node{TTL: n.TTL, Addr: probe.AddrFrom(n.Addr), Flows: r.count("nodes.flows", n.Flows), Borrowed: n.Borrowed}
	}
	m.Links = make([]record.Link, len(l.Links))
	for i := range l.Links {
		k := &l.Links[i]
		m.Links[i] = record.Link{
			TTL: k.TTL, Near: probe.AddrFrom(k.Near), Far: probe.AddrFrom(k.Far), Flows: r.count("links.flows", k.Flows),
			Dt: int64(math.Round(min(max(k.DtMs, 0), longestMs) * 1e6)), Remapped: k.Remapped,
		}
	}
	m.Balancers = make([]record.Balancer, len(l.Balancers))
	for i := range l.Balancers {
		if m.Balancers[i], err = l.Balancers[i].balancer(&r); err != nil {
			return nil, fmt.Errorf("balancer at TTL %d: %w", l.Balancers[i].TTL, err)
		}
	}
	return m, r.err
}

func (l *BalancerLine) balancer(r *ranges) (b record.Balancer, err error) {
	b = record.Balancer{
		TTL: l.TTL, Addr: probe.AddrFrom(l.Addr), Width: r.count("width", l.Width), Length: r.count("length", l.Length),
		Asymmetry: r.count("asymmetry", l.Asymmetry), Asked: r.count("asked", l.Asked), Answered: r.count("answered", l.Answered),
		Confidence: l.Confidence, Borrowed: l.Borrowed,
	}
	if b.Kind, err = record.ParseBalancerKind(l.Kind); err != nil {
		return b, err
	}
	if b.State, err = record.ParseBalancerState(l.State); err != nil {
		return b, err
	}
	if l.HashFields != nil {
		b.HashFields, err = record.ParseHashFields(l.HashFields)
	}
	if !(l.Confidence >= 0 && l.Confidence <= 1) && err == nil {
		err = fmt.Errorf("confidence is %v, which is not from 0 to 1", l.Confidence)
	}
	return b, err
}
