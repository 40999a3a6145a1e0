package tracelb

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

func router(n byte) probe.Addr { return probe.Addr4From([4]byte{203, 0, 113, n}) }

// link is a link of the tests: addresses by their last octet, 0 for silence.
type link struct {
	ttl, near, far byte
	flows          int
}

// made returns a record with some links, and the nodes that they have.
func made(links ...link) *record.Multipath {
	m := &record.Multipath{Target: router(99), Source: router(98), Start: 1e9, MDA: record.Full, Nodes: []record.Node{}, Links: []record.Link{}, Balancers: []record.Balancer{}}
	addr := func(n byte) (a probe.Addr) {
		if n != 0 {
			a = router(n)
		}
		return a
	}
	var nodes paths
	flow := uint16(0)
	for _, l := range links {
		for range l.flows {
			flow++
			nodes.links = append(nodes.links, step{ttl: l.ttl, near: addr(l.near), far: addr(l.far), flow: flow})
		}
	}
	nodes.fill(m)
	count := map[place]int{}
	for _, l := range links {
		if l.far != 0 {
			count[place{l.ttl + 1, addr(l.far)}] += l.flows
		}
	}
	for _, l := range links {
		if at := (place{l.ttl, addr(l.near)}); l.near != 0 && count[at] == 0 {
			for _, same := range links {
				if same.ttl == l.ttl && same.near == l.near {
					count[at] += same.flows
				}
			}
		}
	}
	nodes = paths{}
	for at, n := range count {
		for flow := range n {
			nodes.nodes = append(nodes.nodes, step{ttl: at.ttl, near: at.addr, flow: uint16(flow)})
		}
	}
	nodes.fill(m)
	return m
}

// A record becomes an object, and the same record again.
func TestRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		name  string
		links []link
		lost  bool // some links are not certain
	}{
		{"nothing", nil, false},
		{"a path", []link{{1, 1, 2, 6}, {2, 2, 3, 6}}, false},
		{"a diamond", []link{{1, 1, 2, 6}, {1, 1, 3, 5}, {2, 2, 4, 6}, {2, 3, 4, 5}, {3, 4, 99, 11}}, false},
		{"meshed", []link{{1, 1, 2, 8}, {1, 1, 3, 8}, {2, 2, 4, 4}, {2, 2, 5, 4}, {2, 3, 4, 3}, {2, 3, 5, 5}, {3, 4, 6, 7}, {3, 5, 6, 9}}, false},
		{"the target at two TTLs", []link{{1, 1, 2, 6}, {1, 1, 99, 5}, {2, 2, 99, 6}}, false},
		{"a loop", []link{{1, 1, 2, 6}, {2, 2, 1, 6}, {3, 1, 2, 6}, {4, 2, 2, 6}}, false},
		{"a silent router", []link{{1, 1, 0, 6}, {2, 0, 2, 6}, {2, 0, 0, 0}, {3, 2, 3, 6}}, false},
		{"a silent branch", []link{{1, 1, 0, 6}, {1, 1, 2, 5}, {2, 0, 3, 6}, {2, 2, 3, 5}}, false},
		{"two silent routers", []link{{1, 1, 0, 6}, {2, 0, 0, 6}, {3, 0, 2, 6}, {4, 2, 3, 6}}, false},
		{"a balancer behind silence", []link{{1, 1, 0, 11}, {2, 0, 2, 6}, {2, 0, 3, 5}, {3, 2, 4, 6}, {3, 3, 4, 5}}, false},
		{"silence after a diamond", []link{{1, 1, 2, 6}, {1, 1, 3, 5}, {2, 2, 0, 6}, {2, 3, 0, 5}, {3, 0, 4, 11}}, false},
		{"silence up to the end", []link{{1, 1, 2, 6}, {2, 2, 0, 6}, {3, 0, 0, 6}}, false},
		{"in doubt", []link{{1, 1, 2, 6}, {1, 1, 3, 5}, {2, 2, 0, 6}, {2, 3, 0, 5}, {3, 0, 4, 6}, {3, 0, 5, 5}}, true},
	} {
		want := made(tt.links...)
		o := Of(want)
		got, err := o.Multipath()
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		for i := range got.Balancers {
			got.Balancers[i].Confidence = 0
		}
		got.Balancers = want.Balancers
		if diff := cmp.Diff(want, got); (diff != "") != tt.lost {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if tt.lost && len(got.Links) >= len(want.Links) {
			t.Errorf("%s: %+v", tt.name, got.Links)
		}
	}
}

