// Package linkgraph builds the graph of the interfaces or the autonomous systems of results. It
// writes the graph for Graphviz, as GraphML, as JSON, or as a picture. The same results give the
// same octets, in any order of the traces.
package linkgraph

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Level is the kind of the nodes.
type Level uint8

// The levels.
const (
	Interfaces Level = iota
	Systems          // autonomous systems, as databases have them
)

var levelNames = []string{Interfaces: "interface", Systems: "as"}

// Levels returns the names of the levels.
func Levels() []string { return levelNames }

// String returns the name of a level.
func (l Level) String() string { return levelNames[l] }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(text []byte) error {
	i := slices.Index(levelNames, string(text))
	if i < 0 {
		return fmt.Errorf("unknown level %q: it is interface or as", text)
	}
	*l = Level(i)
	return nil
}

// Config is the request for a graph.
type Config struct {
	Level Level
	// Targets are those whose paths count; all, if there are none.
	Targets []netip.Prefix
	// ASNs and Prefixes keep the links with an end in one of them, unless both are empty.
	ASNs     []uint32
	Prefixes []netip.Prefix
	// Around keeps the nodes that are at most Within links away from an address or a system.
	Around string
	Within int
	// KeepTargets makes nodes of the targets, too.
	KeepTargets bool
}

// Node is an interface or an autonomous system.
type Node struct {
	ID      string `json:"id"` // address, or AS and a number
	TTL     uint8  `json:"ttl"`
	Traces  int    `json:"traces"` // that have the node
	ASN     uint32 `json:"asn,omitempty"`
	ASName  string `json:"as_name,omitempty"`
	Country string `json:"country,omitempty"`
	IXP     string `json:"ixp,omitempty"`
	Name    string `json:"name,omitempty"`
	Target  bool   `json:"target,omitempty"`

	addr probe.Addr
	ttls [ttls]uint32 // traces at each TTL
}

const ttls = 64

// Link is two nodes that follow each other on a path.
type Link struct {
	Source string `json:"source"`
	Dest   string `json:"target"`
	Traces int    `json:"traces"`
	// Gap is set if no trace shows the two at adjacent TTLs: something between is silent, or, of
	// systems, has no number.
	Gap bool `json:"gap,omitempty"`

	from, to int // nodes
}

// Graph is a graph: nodes in the order of TTLs, then addresses, and links in the order of nodes.
type Graph struct {
	Level Level
	Nodes []Node
	Links []Link
}

// ErrNoSystems means that results have no AS numbers.
var ErrNoSystems = errors.New("the results have no AS numbers; add them with masstrace annotate")

// Builder gathers the links of records. It is used by one goroutine at a time.
type Builder struct {
	cfg    Config
	nodes  []*Node
	index  map[probe.Addr]int
	system map[uint32]int
	links  map[[2]int]*Link
	traces int
	path   []step
}

// step is a node on a path.
type step struct {
	node int
	ttl  uint8
}

// NewBuilder returns a Builder without records.
func NewBuilder(c Config) *Builder {
	return &Builder{cfg: c, index: map[probe.Addr]int{}, system: map[uint32]int{}, links: map[[2]int]*Link{}}
}

// Add adds a trace or a multipath record; it ignores other records.
func (b *Builder) Add(r record.Record) {
	switch r := r.(type) {
	case *record.Trace:
		if b.wants(r.Target) {
			b.trace(r)
		}
	case *record.Multipath:
		if b.wants(r.Target) && b.cfg.Level == Interfaces {
			b.multipath(r)
		}
	}
}

func (b *Builder) wants(target probe.Addr) bool {
	a := target.Netip()
	return len(b.cfg.Targets) == 0 || slices.ContainsFunc(b.cfg.Targets, func(p netip.Prefix) bool { return p.Contains(a) })
}

// trace adds the nodes and links of a trace.
func (b *Builder) trace(t *record.Trace) {
	b.traces++
	b.path = b.path[:0]
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.TTL == 0 || h.TTL >= ttls || h.Responder.IsZero() || len(b.path) > 0 && b.path[len(b.path)-1].ttl >= h.TTL {
			continue
		}
		isTarget := h.Responder == t.Target
		if isTarget && !b.cfg.KeepTargets && b.cfg.Level == Interfaces {
			continue
		}
		if n := b.node(h.Responder, h.Annotation, isTarget); n >= 0 {
			b.path = append(b.path, step{n, h.TTL})
		}
	}
	for i, s := range b.path {
		if i > 0 && b.path[i-1].node == s.node {
			continue
		}
		b.nodes[s.node].Traces++
		b.nodes[s.node].ttls[s.ttl]++
		if i > 0 {
			b.link(b.path[i-1].node, s.node, s.ttl != b.path[i-1].ttl+1)
		}
	}
}

