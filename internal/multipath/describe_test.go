package multipath

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// ip returns the address 10.0.0.last, and none for 0.
func ip(last byte) probe.Addr {
	if last == 0 {
		return probe.Addr{}
	}
	return probe.Addr4From([4]byte{10, 0, 0, last})
}

// theTarget is the last octet of the target in these tests.
const theTarget = 99

// path has the last octets that one flow met, by TTL from 1; 0 for silence, and notAsked.
type path []byte

const notAsked = 255

// beyondTarget is the answer of the target to a probe that went one hop beyond it.
const beyondTarget = 254

// observations turns the paths of the flows into observations.
func observations(paths []path) (seen []Observation) {
	for f, p := range paths {
		for i, last := range p {
			if last == notAsked {
				continue
			}
			o := Observation{Probe: Probe{Flow: uint16(f), TTL: uint8(i + 1)}, Sent: int64(1000*i + f)}
			if last != 0 {
				o.Answered = true
				o.Answer = Answer{From: ip(last), Steers: true, Ends: last == theTarget, Reached: last == theTarget}
				if last == beyondTarget {
					o.Answer = Answer{From: ip(theTarget), Steers: true, Ends: true, Reached: true, Beyond: 1}
				}
			}
			seen = append(seen, o)
		}
	}
	return seen
}

// repeated adds a repeat of each probe that a router answered, with the same answer.
func repeated(seen []Observation) []Observation {
	for _, o := range slices.Clone(seen) {
		if o.Answered && !o.Ends {
			o.Attempt, o.Sent = second, o.Sent+1e6
			seen = append(seen, o)
		}
	}
	return seen
}

type wantLink struct {
	ttl       uint8
	near, far byte
	flows     int
}