// The balancers of an object are those that its links show.
func TestBalancers(t *testing.T) {
	m := made(link{1, 1, 2, 6}, link{1, 1, 3, 5}, link{1, 1, 0, 2}, link{2, 0, 4, 2}, link{2, 2, 4, 6}, link{2, 3, 4, 5}, link{3, 4, 5, 7}, link{3, 4, 6, 6})
	o := Of(m)
	o.Confidence = 95
	got, err := o.Multipath()
	if err != nil {
		t.Fatal(err)
	}
	want := []record.Balancer{
		{TTL: 1, Addr: router(1), Width: 2, Length: 2, Asked: 13, Answered: 11, Confidence: 0.95},
		{TTL: 3, Addr: router(4), Width: 2, Asked: 13, Answered: 13, Confidence: 0.95},
	}
	if diff := cmp.Diff(want, got.Balancers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Branches of which one ends do not join again.
func TestBranchEnds(t *testing.T) {
	got, err := Of(made(link{1, 1, 2, 6}, link{1, 1, 3, 5}, link{2, 2, 4, 6}, link{3, 4, 5, 6})).Multipath()
	if err != nil || len(got.Balancers) != 1 || got.Balancers[0].Length != 0 {
		t.Errorf("%+v, %v", got.Balancers, err)
	}
}

// Probes of the same flow in several hops of a link are followed. A repeated flow counts once. A
// silent attempt of an answered flow does not count.
func TestHops(t *testing.T) {
	o := &Object{Target: router(9), Nodes: []probe.Addr{router(1), router(9)}, Links: []Link{{From: 0, To: 1, Hops: [][]Probe{
		{{Flow: 1, TTL: 2, From: router(2), Sent: 1e9}, {Flow: 2, TTL: 2}, {Flow: 2, TTL: 2, From: router(3)}, {Flow: 3, TTL: 2}, {Flow: 1, TTL: 2, From: router(2), Sent: 1e9}},
		{{Flow: 1, TTL: 3, From: router(9), Sent: 1e9 + 7}, {Flow: 2, TTL: 3, From: router(9)}, {Flow: 3, TTL: 3, From: router(9)}, {Flow: 4, TTL: 3, From: router(8)}},
	}}}}
	got, err := o.Multipath()
	if err != nil {
		t.Fatal(err)
	}
	var none probe.Addr
	want := []record.Link{
		{TTL: 1, Near: router(1), Far: none, Flows: 1}, {TTL: 1, Near: router(1), Far: router(2), Flows: 1}, {TTL: 1, Near: router(1), Far: router(3), Flows: 1},
		{TTL: 2, Near: none, Far: router(9), Flows: 1}, {TTL: 2, Near: router(2), Far: router(9), Flows: 1, Dt: 7}, {TTL: 2, Near: router(3), Far: router(9), Flows: 1},
	}
	if diff := cmp.Diff(want, got.Links); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(got.Nodes); n != 5 || got.Nodes[3].Addr != router(8) {
		t.Errorf("%+v", got.Nodes)
	}
	o.Links[0].Hops[0][0].TTL = 0
	if _, err := o.Multipath(); err == nil {
		t.Error("a probe without a TTL is no error")
	}
}

// Records of any size become objects of a bounded size, in linear time.
func TestBounds(t *testing.T) {
	m := &record.Multipath{Target: router(99)}
	for i := range 1 << 16 {
		far := probe.Addr{2: byte(i >> 8), 3: byte(i), 15: 1}
		if i%2 == 0 {
			far = probe.Addr{}
		}
		m.Links = append(m.Links, record.Link{TTL: uint8(1 + i>>14), Near: probe.Addr{1: byte(i >> 8), 2: byte(i), 15: 1}, Far: far, Flows: 1 << 50})
	}
	o := Of(m)
	probes := 0
	for i := range o.Links {
		for _, hop := range o.Links[i].Hops {
			probes += len(hop)
		}
	}
	if o := Of(made(link{1, 1, 2, 700}, link{2, 2, 3, 700})); len(o.Links[1].Hops[0]) != 700 {
		t.Errorf("%d of 700 flows", len(o.Links[1].Hops[0]))
	}
	if len(o.Nodes) > Most || len(o.Links) > Most || probes > MostProbes {
		t.Errorf("%d nodes, %d links, %d probes", len(o.Nodes), len(o.Links), probes)
	}
	if _, err := o.Multipath(); err != nil {
		t.Error(err)
	}
}
