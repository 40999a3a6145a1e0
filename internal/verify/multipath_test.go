package verify

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// multipathOf makes the record of a target from all answers. With two attempts at every hop, flows
// that moved between them are remapped.
func (p *prober) multipathOf(dst probe.Addr) *record.Multipath {
	m := &record.Multipath{Target: dst, Source: p.codec.Source(dst.Is4()), Method: p.method, Start: testStart + testGap}
	nodes, links := map[place]int{}, map[span]*record.Link{}
	for flow := range uint16(p.flows) {
		path, moved := p.path(dst, flow)
		if moved {
			m.Remapped++
		}
		for ttl := uint8(1); ttl <= testMaxTTL; ttl++ {
			at, ok := path[ttl]
			if !ok {
				continue
			}
			nodes[place{ttl, at}]++
			next, ok := path[ttl+1]
			if !ok {
				continue
			}
			l := links[span{place{ttl, at}, next}]
			if l == nil {
				l = &record.Link{TTL: ttl, Near: at, Far: next, Remapped: true}
				links[span{place{ttl, at}, next}] = l
			}
			l.Flows++
			l.Remapped = l.Remapped && moved
		}
	}
	for at, n := range nodes {
		// With less flows than the rule takes, a node is like a borrowed one.
		m.Nodes = append(m.Nodes, record.Node{TTL: at.ttl, Addr: at.addr, Flows: n, Borrowed: n < 6})
	}
	widths := map[place]int{}
	for s, l := range links {
		m.Links = append(m.Links, *l)
		widths[s.near]++
	}
	for at, width := range widths {
		if width > 1 {
			m.Balancers = append(m.Balancers, record.Balancer{TTL: at.ttl, Addr: at.addr, Width: width,
				Asked: nodes[at], Answered: nodes[at], Confidence: 0.95})
		}
	}
	slices.SortFunc(m.Nodes, func(a, b record.Node) int {
		return cmp.Or(cmp.Compare(a.TTL, b.TTL), a.Addr.Netip().Compare(b.Addr.Netip()))
	})
	slices.SortFunc(m.Links, func(a, b record.Link) int {
		return cmp.Or(cmp.Compare(a.TTL, b.TTL), a.Near.Netip().Compare(b.Near.Netip()), a.Far.Netip().Compare(b.Far.Netip()))
	})
	slices.SortFunc(m.Balancers, func(a, b record.Balancer) int {
		return cmp.Or(cmp.Compare(a.TTL, b.TTL), a.Addr.Netip().Compare(b.Addr.Netip()))
	})
	return m
}

// path returns the responders of a flow up to its end, and whether they were others in the second
// attempt.
func (p *prober) path(dst probe.Addr, flow uint16) (path map[uint8]probe.Addr, moved bool) {
	path = map[uint8]probe.Addr{}
	for ttl := uint8(1); ttl <= testMaxTTL; ttl++ {
		var seen []record.Hop
		for attempt := range uint8(p.attempts) {
			if h, ok := p.heard[probe.Probe{Target: dst, Flow: flow, TTL: ttl, Attempt: attempt}]; ok {
				seen = append(seen, h)
			}
		}
		if len(seen) == 0 {
			continue
		}
		path[ttl] = seen[0].Responder
		moved = moved || seen[len(seen)-1].Responder != seen[0].Responder
		if seen[0].Kind != probe.KindTTLExceeded {
			break
		}
	}
	return path, moved
}

// byFlow leaves out the balancers that the flows of one target do not show.
func byFlow(cfg *netsim.Config) {
	cfg.PerFlow, cfg.PerDestination, cfg.PerPacket, cfg.HashLabel = 1, 0, 0, 0
}

func leave([]*record.Multipath) {}

