package verify

import (
	"hash/maphash"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Multipath compares the multipath records with the log and with the graphs of their targets. A
// node is true if the log has its answer. A link is true if a packet can meet both ends, and the
// log has both answers for one flow.
type Multipath struct {
	Targets   uint64 `json:"targets"`    // records
	NotProbed uint64 `json:"not_probed"` // records of targets without a probe in the log
	Again     uint64 `json:"again"`      // further records of a target

	Nodes     MultipathNodes `json:"nodes"`
	Links     MultipathLinks `json:"links"`
	Balancers Balancers      `json:"balancers"`

	// Remapped is the flows that the records count as moved. Moved is the flows that got
	// answers from several nodes at one TTL, and pass no per-packet balancer before.
	Remapped uint64 `json:"remapped"`
	Moved    uint64 `json:"moved"`
}

// MultipathNodes counts nodes.
type MultipathNodes struct {
	Claimed uint64 `json:"claimed"`
	True    uint64 `json:"true"`
	// Impossible: no probe to the target can be answered from that address at that TTL.
	// NoAnswer: one can, but none was.
	Impossible uint64 `json:"impossible"`
	NoAnswer   uint64 `json:"no_answer"`
	// Beyond is true nodes at a greater TTL than any at which some packet first reaches them.
	Beyond uint64  `json:"beyond"`
	There  uint64  `json:"there"` // nodes that answer and that some flow meets, without loops
	Found  uint64  `json:"found"`
	Share  float64 `json:"share"` // 1 if there are none
	// Addresses is different addresses of the nodes that are there, and AddressesFound those of
	// them that some target's record has.
	Addresses      uint64 `json:"addresses"`
	AddressesFound uint64 `json:"addresses_found"`
}

// MultipathLinks counts links.
type MultipathLinks struct {
	Claimed uint64 `json:"claimed"` // with two addresses
	True    uint64 `json:"true"`
	// Impossible: no packet meets both ends. NoAnswer: one can, but the log has no flow with
	// both answers.
	Impossible uint64 `json:"impossible"`
	NoAnswer   uint64 `json:"no_answer"`
	// Marked is links of remapped flows only, in no other count. MarkedFalse is those of them
	// that do not exist.
	Marked      uint64  `json:"marked"`
	MarkedFalse uint64  `json:"marked_false"`
	Open        uint64  `json:"open"`  // an end did not answer: in no other count
	There       uint64  `json:"there"` // links between nodes that are there
	Found       uint64  `json:"found"`
	Share       float64 `json:"share"`
	// Pairs is different pairs of addresses of the links that are there, and PairsFound those of
	// them that some target's record has.
	Pairs      uint64 `json:"pairs"`
	PairsFound uint64 `json:"pairs_found"`
}

// False returns how many nodes are false.
func (n *MultipathNodes) False() uint64 { return n.Impossible + n.NoAnswer }

// False returns how many links are false and not marked.
func (l *MultipathLinks) False() uint64 { return l.Impossible + l.NoAnswer }

// place is a node of a record: an address at a TTL.
type place struct {
	ttl  uint8
	addr probe.Addr
}

// span is a link of a record.
type span struct {
	near place
	far  probe.Addr
}

// answers is the answers to the probes to one target, by the log.
type answers struct {
	places map[place]bool
	spans  map[span]bool // two answers of one flow
	moved  uint64
}

// startPaths prepares for multipath records.
func (c *checker) startPaths() {
	if c.paths == nil {
		c.paths, c.judgedPaths = &Multipath{}, make(map[probe.Addr]bool)
		c.addresses, c.pairs = make(map[probe.Addr]bool), make(map[[2]probe.Addr]bool)
	}
}

// multipath judges a record.
func (c *checker) multipath(r *record.Multipath) {
	c.startPaths()
	m := c.paths
	m.Targets++
	if c.judgedPaths[r.Target] {
		m.Again++
		c.example("second multipath record", "%s", r.Target)
		return
	}
	c.judgedPaths[r.Target] = true
	m.Remapped += uint64(r.Remapped)
	d, ok := c.asked.findDest(maphash.Comparable(c.asked.seed, r.Target), r.Target)
	if !ok {
		if len(r.Nodes) > 0 {
			m.NotProbed++
			c.example("multipath record without a probe", "%s", r.Target)
			m.Nodes.Claimed += uint64(len(r.Nodes))
			m.Nodes.NoAnswer += uint64(len(r.Nodes))
		}
		return
	}
	c.flows = c.flows[:0]
	for i := c.asked.dests[d].flow; i != none; i = c.asked.flows[i].next {
		c.asked.flows[i].marks |= inPaths
		c.flows = append(c.flows, i)
	}
	c.forget(c.flows)
	heard := c.answers(d)
	m.Moved += heard.moved
	truth := c.pathTruth(d, r)
	c.judgeNodes(r, heard, truth)
	c.judgeLinks(r, heard, truth)
	c.judgeBalancers(r, truth)
	c.missedPaths(r, truth)
}

// answers collects the answers to the probes to a destination.
func (c *checker) answers(d uint32) *answers {
	a := &answers{places: make(map[place]bool), spans: make(map[span]bool)}
	for i := c.asked.dests[d].flow; i != none; i = c.asked.flows[i].next {
		f := &c.asked.flows[i]
		var last []place
		moved := false
		for probes := c.asked.probes[f.from:f.to]; len(probes) > 0; {
			n := sameTTL(probes)
			var here []place
			for k := range probes[:n] {
				s := &probes[k]
				at := place{s.ttl, c.asked.from(s)}
				if s.emitted() && !slices.Contains(here, at) {
					here = append(here, at)
				}
			}
			for _, at := range here {
				a.places[at] = true
				for _, before := range last {
					if before.ttl+1 == at.ttl {
						a.spans[span{before, at.addr}] = true
					}
				}
			}
			moved = moved || len(here) > 1 && c.steady(f, &probes[0])
			last = here
			probes = probes[n:]
		}
		if moved {
			a.moved++
		}
	}
	return a
}

// steady reports whether all probes of a flow meet one hop at the TTL of s, at its time.
func (c *checker) steady(f *flow, s *sent) bool {
	in := c.asked.netsimFlowAt(f, s.time)
	c.hops = c.truth.AppendHops(c.hops[:0], &in, s.ttl)
	return len(c.hops) == 1
}

// judgeNodes judges the nodes of a record.
func (c *checker) judgeNodes(r *record.Multipath, heard *answers, truth *pathTruth) {
	n := &c.paths.Nodes
	for i := range r.Nodes {
		at := place{r.Nodes[i].TTL, r.Nodes[i].Addr}
		n.Claimed++
		switch {
		case heard.places[at]:
			n.True++
			if !truth.first[at] {
				n.Beyond++
				c.example("node beyond the end of paths", "%s TTL %d: %s", r.Target, at.ttl, at.addr)
			}
		case truth.first[at]:
			n.NoAnswer++
			c.example("node of no answer", "%s TTL %d: %s", r.Target, at.ttl, at.addr)
		default:
			n.Impossible++
			c.example("impossible node", "%s TTL %d: %s", r.Target, at.ttl, at.addr)
		}
	}
}

// judgeLinks judges the links of a record.
func (c *checker) judgeLinks(r *record.Multipath, heard *answers, truth *pathTruth) {
	n, zero := &c.paths.Links, probe.Addr{}
	for i := range r.Links {
		l := &r.Links[i]
		s := span{place{l.TTL, l.Near}, l.Far}
		exists := truth.links[s]
		switch {
		case l.Near == zero || l.Far == zero:
			n.Open++
			continue
		case l.Remapped:
			n.Marked++
			if !exists {
				n.MarkedFalse++
			}
			continue
		}
		n.Claimed++
		switch {
		case !exists:
			n.Impossible++
			c.example("impossible link", "%s TTL %d: %s to %s", r.Target, l.TTL, l.Near, l.Far)
		case !heard.spans[s]:
			n.NoAnswer++
			c.example("link of no answer", "%s TTL %d: %s to %s", r.Target, l.TTL, l.Near, l.Far)
		default:
			n.True++
		}
	}
}

// missedPaths counts the nodes and links that are there, and those of them that a record has.
func (c *checker) missedPaths(r *record.Multipath, truth *pathTruth) {
	nodes, links := &c.paths.Nodes, &c.paths.Links
	claimed, spans := make(map[place]bool), make(map[span]bool)
	for i := range r.Nodes {
		claimed[place{r.Nodes[i].TTL, r.Nodes[i].Addr}] = true
	}
	for i := range r.Links {
		spans[span{place{r.Links[i].TTL, r.Links[i].Near}, r.Links[i].Far}] = true
	}
	for at := range truth.answering {
		if nodes.There++; claimed[at] {
			nodes.Found++
		}
		c.addresses[at.addr] = c.addresses[at.addr] || claimed[at]
	}
	for s := range truth.between {
		if links.There++; spans[s] {
			links.Found++
		}
		pair := [2]probe.Addr{s.near.addr, s.far}
		c.pairs[pair] = c.pairs[pair] || spans[s]
	}
}

// multipathReport returns the part of the report, nil without multipath records.
func (c *checker) multipathReport() *Multipath {
	m := c.paths
	if m == nil {
		return nil
	}
	m.Nodes.Addresses, m.Nodes.AddressesFound = countFound(c.addresses)
	m.Links.Pairs, m.Links.PairsFound = countFound(c.pairs)
	m.Nodes.Share = share(m.Nodes.Found, m.Nodes.There)
	m.Links.Share = share(m.Links.Found, m.Links.There)
	m.Balancers.finish()
	return m
}

// countFound counts the keys, and those that were found.
func countFound[K comparable](seen map[K]bool) (there, found uint64) {
	for _, ok := range seen {
		if there++; ok {
			found++
		}
	}
	return there, found
}
