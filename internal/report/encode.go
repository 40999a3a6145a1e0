package report

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// The data of a page is a JSON object, and columns of numbers in little-endian order. The object
// describes the columns.
//
//	4 octets       JSON       columns
//	| length JSON | { ...  } | ...
//
// Each column begins at a multiple of 4 octets after the JSON. Blanks pad the JSON. The page reads
// the data in web/data.js.

// header is the JSON object.
type header struct {
	Version     int            `json:"version"`
	Files       []*source      `json:"files"`
	Totals      totals         `json:"totals"`
	Notes       []string       `json:"notes"`
	Methods     []string       `json:"methods"`
	Stops       []string       `json:"stops"`
	Kinds       []string       `json:"kinds"`
	Verdicts    []string       `json:"verdicts"`
	Bases       []string       `json:"bases"`
	Conditions  []string       `json:"conditions"`
	Mangled     []string       `json:"mangled"` // names of the bits
	Stacks      []string       `json:"stacks"`  // by number, from 1
	Annotations []*annotation  `json:"annotations"`
	Names       []string       `json:"names"` // by number, from 1
	Addresses4  int            `json:"addresses4"`
	Addresses6  int            `json:"addresses6"`
	Base        int64          `json:"base"` // ms since the Unix epoch, of the column start
	Levels      []level        `json:"levels"`
	Limited     []limited      `json:"limited"`
	Diamonds    [][2]uint32    `json:"diamonds"` // addresses and widths of balancers
	Comparison  *comparison    `json:"comparison,omitempty"`
	Columns     []columnHeader `json:"columns"`
}

// level describes the drawing of a level.
type level struct {
	Name   string   `json:"name"`
	Groups []string `json:"groups,omitempty"`
	Total  int      `json:"total"`
	// Rings are the radii of the TTLs in the drawing.
	Rings []float64 `json:"rings"`
}

// limited is a router that limits the rate of its answers.
type limited struct {
	Addr     uint32 `json:"addr"`
	Answered uint64 `json:"answered"`
	Silent   uint64 `json:"silent"`
}

// columnHeader describes a column. Offset is from the end of the JSON object.
type columnHeader struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // u8, u16, u32, f32
	Length int    `json:"length"`
	Offset int    `json:"offset"`
}

// columns gathers the columns.
type columns struct {
	list []columnHeader
	data []byte
}

// add adds a column of n numbers of one, two or four octets.
func (c *columns) add(name, typ string, n int, value func(i int) uint32) {
	c.list = append(c.list, columnHeader{name, typ, n, len(c.data)})
	for i := range n {
		switch v := value(i); typ {
		case "u8":
			c.data = append(c.data, uint8(v))
		case "u16":
			c.data = binary.LittleEndian.AppendUint16(c.data, uint16(v))
		default:
			c.data = binary.LittleEndian.AppendUint32(c.data, v)
		}
	}
	for len(c.data)%4 != 0 {
		c.data = append(c.data, 0)
	}
}

// encode returns the data of the page, not compressed.
func (g *gathering) encode() []byte {
	g.sortBook()
	c := &columns{}
	h := g.header()
	g.encodeBook(c, h)
	g.encodePaths(c, h)
	g.encodeJudged(c)
	g.encodeCompared(c, h)
	g.encodeHops(c)
	for _, one := range []struct {
		name string
		g    *graph
	}{{"as", g.newGraph(byAS)}, {"prefix", g.newGraph(byPrefix)}, {"router", g.newRouters()}} {
		h.Levels = append(h.Levels, level{one.name, one.g.groups, one.g.total, one.g.rings})
		one.g.encode(c, one.name)
	}
	h.Columns = c.list
	text, err := json.Marshal(h)
	if err != nil {
		panic(err) // strings and numbers
	}
	for (len(text)+4)%4 != 0 {
		text = append(text, ' ')
	}
	data := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(text)+len(c.data)), uint32(len(text)))
	return append(append(data, text...), c.data...)
}