// TestMultipathRight checks that right records have no faults, and find most of the paths.
func TestMultipathRight(t *testing.T) {
	for _, method := range []probe.Method{probe.UDP, probe.ICMP} {
		p := &prober{preset: "multipath", method: method, flows: 60, set: byFlow, paths: leave}
		r := p.check(t, nil)
		m := r.Multipath
		if !r.OK() || m == nil {
			t.Fatalf("%v: faults %q", method, r.Faults)
		}
		n, l, b := &m.Nodes, &m.Links, &m.Balancers
		if n.True != n.Claimed || n.Beyond > 0 || n.Share < 0.8 || l.True != l.Claimed || l.Share < 0.7 || l.Open+l.Marked > 0 {
			t.Errorf("%v: nodes %+v, links %+v", method, *n, *l)
		}
		if b.Claimed == 0 || b.False+b.WrongWidth+b.WrongKind > 0 || b.Even.Balancers == 0 || b.Weighted.Balancers == 0 || len(b.Widths) < 5 {
			t.Errorf("%v: balancers %+v", method, *b)
		}
		if w := b.Widths[0]; w.Width != 2 || w.Missed*100 > w.Balancers {
			t.Errorf("%v: %+v: 60 flows miss a branch of two", method, w)
		}
		if e := r.Ends; e.Right != e.Traces || m.Remapped+m.Moved > 0 {
			t.Errorf("%v: ends %+v, remapped %d, %d", method, e, m.Remapped, m.Moved)
		}
	}
}

// TestMultipathFaults checks that each fault is found and gets the right name.
func TestMultipathFaults(t *testing.T) {
	noise := probe.AddrFrom(netip.MustParseAddr("215.130.7.9"))
	wide := func(list []*record.Multipath) *record.Multipath {
		return slices.MaxFunc(list, func(a, b *record.Multipath) int { return len(a.Nodes) - len(b.Nodes) })
	}
	tests := []struct {
		name    string
		paths   func(list []*record.Multipath)
		bad     string // part of the faults; empty: OK
		example string
		found   func(m *Multipath) bool
	}{
		{"impossible node", func(list []*record.Multipath) { list[3].Nodes[2].Addr = noise },
			"false nodes: 1", "impossible node", func(m *Multipath) bool { return m.Nodes.Impossible == 1 }},
		{"node at another TTL", func(list []*record.Multipath) { list[3].Nodes[2].TTL += 2 },
			"false nodes: 1", "impossible node", func(m *Multipath) bool { return m.Nodes.False() == 1 }},
		{"impossible link", func(list []*record.Multipath) { list[3].Links[2].Far = list[4].Target },
			"false links: 1", "impossible link", func(m *Multipath) bool { return m.Links.Impossible == 1 }},
		{"marked link", func(list []*record.Multipath) {
			list[3].Links[2].Far, list[3].Links[2].Remapped = list[4].Target, true
		}, "", "", func(m *Multipath) bool { return m.Links.Marked == 1 && m.Links.MarkedFalse == 1 }},
		{"open link", func(list []*record.Multipath) { list[3].Links[2].Far = probe.Addr{} },
			"", "", func(m *Multipath) bool { return m.Links.Open == 1 && m.Links.Found < m.Links.There }},
		{"missing nodes", func(list []*record.Multipath) { m := wide(list); m.Nodes = m.Nodes[:len(m.Nodes)-20] },
			"", "", func(m *Multipath) bool { return m.Nodes.Share < 0.999 && m.Links.True == m.Links.Claimed }},
		{"twice", func(list []*record.Multipath) { *list[3] = *list[4] },
			"multipath records that are there twice: 1", "second multipath record", func(m *Multipath) bool { return m.Again == 1 }},
		{"a target that was not probed", func(list []*record.Multipath) { list[3].Target[15]++ },
			"false nodes", "multipath record without a probe", func(m *Multipath) bool { return m.NotProbed == 1 }},
		{"width", func(list []*record.Multipath) { wide(list).Balancers[0].Width-- },
			"", "width", func(m *Multipath) bool { return m.Balancers.WrongWidth == 1 }},
		{"kind", func(list []*record.Multipath) { wide(list).Balancers[0].Kind = record.PerPacket },
			"", "kind of balancer", func(m *Multipath) bool { return m.Balancers.WrongKind == 1 }},
		{"no balancer", func(list []*record.Multipath) { wide(list).Balancers[0].TTL += 30 },
			"", "no balancer", func(m *Multipath) bool { return m.Balancers.False == 1 }},
		{"hash fields", func(list []*record.Multipath) {
			wide(list).Balancers[0].HashFields = record.Examined | record.HashTOS
		}, "", "hash fields", func(m *Multipath) bool { return m.Balancers.Examined == 1 && m.Balancers.WrongFields == 1 }},
		{"states", func(list []*record.Multipath) {
			b := wide(list).Balancers
			b[0].State, b[1].Borrowed = record.BalancerLimited, true
		}, "", "", func(m *Multipath) bool {
			return m.Balancers.States["limited"] == 1 && m.Balancers.Borrowed == 1 &&
				m.Balancers.Even.Balancers+m.Balancers.Weighted.Balancers <= m.Balancers.Claimed-2
		}},
		{"one branch lost", func(list []*record.Multipath) {
			for _, m := range list {
				for i := range m.Balancers {
					if b := &m.Balancers[i]; b.Width == 2 {
						m.Links = slices.DeleteFunc(m.Links, func(l record.Link) bool {
							if l.TTL == b.TTL && l.Near == b.Addr && b.Width == 2 {
								b.Width--
								return true
							}
							return false
						})
					}
				}
				m.Balancers = slices.DeleteFunc(m.Balancers, func(b record.Balancer) bool { return b.Width == 1 })
			}
		}, "", "", func(m *Multipath) bool {
			w := m.Balancers.Widths[0]
			return w.Width == 2 && w.Missed == w.Balancers && w.Overlooked == w.Balancers
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &prober{preset: "multipath", flows: 24, only4: true, set: byFlow, paths: tt.paths}
			r := p.check(t, nil)
			faults := strings.Join(r.Faults, "; ")
			if r.OK() != (tt.bad == "") || !strings.Contains(faults, tt.bad) || !tt.found(r.Multipath) ||
				tt.example != "" && !hasExample(r, tt.example) {
				t.Errorf("faults %q\n%+v", r.Faults, *r.Multipath)
				for _, e := range r.Examples {
					t.Logf("%s: %s", e.Kind, e.Text)
				}
			}
		})
	}
}