func TestDescribe(t *testing.T) {
	tests := []struct {
		name      string
		paths     []path
		nodes     map[uint8][]byte
		links     []wantLink
		balancers []record.Balancer // TTL, Width, Length, Asymmetry, Asked and Answered count
		mda       record.MDA
		cover     []uint16
	}{
		{
			name:  "a chain",
			paths: []path{{1, 2, theTarget}, {1, 2, theTarget}},
			nodes: map[uint8][]byte{1: {1}, 2: {2}, 3: {theTarget}},
			links: []wantLink{{1, 1, 2, 2}, {2, 2, theTarget, 2}},
			cover: []uint16{0},
		},
		{
			name:      "a diamond",
			paths:     []path{{1, 2, 4, theTarget}, {1, 3, 4, theTarget}, {1, 2, 4}},
			nodes:     map[uint8][]byte{1: {1}, 2: {2, 3}, 3: {4}, 4: {theTarget}},
			links:     []wantLink{{1, 1, 2, 2}, {1, 1, 3, 1}, {2, 2, 4, 2}, {2, 3, 4, 1}, {3, 4, theTarget, 2}},
			balancers: []record.Balancer{{TTL: 1, Width: 2, Length: 2, Asked: 3, Answered: 3}},
			cover:     []uint16{0, 1},
		},
		{
			name:  "branches of lengths 1 and 2",
			paths: []path{{1, 2, 4, theTarget}, {1, 3, 5, 4, theTarget}},
			nodes: map[uint8][]byte{1: {1}, 2: {2, 3}, 3: {4, 5}, 4: {4, theTarget}, 5: {theTarget}},
			links: []wantLink{
				{1, 1, 2, 1}, {1, 1, 3, 1}, {2, 2, 4, 1}, {2, 3, 5, 1}, {3, 4, theTarget, 1}, {3, 5, 4, 1}, {4, 4, theTarget, 1},
			},
			balancers: []record.Balancer{{TTL: 1, Width: 2, Length: 3, Asymmetry: 1, Asked: 2, Answered: 2}},
			mda:       record.Full,
			cover:     []uint16{0, 1},
		},
		{
			name:  "a target is not beyond its first answer",
			paths: []path{{1, theTarget, theTarget, theTarget}, {1, 2, theTarget}, {notAsked, notAsked, theTarget}, {1, 0, theTarget}},
			nodes: map[uint8][]byte{1: {1}, 2: {2, theTarget}, 3: {theTarget}},
			links: []wantLink{{1, 1, 0, 1}, {1, 1, 2, 1}, {1, 1, theTarget, 1}, {2, 2, theTarget, 1}},
			balancers: []record.Balancer{
				{TTL: 1, Width: 2, Length: 2, Asymmetry: 1, Asked: 3, Answered: 2},
			},
			mda:   record.Full,
			cover: []uint16{0, 1, 3},
		},
		{
			name:  "silence in between, and at the end",
			paths: []path{{1, 0, 3, 0, 0}, {1, 0, 3, 0}},
			nodes: map[uint8][]byte{1: {1}, 3: {3}},
			links: []wantLink{{1, 1, 0, 2}, {2, 0, 3, 2}},
			cover: []uint16{0},
		},
		{
			name:  "an address twice in a row",
			paths: []path{{1, 2, 2, theTarget}},
			nodes: map[uint8][]byte{1: {1}, 2: {2}, 3: {2}, 4: {theTarget}},
			links: []wantLink{{1, 1, 2, 1}, {2, 2, 2, 1}, {3, 2, theTarget, 1}},
			cover: []uint16{0},
		},
		{
			name:      "a flow that was not asked in front, where all meet one node",
			paths:     []path{{1, 2}, {1, 3}, {notAsked, 4}},
			nodes:     map[uint8][]byte{1: {1}, 2: {2, 3, 4}},
			links:     []wantLink{{1, 1, 2, 1}, {1, 1, 3, 1}},
			balancers: []record.Balancer{{TTL: 1, Width: 3, Asked: 3, Answered: 3}},
			cover:     []uint16{0, 1},
		},
		{
			name:  "a limit hides that the target is nearer for some",
			paths: []path{{1, 2, theTarget}, {1, 0, beyondTarget}, {1, 3, 4, theTarget}},
			nodes: map[uint8][]byte{1: {1}, 2: {2, 3}, 3: {4, theTarget}, 4: {theTarget}},
			links: []wantLink{
				{1, 1, 0, 1}, {1, 1, 2, 1}, {1, 1, 3, 1}, {2, 2, theTarget, 1}, {2, 3, 4, 1}, {3, 4, theTarget, 1},
			},
			balancers: []record.Balancer{{TTL: 1, Width: 2, Length: 3, Asymmetry: 1, Asked: 3, Answered: 2}},
			mda:       record.Full,
			cover:     []uint16{0, 1, 2},
		},
		{
			name:  "nothing answers",
			paths: []path{{0, 0}},
			nodes: map[uint8][]byte{},
			cover: []uint16{0},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTrial(t, testConfig())
			m := &record.Multipath{Target: ip(theTarget)}
			seen := repeated(observations(tt.paths))
			tr.d.Describe(m, tr.cfg, seen, false)
			nodes := map[uint8][]byte{}
			for _, n := range m.Nodes {
				nodes[n.TTL] = append(nodes[n.TTL], n.Addr[15])
			}
			var links []wantLink
			for _, l := range m.Links {
				if l.Remapped {
					t.Errorf("remapped: %+v", l)
				}
				links = append(links, wantLink{l.TTL, l.Near[15], l.Far[15], l.Flows})
			}
			if !reflect.DeepEqual(nodes, tt.nodes) || !slices.Equal(links, tt.links) {
				t.Errorf("nodes %v, links %v\nwant %v, %v", nodes, links, tt.nodes, tt.links)
			}
			var balancers []record.Balancer
			for _, b := range m.Balancers {
				balancers = append(balancers, record.Balancer{TTL: b.TTL, Width: b.Width, Length: b.Length,
					Asymmetry: b.Asymmetry, Asked: b.Asked, Answered: b.Answered})
			}
			if !slices.Equal(balancers, tt.balancers) {
				t.Errorf("balancers %+v\nwant %+v", balancers, tt.balancers)
			}
			if m.MDA != tt.mda || m.Probes != len(seen) || m.Target != ip(theTarget) {
				t.Errorf("%+v", m)
			}
			if got := tr.d.Cover(); !slices.Equal(got, tt.cover) {
				t.Errorf("cover %v, want %v", got, tt.cover)
			}
		})
	}
}

// TestDescribeOpen claims no link behind a balancer that may be a per-packet one: nothing was asked again.
// Where its branches join, links go on.
func TestDescribeOpen(t *testing.T) {
	var paths []path
	for f := range byte(12) {
		paths = append(paths, path{1, 2 + f%2, 4 + f%2, 6, 7, theTarget})
	}
	for _, proven := range []bool{false, true} {
		seen, tr := observations(paths), newTrial(t, testConfig())
		if proven {
			seen = repeated(seen)
		}
		m := record.Multipath{Target: ip(theTarget)}
		tr.d.Describe(&m, tr.cfg, seen, false)
		inside, after := 0, 0
		for _, l := range m.Links {
			switch {
			case l.TTL == 2:
				inside++
			case l.TTL > 3:
				after++
			}
		}
		want, state := 0, record.BalancerLimited
		if proven {
			want, state = 2, record.BalancerComplete
		}
		if inside != want || after != 2 || len(m.Nodes) != 8 || len(m.Balancers) != 1 || m.Balancers[0].State != state {
			t.Errorf("proven %v: %+v", proven, m)
		}
	}
}

