package multipath

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// router is a node of a simulated network.
type router struct {
	addr    probe.Addr
	next    []int
	weights []int // of next; nil: equal
	packet  bool  // balances each packet
	fields  record.HashFields
	silent  bool
	limit   int // answers at most so many probes; 0: all
	remap   int // the number of answers of the network after which it hashes anew; 0: never
	end     bool
}

// network is the routers between this host and a target. Router 0 is the first hop.
type network struct {
	routers []router
	loss    float64
	seed    uint64
	rand    *rand.Rand
	weak    bool // the target's answers are weak
	answers int
	counts  []int
}

const allFields = record.HashSourcePort | record.HashDestPort | record.HashFlowLabel | record.HashTOS

func newNetwork(seed uint64) *network {
	return &network{seed: seed, rand: rand.New(rand.NewPCG(seed, 1))}
}

// add adds a router behind the routers of from and returns its number.
func (n *network) add(from ...int) int {
	i := len(n.routers)
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], uint32(n.seed%997)<<16|uint32(i)|0x0a000000)
	n.routers = append(n.routers, router{addr: probe.Addr4From(a), fields: record.HashSourcePort})
	n.counts = append(n.counts, 0)
	for _, f := range from {
		n.routers[f].next = append(n.routers[f].next, i)
	}
	return i
}

// chain adds length routers one after the other, and returns the last one.
func (n *network) chain(from, length int) int {
	for range length {
		if len(n.routers) == 0 {
			from = n.add()
		} else {
			from = n.add(from)
		}
	}
	return from
}

// diamond adds branches of the lengths, which join at a router that it returns.
func (n *network) diamond(from int, lengths ...int) int {
	var ends []int
	for _, l := range lengths {
		ends = append(ends, n.chain(from, l))
	}
	return n.add(ends...)
}

// mesh adds length rows of width routers, each of which passes to all of the next row.
func (n *network) mesh(from, width, length int) int {
	row := []int{from}
	for range length {
		var next []int
		for range width {
			next = append(next, n.add(row...))
		}
		row = next
	}
	return n.add(row...)
}

func even(width, length int) []int { return slices.Repeat([]int{length}, width) }

// done makes router i the target.
func (n *network) done(i int) *network {
	n.routers[i].end = true
	return n
}

func (n *network) target() probe.Addr {
	for i := range n.routers {
		if n.routers[i].end {
			return n.routers[i].addr
		}
	}
	return probe.Addr{1}
}

func mix(words ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, w := range words {
		h = (h ^ w) * 0xff51afd7ed558ccd
		h ^= h >> 32
		h = h * 0xc4ceb9fe1a85ec53
		h ^= h >> 29
	}
	return h
}

// branch returns the next router of a flow behind router i.
func (n *network) branch(i int, flow uint16) int {
	r := &n.routers[i]
	h := mix(n.seed, uint64(i))
	if r.fields.Has(record.HashSourcePort) {
		h = mix(h, uint64(Base(flow)))
	}
	for v, f := range map[probe.Variation]record.HashFields{
		probe.VaryDstPort: record.HashDestPort, probe.VaryLabel: record.HashFlowLabel, probe.VaryTOS: record.HashTOS,
	} {
		if variationOf(flow) == v && r.fields.Has(f) {
			h = mix(h, uint64(v)+1)
		}
	}
	if r.remap > 0 && n.answers >= r.remap {
		h = mix(h, 77)
	}
	if r.packet {
		h = n.rand.Uint64()
	}
	total := len(r.next)
	if r.weights != nil {
		total = 0
		for _, w := range r.weights {
			total += w
		}
	}
	at := int(h % uint64(total))
	if r.weights == nil {
		return r.next[at]
	}
	for j, w := range r.weights {
		if at -= w; at < 0 {
			return r.next[j]
		}
	}
	panic("weights")
}

// at returns the router that a probe reaches. It returns false if the path ends before.
func (n *network) at(flow uint16, ttl uint8) (int, bool) {
	i := 0
	for t := uint8(1); t < ttl; t++ {
		if n.routers[i].end {
			return i, true
		}
		if len(n.routers[i].next) == 0 {
			return 0, false
		}
		i = n.branch(i, flow)
	}
	return i, true
}

// answer answers a probe.
func (n *network) answer(p Probe) (Answer, bool) {
	n.answers++
	i, ok := n.at(p.Flow, p.TTL)
	r := &n.routers[max(i, 0)]
	n.counts[i]++
	if !ok || r.silent || r.limit > 0 && n.counts[i] > r.limit || n.rand.Float64() < n.loss {
		return Answer{}, false
	}
	return Answer{From: r.addr, Ends: r.end, Reached: r.end, Steers: !r.end || !n.weak}, true
}

// truth is all that a search could find.
type truth struct {
	nodes     map[string]bool
	links     map[string]bool
	balancers map[string]int // width
}