// TestMultipathRemap checks flows that move during the run. False links are of marked flows, and
// the log has at least as many flows that moved as the records.
func TestMultipathRemap(t *testing.T) {
	for _, change := range []func(cfg *netsim.Config){
		func(cfg *netsim.Config) { cfg.Remap, cfg.Remapped = netsim.After(300*time.Millisecond), 0.5 },
		func(cfg *netsim.Config) { cfg.Reroute, cfg.Rerouted = netsim.After(300*time.Millisecond), 0.5 },
	} {
		p := &prober{preset: "multipath", flows: 24, attempts: 2, paths: leave,
			set:   func(cfg *netsim.Config) { byFlow(cfg); change(cfg) },
			again: func(probe.Probe) bool { return true }}
		r := p.check(t, nil)
		m := r.Multipath
		if !r.OK() || m.Remapped == 0 || m.Moved < m.Remapped || m.Links.Marked == 0 || m.Links.MarkedFalse == 0 {
			t.Errorf("faults %q, %+v", r.Faults, *m)
			for _, e := range r.Examples {
				t.Logf("%s: %s", e.Kind, e.Text)
			}
		}
	}
}

// TestMultipathByPacket checks that links over balancers by packet are false if they come from two
// packets that took different branches, and that their nodes are true.
func TestMultipathByPacket(t *testing.T) {
	p := &prober{preset: "multipath", flows: 16, only4: true, paths: leave,
		set: func(cfg *netsim.Config) { cfg.PerFlow, cfg.PerDestination, cfg.PerPacket = 0, 0, 1 }}
	r := p.check(t, nil)
	if m := r.Multipath; r.OK() || m.Links.Impossible == 0 || m.Nodes.False() > 0 || m.Balancers.WrongKind == 0 {
		t.Errorf("faults %q, %+v", r.Faults, *m)
	}
}

// TestMultipathChanged checks that paths after a balancer by destination got another hash are right.
func TestMultipathChanged(t *testing.T) {
	p := &prober{preset: "multipath", flows: 20, attempts: 2, paths: leave, set: func(cfg *netsim.Config) {
		cfg.PerFlow, cfg.PerDestination, cfg.PerPacket, cfg.HashLabel = 0, 1, 0, 0
		cfg.Remap, cfg.Remapped = netsim.Moment(2*testGap), 1 // after the begin of the records
	}}
	m := p.check(t, nil).Multipath
	if m == nil || m.Nodes.True == 0 || m.Nodes.True != m.Nodes.Claimed || m.Links.Impossible > 0 {
		t.Errorf("%+v", m)
	}
}