// TestDescribeMovedBeside takes a balancer for a per-packet one if one of its flows moved once. Another flow of
// the row moved twice, so that no remapping explains it; which node it passes before is unknown.
func TestDescribeMovedBeside(t *testing.T) {
	var paths []path
	for range 6 {
		paths = append(paths, path{1, 2, 4, 6, 7, theTarget}, path{1, 3, 5, 6, 7, theTarget}, path{1, 2, 5, 6, 7, theTarget})
	}
	paths[3][1] = 0
	seen := repeated(observations(paths))
	moved := func(flow uint16, attempt uint8, last byte) {
		p := Probe{flow, 3, attempt}
		i := slices.IndexFunc(seen, func(o Observation) bool { return o.Probe == p })
		if i < 0 {
			i = len(seen)
			seen = append(seen, Observation{Probe: p, Sent: 2e6, Answered: true, Answer: Answer{Steers: true}})
		}
		seen[i].From = ip(last)
	}
	moved(0, second, 5)
	moved(0, third, 5)
	moved(3, second, 5)
	moved(3, third, 4)
	tr := newTrial(t, testConfig())
	m := record.Multipath{Target: ip(theTarget)}
	tr.d.Describe(&m, tr.cfg, seen, false)
	i := slices.IndexFunc(m.Balancers, func(b record.Balancer) bool { return b.TTL == 2 })
	if i < 0 || m.Balancers[i].Kind != record.PerPacket || m.Balancers[i].Addr != ip(2) {
		t.Errorf("balancers %+v", m.Balancers)
	}
}

// TestDescribeMoved marks links that only flows which moved have taken.
func TestDescribeMoved(t *testing.T) {
	tests := []struct {
		name     string
		again    [3]byte // second attempts of flows 0 to 2 at TTL 2
		third    [3]byte
		joined   bool // all flows were asked again at TTL 3, too
		remapped int
		kind     record.BalancerKind
		marked   int
		width    int // 0: no balancer
	}{
		{"nothing moved", [3]byte{2, 3, 2}, [3]byte{}, false, 0, record.PerFlow, 0, 2},
		{"one flow moved", [3]byte{2, 3, 3}, [3]byte{0, 0, 3}, true, 1, record.PerFlow, 0, 2},
		{"one flow moved, unknown where it joins", [3]byte{2, 3, 3}, [3]byte{2, 3, 3}, false, 1, record.PerFlow, 3, 2},
		{"all moved", [3]byte{3, 2, 3}, [3]byte{3, 2, 3}, true, 3, record.PerFlow, 4, 0},
		{"per packet", [3]byte{3, 3, 2}, [3]byte{2, 0, 0}, false, 0, record.PerPacket, 0, 2},
		{"moved at two times", [3]byte{2, 2, 2}, [3]byte{3, 2, 2}, false, 0, record.PerPacket, 0, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var paths []path
			for _, branch := range []byte{2, 3, 2, 2, 3, 2} {
				paths = append(paths, path{1, branch, 4, theTarget})
			}
			seen := observations(paths)
			for f := range uint16(3) {
				for i, last := range []byte{tt.again[f], tt.third[f]} {
					if last != 0 {
						seen = append(seen, Observation{Probe: Probe{f, 2, uint8(2 + i)}, Sent: int64(1e6*(i+1)) - int64(f), Answered: true, Answer: Answer{From: ip(last), Steers: true}})
					}
				}
			}
			for f := range uint16(len(paths)) {
				if tt.joined {
					seen = append(seen, Observation{Probe: Probe{f, 3, second}, Sent: 3e6, Answered: true, Answer: Answer{From: ip(4), Steers: true}})
				}
			}
			tr := newTrial(t, testConfig())
			var m record.Multipath
			tr.d.Describe(&m, tr.cfg, seen, false)
			marked := 0
			for _, l := range m.Links {
				if l.Remapped {
					marked++
				}
			}
			if m.Remapped != tt.remapped || marked != tt.marked {
				t.Errorf("%d flows moved, %d links marked; want %d, %d: %+v", m.Remapped, marked, tt.remapped, tt.marked, m.Links)
			}
			if (len(m.Balancers) > 0) != (tt.width > 0) || tt.width > 0 && (m.Balancers[0].Kind != tt.kind || m.Balancers[0].Width != tt.width) {
				t.Errorf("balancers %+v, want %s of width %d", m.Balancers, tt.kind, tt.width)
			}
		})
	}
}