// sortBook numbers the addresses in their order: IPv4 first.
func (g *gathering) sortBook() {
	b := g.book
	order := make([]uint32, len(b.addrs))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(x, y uint32) int { return b.addrs[x].compare(&b.addrs[y]) })
	now := make([]uint32, len(order))
	addrs := make([]address, len(order))
	for i, old := range order {
		now[old], addrs[i] = uint32(i), b.addrs[old]
		b.numbers[addrs[i].addr] = uint32(i)
	}
	b.addrs = addrs
	for i := range g.paths {
		p := &g.paths[i]
		p.target, p.source = now[p.target], now[p.source]
		for j := range p.hops {
			p.hops[j].addr = now[p.hops[j].addr]
		}
		p.judged.move(func(n uint32) uint32 { return now[n] })
	}
}

// header returns the parts of the header that are no columns.
func (g *gathering) header() *header {
	h := &header{
		Version: 1, Files: g.runs, Totals: g.totals, Notes: append([]string{}, g.notes...), Stacks: append([]string{}, g.exts.texts...),
		Annotations: []*annotation{}, Names: []string{}, Limited: []limited{}, Diamonds: [][2]uint32{},
	}
	for m := probe.UDP; m <= probe.TCPACK; m++ {
		h.Methods = append(h.Methods, m.String())
	}
	for s := record.StopNone; s <= record.StopError; s++ {
		h.Stops = append(h.Stops, s.String())
	}
	for k := probe.KindOther; k <= probe.KindUDPReply; k++ {
		h.Kinds = append(h.Kinds, k.String())
	}
	for v := range record.NumVerdicts {
		h.Verdicts = append(h.Verdicts, v.String())
	}
	h.Bases = append([]string{""}, record.BasisNames()...)
	for k := range record.NumConditions {
		h.Conditions = append(h.Conditions, k.String())
	}
	for m := probe.MangledIPID; m <= probe.MangledPayload; m <<= 1 {
		h.Mangled = m.AppendNames(h.Mangled)
	}
	for i := range g.book.addrs {
		a := g.book.addrs[i].addr
		if l, ok := g.limited[a]; ok {
			h.Limited = append(h.Limited, limited{uint32(i), l.answered, l.silent})
		}
		if w := g.diamond[a]; w > 0 {
			h.Diamonds = append(h.Diamonds, [2]uint32{uint32(i), uint32(w)})
		}
	}
	for i := range g.paths {
		if i == 0 || g.paths[i].target != g.paths[i-1].target {
			h.Totals.Targets++
		}
	}
	return h
}

// encodeBook adds the addresses. Those of IPv4 are differences from the one before.
func (g *gathering) encodeBook(c *columns, h *header) {
	addrs := g.book.addrs
	for h.Addresses4 < len(addrs) && !addrs[h.Addresses4].addr.Is6() {
		h.Addresses4++
	}
	six := addrs[h.Addresses4:]
	h.Addresses6 = len(six)
	last := uint32(0)
	c.add("addr4", "u32", h.Addresses4, func(i int) uint32 {
		a := addrs[i].addr
		now := binary.BigEndian.Uint32(a[12:])
		delta := now - last
		last = now
		return delta
	})
	c.add("addr6", "u8", 16*len(six), func(i int) uint32 { return uint32(six[i/16].addr[i%16]) })
	c.add("addr.about", "u32", len(addrs), func(i int) uint32 {
		about := addrs[i].about
		if about == nil {
			return 0
		}
		if about.number == 0 || int(about.number) > len(h.Annotations) || h.Annotations[about.number-1] != about {
			h.Annotations = append(h.Annotations, about)
			about.number = uint32(len(h.Annotations))
		}
		return about.number
	})
	c.add("addr.name", "u32", len(addrs), func(i int) uint32 {
		if addrs[i].name == "" {
			return 0
		}
		h.Names = append(h.Names, addrs[i].name)
		return uint32(len(h.Names))
	})
}