func nodeName(ttl uint8, a probe.Addr) string { return fmt.Sprintf("%d %v", ttl, a) }

func linkName(ttl uint8, near, far probe.Addr) string {
	return fmt.Sprintf("%d %v %v", ttl, near, far)
}

func (n *network) truth() truth {
	t := truth{map[string]bool{}, map[string]bool{}, map[string]int{}}
	at := map[int]bool{0: true}
	for ttl := uint8(1); len(at) > 0 && ttl < 64; ttl++ {
		next := map[int]bool{}
		for i := range at {
			r := &n.routers[i]
			if !r.silent {
				t.nodes[nodeName(ttl, r.addr)] = true
			}
			if r.end {
				continue
			}
			seen := map[int]bool{}
			for _, j := range r.next {
				next[j] = true
				if !r.silent && !n.routers[j].silent {
					t.links[linkName(ttl, r.addr, n.routers[j].addr)] = true
					seen[j] = true
				}
			}
			if len(seen) > 1 {
				t.balancers[nodeName(ttl, r.addr)] = len(seen)
			}
		}
		at = next
	}
	return t
}

// trial is one search in a network.
type trial struct {
	cfg    *Config
	search *Search
	seen   []Observation
	index  map[Probe]int
	out    record.Multipath
	d      Describer
	// room is how many probes fit in the window, and repeats may take as many; 0: any number
	room int
}

func newTrial(t testing.TB, cfg *Config) *trial {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return &trial{cfg: cfg, search: New(cfg), index: map[Probe]int{}}
}

// run searches a network with some probes under way at once, and describes it.
func (tr *trial) run(t testing.TB, n *network, underWay int) {
	t.Helper()
	s := tr.search
	s.Begin(n.target(), n.seed)
	tr.seen = tr.seen[:0]
	clear(tr.index)
	var open []Probe
	now, sent := int64(0), [2]int{} // first probes and repeats
	for {
		p, step := s.Next()
		now += 1e6
		if step == Send {
			if _, ok := tr.index[p]; ok {
				t.Fatalf("asked twice: %+v", p)
			}
			if count := &sent[min(p.Attempt/firstRepeat, 1)]; tr.room > 0 && *count >= tr.room {
				s.Refuse(p)
				continue
			} else {
				*count++
			}
			tr.index[p] = len(tr.seen)
			tr.seen = append(tr.seen, Observation{Probe: p, Sent: now})
			open = append(open, p)
		}
		if step == Done {
			if len(open) > 0 && s.flags&halted == 0 {
				t.Fatalf("done with %d probes under way", len(open))
			}
			break
		}
		if step == Await && len(open) == 0 {
			t.Fatal("awaits answers, but no probe is under way")
		}
		for step == Await && len(open) > 0 || len(open) >= underWay {
			i := n.rand.IntN(len(open))
			p := open[i]
			open = slices.Delete(open, i, i+1)
			a, ok := n.answer(p)
			if ok {
				o := &tr.seen[tr.index[p]]
				o.Answered, o.Answer = true, a
				s.Answer(p, a)
			} else {
				s.Silence(p, false)
			}
			if n.rand.IntN(2) == 0 {
				break
			}
		}
		if len(tr.seen) > 200_000 {
			t.Fatal("does not end")
		}
	}
	tr.out.Target = n.target()
	tr.d.Describe(&tr.out, tr.cfg, tr.seen, false)
}

// found has the counts of the parts of a record that are true, and of those that are not.
type found struct{ nodes, links, falseNodes, falseLinks, falseBalancers int }

func (tr *trial) judge(want truth) (f found, notes []string) {
	for _, n := range tr.out.Nodes {
		if want.nodes[nodeName(n.TTL, n.Addr)] {
			f.nodes++
		} else {
			f.falseNodes++
			notes = append(notes, "node "+nodeName(n.TTL, n.Addr))
		}
	}
	for _, l := range tr.out.Links {
		switch {
		case l.Near.IsZero() || l.Far.IsZero() || l.Remapped:
		case want.links[linkName(l.TTL, l.Near, l.Far)]:
			f.links++
		default:
			f.falseLinks++
			notes = append(notes, "link "+linkName(l.TTL, l.Near, l.Far))
		}
	}
	for _, b := range tr.out.Balancers {
		if want.balancers[nodeName(b.TTL, b.Addr)] < b.Width {
			f.falseBalancers++
			notes = append(notes, fmt.Sprintf("balancer %s of width %d", nodeName(b.TTL, b.Addr), b.Width))
		}
	}
	return f, notes
}

func testConfig() *Config {
	return &Config{
		Confidence: 0.95, MaxBranches: 100, FirstTTL: 1, LastTTL: 32, Attempts: 2, GapLimit: 5,
		MaxFlows: MaxFlows,
	}
}