// TestDescribeOrder gives one record for all orders of the observations.
func TestDescribeOrder(t *testing.T) {
	tr := newTrial(t, testConfig())
	for name, shape := range shapes {
		n := newNetwork(3)
		shape(n)
		n.loss = 0.05
		tr.run(t, n, 10)
		want, cover := tr.out, slices.Clone(tr.d.Cover())
		want.Nodes, want.Links, want.Balancers = slices.Clone(want.Nodes), slices.Clone(want.Links), slices.Clone(want.Balancers)
		for range 5 {
			rand.Shuffle(len(tr.seen), func(i, j int) { tr.seen[i], tr.seen[j] = tr.seen[j], tr.seen[i] })
			tr.d.Describe(&tr.out, tr.cfg, tr.seen, false)
			if !reflect.DeepEqual(tr.out, want) || !slices.Equal(tr.d.Cover(), cover) {
				t.Fatalf("%s: another order gives another record", name)
			}
		}
	}
}

// TestDescribeCover shows every link with the flows of the cover alone.
func TestDescribeCover(t *testing.T) {
	tr := newTrial(t, testConfig())
	for name, shape := range shapes {
		n := newNetwork(4)
		shape(n)
		tr.run(t, n, 10)
		cover := tr.d.Cover()
		want := map[string]bool{}
		for _, l := range tr.out.Links {
			want[linkName(l.TTL, l.Near, l.Far)] = true
		}
		seen := slices.DeleteFunc(slices.Clone(tr.seen), func(o Observation) bool { return !slices.Contains(cover, o.Flow) })
		var m record.Multipath
		new(Describer).Describe(&m, tr.cfg, seen, false)
		for _, l := range m.Links {
			delete(want, linkName(l.TTL, l.Near, l.Far))
		}
		if len(want) > 0 || cover[0] != 0 || !slices.IsSorted(cover) {
			t.Errorf("%s: cover %v does not show %v", name, cover, want)
		}
	}
}

// TestDescribeHashFields finds the fields that decide the branch.
func TestDescribeHashFields(t *testing.T) {
	for _, fields := range []record.HashFields{
		record.HashSourcePort, record.HashSourcePort | record.HashDestPort, record.HashSourcePort | record.HashTOS, allFields &^ record.HashFlowLabel,
	} {
		cfg := testConfig()
		cfg.HashFields = true
		tr := newTrial(t, cfg)
		right, all := 0, 0
		for seed := range uint64(100) {
			n := newNetwork(seed)
			n.done(n.chain(n.diamond(n.chain(0, 3), 2, 2, 2), 2))
			for i := range n.routers {
				n.routers[i].fields = fields
			}
			tr.run(t, n, 10)
			for _, b := range tr.out.Balancers {
				all++
				if b.HashFields == fields|record.Examined {
					right++
				}
			}
		}
		if right*100 < all*97 || all < 90 {
			t.Errorf("%v: right at %d of %d balancers", (fields | record.Examined).Names(), right, all)
		}
	}
}

// FuzzDescribe describes arbitrary observations.
func FuzzDescribe(f *testing.F) {
	f.Add([]byte{1, 1, 1, 1, 2, 2, 1, 3, 3, 0, 0, 0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	var d Describer
	cfg := testConfig()
	cfg.Borrow = true
	if err := cfg.Validate(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var seen []Observation
		for ; len(in) >= 4; in = in[4:] {
			seen = append(seen, Observation{
				Probe: Probe{Flow: uint16(in[0]&0xc0)<<6 | uint16(in[0]&0x3f), TTL: in[1] & 0x4f, Attempt: in[2] & 3}, Answered: in[2]&4 != 0,
				Answer: Answer{From: ip(in[3] & 0x3f), Ends: in[3]&0x40 != 0, Steers: in[3]&0x80 != 0}, Sent: int64(in[2]),
			})
		}
		var m record.Multipath
		d.Describe(&m, cfg, seen, false)
		d.Cover()
		for _, b := range m.Balancers {
			if b.Width < 2 || b.Answered > b.Asked || b.Addr.IsZero() {
				t.Errorf("%+v", b)
			}
		}
	})
}