// encodePaths adds the columns of the traces.
func (g *gathering) encodePaths(c *columns, h *header) {
	p := g.paths
	for i := range p {
		if ms := p[i].start / 1e6; ms > 0 && (h.Base == 0 || ms < h.Base) {
			h.Base = ms
		}
	}
	column := func(name, typ string, value func(p *path) uint32) {
		c.add(name, typ, len(p), func(i int) uint32 { return value(&p[i]) })
	}
	column("dst", "u32", func(p *path) uint32 { return p.target })
	column("src", "u32", func(p *path) uint32 { return p.source })
	column("file", "u16", func(p *path) uint32 { return uint32(p.file) })
	column("flow", "u16", func(p *path) uint32 { return uint32(p.flow) })
	column("method", "u8", func(p *path) uint32 { return uint32(p.method) })
	column("stop", "u8", func(p *path) uint32 { return uint32(p.stop) })
	column("data", "u8", func(p *path) uint32 { return uint32(p.data) })
	column("end", "u8", func(p *path) uint32 { return uint32(p.end) })
	column("nat", "u8", func(p *path) uint32 { return uint32(p.nat) })
	column("flags", "u8", func(p *path) uint32 { return uint32(p.flags) })
	column("probes", "u16", func(p *path) uint32 { return uint32(p.probes) })
	column("start", "u32", func(p *path) uint32 {
		if p.start <= 0 {
			return math.MaxUint32
		}
		return uint32(min(p.start/1e6-h.Base, math.MaxUint32-1))
	})
	column("silent.low", "u32", func(p *path) uint32 { return uint32(p.silent) })
	column("silent.high", "u32", func(p *path) uint32 { return uint32(p.silent >> 32) })
	column("limited.low", "u32", func(p *path) uint32 { return uint32(p.limited) })
	column("limited.high", "u32", func(p *path) uint32 { return uint32(p.limited >> 32) })
	column("hops", "u16", func(p *path) uint32 { return uint32(len(p.hops)) })
}

// encodeHops adds the columns of the hops, in the order of the traces. Each octet of the RTTs is a
// column of its own, because the high ones compress well.
func (g *gathering) encodeHops(c *columns) {
	var all []*hop
	for i := range g.paths {
		for j := range g.paths[i].hops {
			all = append(all, &g.paths[i].hops[j])
		}
	}
	column := func(name, typ string, value func(h *hop) uint32) {
		c.add(name, typ, len(all), func(i int) uint32 { return value(all[i]) })
	}
	column("hop.addr", "u32", func(h *hop) uint32 { return h.addr })
	column("hop.ttl", "u8", func(h *hop) uint32 { return uint32(h.ttl) })
	column("hop.attempt", "u8", func(h *hop) uint32 { return uint32(h.attempt) })
	column("hop.kind", "u8", func(h *hop) uint32 { return uint32(h.kind) })
	column("hop.reply_ttl", "u8", func(h *hop) uint32 { return uint32(h.replyTTL) })
	column("hop.mangled", "u16", func(h *hop) uint32 { return uint32(h.mangled) })
	column("hop.stack", "u16", func(h *hop) uint32 { return uint32(h.ext) })
	column("hop.rtt0", "u8", func(h *hop) uint32 { return h.rtt })
	column("hop.rtt1", "u8", func(h *hop) uint32 { return h.rtt >> 8 })
	column("hop.rtt2", "u8", func(h *hop) uint32 { return h.rtt >> 16 })
}

// Kinds of edges. The page has the same numbers.
const (
	edgeGap = 1 << iota
	edgeTree
)

// encode adds the columns of a drawing.
func (t *graph) encode(c *columns, name string) {
	if t.groups != nil { // the groups of routers are their addresses
		c.add(name+".of", "u32", len(t.of), func(i int) uint32 { return t.of[i] })
	}
	nodes := func(field, typ string, value func(n *node) uint32) {
		c.add(name+"."+field, typ, len(t.nodes), func(i int) uint32 { return value(&t.nodes[i]) })
	}
	nodes("node", "u32", func(n *node) uint32 { return n.group })
	nodes("x", "f32", func(n *node) uint32 { return math.Float32bits(float32(n.x)) })
	nodes("y", "f32", func(n *node) uint32 { return math.Float32bits(float32(n.y)) })
	nodes("root", "u8", func(n *node) uint32 {
		if n.root {
			return 1
		}
		return 0
	})
	edges := func(field string, value func(e *edge) uint32) {
		c.add(name+"."+field, "u32", len(t.edges), func(i int) uint32 { return value(&t.edges[i]) })
	}
	edges("from", func(e *edge) uint32 { return e.from })
	edges("to", func(e *edge) uint32 { return e.to })
	edges("kind", func(e *edge) uint32 { return uint32(mark(e.gap, edgeGap) | mark(e.tree, edgeTree)) })
}
