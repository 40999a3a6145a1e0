package ndjson

import (
	"fmt"
	"net/netip"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// ChangeLine is a change record.
type ChangeLine struct {
	Type       string       `json:"type"`
	Run        string       `json:"run"`
	Number     uint64       `json:"number"`
	Kind       string       `json:"kind"`
	Confidence float64      `json:"confidence"`
	TimeUs     int64        `json:"time_us"`
	NotBefore  int64        `json:"not_before_us"`
	NotAfter   int64        `json:"not_after_us"`
	Method     string       `json:"method"`
	Src        *netip.Addr  `json:"src"`
	Dst        netip.Addr   `json:"dst"`
	TTL        uint8        `json:"probe_ttl"`
	Old        *netip.Addr  `json:"old"`
	New        *netip.Addr  `json:"new"`
	Before     []ChangeHop  `json:"before"`
	After      []ChangeHop  `json:"after"`
	Reached    bool         `json:"reached"`
	Affected   int          `json:"affected"`
	Targets    []netip.Addr `json:"dsts"`
	Flows      int          `json:"flows"`
	Probes     int          `json:"probes"`
}

// ChangeHop is a hop of a change record; Addr is nil if it did not answer.
type ChangeHop struct {
	TTL  uint8       `json:"ttl"`
	Addr *netip.Addr `json:"addr"`
}

// NewChangeLine returns the line of a change of a run.
func NewChangeLine(run string, c *record.PathChange) *ChangeLine {
	l := &ChangeLine{
		Type: TypeChange, Run: run, Number: c.Number, Kind: c.Kind.String(), Confidence: float64(int(min(max(c.Confidence, 0), 1)*1000)) / 1000,
		TimeUs: c.Time / 1000, NotBefore: c.NotBefore / 1000, NotAfter: (c.NotAfter + 999) / 1000, Src: orNull(c.Source), Dst: c.Target.Netip(), TTL: c.TTL,
		Old: orNull(c.Old), New: orNull(c.New), Before: changeHops(c.Before), After: changeHops(c.After), Reached: c.Reached,
		Affected: c.Affected, Targets: []netip.Addr{}, Flows: c.Flows, Probes: c.Probes,
	}
	if int(c.Method) < len(scamperMethods) {
		l.Method = scamperMethods[c.Method]
	}
	for _, t := range c.Targets {
		l.Targets = append(l.Targets, t.Netip())
	}
	return l
}

func changeHops(nodes []record.Node) []ChangeHop {
	list := []ChangeHop{}
	for i := range nodes {
		list = append(list, ChangeHop{nodes[i].TTL, orNull(nodes[i].Addr)})
	}
	return list
}

// orNull returns nil, which is null, for the zero address.
func orNull(a probe.Addr) *netip.Addr {
	if a.IsZero() {
		return nil
	}
	n := a.Netip()
	return &n
}

// change returns the record of a line.
func (l *ChangeLine) change() (*record.PathChange, error) {
	var r ranges
	c := &record.PathChange{
		Number: l.Number, Time: l.TimeUs * 1000, NotBefore: l.NotBefore * 1000, NotAfter: l.NotAfter * 1000, Confidence: l.Confidence,
		Target: probe.AddrFrom(l.Dst), Source: fromNull(l.Src), Method: methodOf(l.Method), TTL: l.TTL, Old: fromNull(l.Old), New: fromNull(l.New),
		Before: changeNodes(l.Before), After: changeNodes(l.After), Reached: l.Reached,
		Affected: r.count("affected", l.Affected), Flows: r.count("flows", l.Flows), Probes: r.count("probes", l.Probes),
	}
	for _, t := range l.Targets {
		c.Targets = append(c.Targets, probe.AddrFrom(t))
	}
	var known bool
	if c.Kind, known = record.ParseChangeKind(l.Kind); !known {
		return nil, fmt.Errorf("%s record: unknown kind of change %q", TypeChange, l.Kind)
	}
	if !(l.Confidence >= 0 && l.Confidence <= 1) {
		return nil, fmt.Errorf("%s record: confidence is %v, which is not from 0 to 1", TypeChange, l.Confidence)
	}
	if r.err != nil {
		return nil, fmt.Errorf("%s record: %w", TypeChange, r.err)
	}
	return c, nil
}

func changeNodes(hops []ChangeHop) (nodes []record.Node) {
	for _, h := range hops {
		nodes = append(nodes, record.Node{TTL: h.TTL, Addr: fromNull(h.Addr)})
	}
	return nodes
}

func fromNull(a *netip.Addr) (out probe.Addr) {
	if a != nil {
		out = probe.AddrFrom(*a)
	}
	return out
}
