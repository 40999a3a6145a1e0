package compare

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// id is the number of an address; 0 is silence.
type id uint32

// names numbers the addresses of both scans.
type names struct {
	ids   map[probe.Addr]id
	addrs []probe.Addr
	as    []uint32 // of each address, 0 if it is not known
}

func newNames() *names {
	return &names{ids: map[probe.Addr]id{}, addrs: make([]probe.Addr, 1), as: make([]uint32, 1)}
}

// of returns the number of an address.
func (n *names) of(a probe.Addr) id {
	if a.IsZero() {
		return 0
	}
	i, ok := n.ids[a]
	if !ok {
		i = id(len(n.addrs))
		n.ids[a] = i
		n.addrs, n.as = append(n.addrs, a), append(n.as, 0)
	}
	return i
}

// note keeps the autonomous system of an address.
func (n *names) note(i id, a *record.Annotation) {
	if a != nil && len(a.ASN) > 0 {
		n.as[i] = a.ASN[0]
	}
}

// end is how a path ended, as far as it is not silence.
type end uint16

// endOf returns the end of a trace; 0 is silence.
func endOf(t *record.Trace) end {
	switch {
	case t.StopReason == record.StopUnreach:
		return end(record.StopUnreach)<<8 | end(t.StopData)
	case t.StopReason == record.StopCompleted, t.StopReason == record.StopLoop:
		return end(t.StopReason) << 8
	}
	return 0
}

// path is a trace in 24 octets, without its hops. The hops of a multipath record are all its
// nodes.
type path struct {
	at      uint32 // index of its hops in its chunk
	chunk   uint32
	target  id
	end     end
	flow    uint16
	point   uint16 // the number of its vantage point
	hops    uint8
	reached bool
	nodes   bool // a multipath record
}

// hop is the answer at a TTL in 7 octets of three arrays.
type hops struct {
	ids  []id
	ttls []uint8
	rtts []uint16 // see shrink
}

const chunkHops = 1 << 16

// scan is one of the two results.
type scan struct {
	names  *names
	chunks []hops
	paths  []path

	points *points
	agent  string // name of the vantage point of the latest run, "" if it has none
}

// add keeps a trace or a multipath record, and the vantage point of a run; it ignores other records.
func (s *scan) add(r record.Record) {
	switch r := r.(type) {
	case *record.Run:
		s.agent = ""
		if r.Vantage != nil {
			s.agent = r.Vantage.Name
		}
	case *record.Trace:
		s.trace(r)
	case *record.Multipath:
		s.multipath(r)
	}
}

// room returns a chunk with room for n hops.
func (s *scan) room(n int) *hops {
	if last := len(s.chunks) - 1; last >= 0 && len(s.chunks[last].ids)+n <= chunkHops {
		return &s.chunks[last]
	}
	s.chunks = append(s.chunks, hops{make([]id, 0, chunkHops), make([]uint8, 0, chunkHops), make([]uint16, 0, chunkHops)})
	return &s.chunks[len(s.chunks)-1]
}

const mostHops = math.MaxUint8

func (s *scan) trace(t *record.Trace) {
	c := s.room(mostHops)
	p := path{at: uint32(len(c.ids)), chunk: uint32(len(s.chunks) - 1), target: s.names.of(t.Target), flow: t.FlowIndex, point: s.points.of(s.agent, t.Source),
		end: endOf(t), reached: t.Reached || t.StopReason == record.StopCompleted}
	s.names.note(p.target, t.TargetAnnotation)
	for i := range t.Hops {
		h := &t.Hops[i]
		n := len(c.ids)
		if h.TTL == 0 || h.Responder.IsZero() || p.hops == mostHops || p.hops > 0 && c.ttls[n-1] >= h.TTL {
			continue // a second attempt
		}
		from := s.names.of(h.Responder)
		s.names.note(from, h.Annotation)
		rtt := uint16(0)
		if h.HasRTT() && !h.Lagged {
			rtt = shrink(h.RTT)
		}
		c.ids, c.ttls, c.rtts = append(c.ids, from), append(c.ttls, h.TTL), append(c.rtts, rtt)
		p.hops++
	}
	s.paths = append(s.paths, p)
}

// multipath keeps the nodes of a target, at most 255 of them.
func (s *scan) multipath(m *record.Multipath) {
	c := s.room(mostHops)
	p := path{at: uint32(len(c.ids)), chunk: uint32(len(s.chunks) - 1), target: s.names.of(m.Target), nodes: true, flow: math.MaxUint16,
		point: s.points.of(s.agent, m.Source)}
	for i := range m.Nodes[:min(len(m.Nodes), mostHops)] {
		n := &m.Nodes[i]
		c.ids, c.ttls, c.rtts = append(c.ids, s.names.of(n.Addr)), append(c.ttls, n.TTL), append(c.rtts, 0)
		p.hops++
	}
	s.paths = append(s.paths, p)
}

// of returns the hops of a path.
func (s *scan) of(p *path) hops {
	if p.hops == 0 {
		return hops{}
	}
	c := &s.chunks[p.chunk]
	from, to := p.at, p.at+uint32(p.hops)
	return hops{c.ids[from:to], c.ttls[from:to], c.rtts[from:to]}
}

// sort brings the paths into the order of targets, then flows.
func (s *scan) sort() {
	slices.SortStableFunc(s.paths, func(a, b path) int { return cmp.Or(s.names.compare(a.target, b.target), cmp.Compare(a.flow, b.flow)) })
}

// compare compares two addresses in their order: IPv4 first.
func (n *names) compare(a, b id) int {
	x, y := n.addrs[a], n.addrs[b]
	if x.Is4() != y.Is4() {
		if x.Is4() {
			return -1
		}
		return 1
	}
	return bytes.Compare(x[:], y[:])
}

// shrink returns a time in 16 bits, with an error of 0.05 %: 2,000 steps for each doubling above
// 1 µs, up to one hour. 0 is no time.
func shrink(ns int64) uint16 {
	if ns <= 0 {
		return 0
	}
	return uint16(min(max(math.Log2(float64(ns)/1000)*stepsPerOctave, 0)+1, math.MaxUint16))
}

// grow is the inverse of shrink, in ns.
func grow(t uint16) int64 { return int64(1000 * math.Exp2((float64(t)-1)/stepsPerOctave)) }

const stepsPerOctave = 2000