// multipath adds the links of a target that its traces do not have.
func (b *Builder) multipath(m *record.Multipath) {
	for i := range m.Links {
		l := &m.Links[i]
		if l.TTL == 0 || l.TTL >= ttls-1 || l.Near.IsZero() || l.Far.IsZero() || l.Remapped || l.Near == l.Far ||
			l.Far == m.Target && !b.cfg.KeepTargets || l.Near == m.Target {
			continue
		}
		near, far := b.node(l.Near, nil, false), b.node(l.Far, nil, l.Far == m.Target)
		b.nodes[near].ttls[l.TTL]++
		b.nodes[far].ttls[l.TTL+1]++
		b.link(near, far, false)
	}
}

// node returns the index of a node, -1 if the address has no AS number at that level.
func (b *Builder) node(a probe.Addr, known *record.Annotation, isTarget bool) int {
	var asn uint32
	if known != nil && len(known.ASN) > 0 {
		asn = known.ASN[0]
	}
	if b.cfg.Level == Systems {
		if asn == 0 {
			return -1
		}
		i, ok := b.system[asn]
		if !ok {
			i = len(b.nodes)
			b.system[asn] = i
			b.nodes = append(b.nodes, &Node{ID: fmt.Sprint("AS", asn), ASN: asn, ASName: plaintext.Line(known.ASName)})
		}
		return i
	}
	i, ok := b.index[a]
	if !ok {
		i = len(b.nodes)
		b.index[a] = i
		b.nodes = append(b.nodes, &Node{ID: a.String(), addr: a})
	}
	n := b.nodes[i]
	n.Target = n.Target || isTarget
	if known != nil && n.ASN == 0 {
		n.ASN, n.ASName, n.Country = asn, plaintext.Line(known.ASName), plaintext.Line(known.Country)
		n.IXP, n.Name = plaintext.Line(known.IXP), plaintext.Line(known.Name)
	}
	return i
}

func (b *Builder) link(from, to int, gap bool) {
	l := b.links[[2]int{from, to}]
	if l == nil {
		l = &Link{from: from, to: to, Gap: true}
		b.links[[2]int{from, to}] = l
	}
	l.Traces++
	l.Gap = l.Gap && gap
}

// Graph returns the graph of the records so far.
func (b *Builder) Graph() (*Graph, error) {
	if b.cfg.Level == Systems && len(b.nodes) == 0 && b.traces > 0 {
		return nil, ErrNoSystems
	}
	keep, err := b.kept()
	if err != nil {
		return nil, err
	}
	g := &Graph{Level: b.cfg.Level}
	var order []int
	for i := range b.nodes {
		if keep[i] {
			b.nodes[i].TTL = median(&b.nodes[i].ttls)
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int { return compareNodes(b.nodes[i], b.nodes[j]) })
	place := make([]int, len(b.nodes))
	for at, i := range order {
		place[i] = at
		g.Nodes = append(g.Nodes, *b.nodes[i])
	}
	for _, l := range b.links {
		if keep[l.from] && keep[l.to] && b.between(l) {
			one := *l
			one.from, one.to = place[l.from], place[l.to]
			one.Source, one.Dest = g.Nodes[one.from].ID, g.Nodes[one.to].ID
			g.Links = append(g.Links, one)
		}
	}
	slices.SortFunc(g.Links, func(x, y Link) int { return cmp.Or(cmp.Compare(x.from, y.from), cmp.Compare(x.to, y.to)) })
	return g, nil
}

// compareNodes orders nodes by TTL, then system, then address, IPv4 first.
func compareNodes(x, y *Node) int {
	return cmp.Or(cmp.Compare(x.TTL, y.TTL), x.addr.Netip().Compare(y.addr.Netip()), cmp.Compare(x.ASN, y.ASN))
}

// median returns the median TTL of a node.
func median(at *[ttls]uint32) uint8 {
	var all, below uint32
	for _, n := range at {
		all += n
	}
	for ttl, n := range at {
		if below += n; 2*below >= all && below > 0 {
			return uint8(ttl)
		}
	}
	return 0
}
