package multipath

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/record"
)

// TestShownBits compares the evidence with the likelihoods of many shares.
func TestShownBits(t *testing.T) {
	for both := range 13 {
		for near := range 9 {
			for far := range 9 {
				if both+near+far == 0 {
					continue
				}
				free, limited := math.Inf(-1), math.Inf(-1)
				for i := range 101 {
					for j := range 101 {
						p, q := float64(i)/100, float64(j)/100
						one := p + q - p*q // a flow shows one of the ends at least
						l := logLikely(float64(both), p*q/one) + logLikely(float64(near), p*(1-q)/one) + logLikely(float64(far), q*(1-p)/one)
						if math.IsNaN(l) {
							continue
						}
						free = max(free, l)
						if i+j <= 100 {
							limited = max(limited, l)
						}
					}
				}
				k := shown{both, near, far}
				if got := k.bits(); math.Abs(got-(free-limited)) > 0.05 {
					t.Errorf("%+v: %.3f bits, want %.3f", k, got, free-limited)
				}
			}
		}
	}
}

// TestRowBits compares the evidence of two rows with the likelihoods of many shares.
func TestRowBits(t *testing.T) {
	for _, tt := range [][4]int{{6, 8, 6, 6}, {11, 15, 11, 11}, {5, 10, 5, 10}, {1, 9, 6, 6}, {20, 27, 20, 26}, {8, 8, 1, 8}} {
		free, limited := math.Inf(-1), math.Inf(-1)
		for i := range 1001 {
			for j := range 1001 {
				p, q := float64(i)/1000, float64(j)/1000
				l := logLikely(float64(tt[0]), p) + logLikely(float64(tt[1]-tt[0]), 1-p) + logLikely(float64(tt[2]), q) + logLikely(float64(tt[3]-tt[2]), 1-q)
				free = max(free, l)
				if i+j <= 1000 {
					limited = max(limited, l)
				}
			}
		}
		if got := rowBits(float64(tt[0]), float64(tt[1]), float64(tt[2]), float64(tt[3])); math.Abs(got-(free-limited)) > 0.01 {
			t.Errorf("%v: %.3f bits, want %.3f", tt, got, free-limited)
		}
	}
}

// retried lets the second attempt be answered instead of the first.
func retried(seen []Observation, flow uint16, ttl uint8) []Observation {
	i := slices.IndexFunc(seen, func(o Observation) bool { return o.Probe == Probe{Flow: flow, TTL: ttl} })
	o := seen[i]
	o.Attempt, o.Sent = 1, o.Sent+1e6
	seen[i].Answered, seen[i].Answer = false, Answer{}
	return append(seen, o)
}

// again adds the answer of a router to a repeat.
func again(seen []Observation, flow uint16, ttl, attempt, last uint8) []Observation {
	return append(seen, Observation{
		Probe: Probe{flow, ttl, attempt}, Sent: int64(attempt)*1e9 + int64(flow), Answered: true, Answer: Answer{From: ip(last), Steers: true},
	})
}

// claims returns the links of a record between answers, as TTL near far, that count.
func claims(m *record.Multipath) (links []string) {
	for _, l := range m.Links {
		if !l.Near.IsZero() && !l.Far.IsZero() && !l.Remapped {
			links = append(links, fmt.Sprint(l.TTL, l.Near[15], l.Far[15]))
		}
	}
	return links
}

// TestDescribeApart claims no link behind silence that may be a branch. Router 3 answers at TTL 3, and router 4 or
// more at TTL 4. If silence at TTL 3 is another branch, router 4 may be on that one.
func TestDescribeApart(t *testing.T) {
	tests := []struct {
		name       string
		near, far  string // of each flow: its router, - silence, r silence and router 3 or 4 at the second attempt
		repeats    string // the routers that answer the repeats at TTL 4
		third      string
		links, not []string
	}{
		{
			name: "two rows that partly answer", near: "33rr3-33-33r-3-3", far: "-44r-44-4r4-44-r",
			not: []string{"3 3 4"},
		},
		{
			name: "many answers at both", near: "333333333-3333333-33", far: "4444-44444444-444444",
			links: []string{"3 3 4"},
		},
		{
			name: "flows keep their branch", near: "3-33-3-3-33-333-", far: "4-44-4-4-44-444-",
			links: []string{"3 3 4"},
		},
		{name: "few flows after second attempts", near: "r3r333", far: "444444", not: []string{"3 3 4"}},
		{name: "enough flows after second attempts", near: "r3r333", far: "44444444444", links: []string{"3 3 4"}},
		{name: "one lost flow", near: "3-3333", far: "444444", links: []string{"3 3 4"}},
		{name: "a router that seldom answers", near: "3------", far: "444444", links: []string{"3 3 4"}},
		{
			name: "moved flows after silence", near: "3-3-3-3-3-3-3-3-", far: "4445554455454545",
			repeats: "44555544554555", third: "44555", not: []string{"3 3 4", "3 3 5"},
		},
		{
			name: "flows stay after silence", near: "3-3-3-3-3-3-3-3-", far: "4445554455454545",
			repeats: "44455544", links: []string{"3 3 4", "3 3 5"},
		},
		{name: "too few repeats after silence", near: "3-3-3-3-3-3-3-3-", far: "4445554455454545", repeats: "4", not: []string{"3 3 4", "3 3 5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			octet := func(c byte, router byte) byte {
				switch c {
				case '-':
					return 0
				case 'r':
					return router
				}
				return c - '0'
			}
			var paths []path
			for f := range max(len(tt.near), len(tt.far)) {
				p := path{1, 2, notAsked, notAsked, 6, theTarget}
				if f < len(tt.near) {
					p[2] = octet(tt.near[f], 3)
				}
				if f < len(tt.far) {
					p[3] = octet(tt.far[f], 4)
				}
				paths = append(paths, p)
			}
			seen := observations(paths)
			for i := range tt.near {
				if tt.near[i] == 'r' {
					seen = retried(seen, uint16(i), 3)
				}
			}
			for i := range tt.far {
				if tt.far[i] == 'r' {
					seen = retried(seen, uint16(i), 4)
				}
			}
			for i := range tt.repeats {
				seen = again(seen, uint16(i), 4, second, tt.repeats[i]-'0')
			}
			for i := range tt.third {
				seen = again(seen, uint16(i), 4, third, tt.third[i]-'0')
			}
			tr := newTrial(t, testConfig())
			m := record.Multipath{Target: ip(theTarget)}
			tr.d.Describe(&m, tr.cfg, seen, false)
			got := claims(&m)
			for _, l := range tt.links {
				if !slices.Contains(got, l) {
					t.Errorf("no link %s: %q", l, got)
				}
			}
			for _, l := range tt.not {
				if slices.Contains(got, l) {
					t.Errorf("link %s: %q", l, got)
				}
			}
			if !slices.Contains(got, "1 1 2") {
				t.Errorf("no links elsewhere: %q", got)
			}
		})
	}
}

// TestDescribeMovedTurns takes a flow that moved for one of a per-packet balancer if another flow turns later in
// the same diamond. One TTL later the nodes of the branches have other next hops, which are no links of them.
func TestDescribeMovedTurns(t *testing.T) {
	var paths []path
	for f := range byte(8) {
		paths = append(paths, path{1, 2 + f%2, 4 + f%2, 6 + f/4, 8, theTarget})
	}
	seen := observations(paths)
	seen = again(seen, 0, 2, second, 3)
	seen = again(seen, 0, 2, third, 3)
	seen = again(seen, 1, 2, second, 3)
	seen = again(seen, 3, 2, second, 3)
	for f := range uint16(8) {
		seen = again(seen, f, 3, second, uint8(4+f%2))
	}
	for f := range uint16(3) {
		seen = again(seen, f, 4, second, 7)
		seen = again(seen, f, 4, third, 6)
	}
	tr := newTrial(t, testConfig())
	m := record.Multipath{Target: ip(theTarget)}
	tr.d.Describe(&m, tr.cfg, seen, false)
	for _, l := range claims(&m) {
		if l[0] == '2' || l[0] == '3' {
			t.Errorf("link %s", l)
		}
	}
	if m.Remapped != 0 || len(m.Balancers) == 0 || m.Balancers[0].Kind != record.PerPacket || m.Balancers[0].TTL != 1 {
		t.Errorf("%d flows remapped, balancers %+v", m.Remapped, m.Balancers)
	}
}

// TestDescribeMovedUnsure claims no links of flows whose balancer moved some, if too few repeats since then
// stay. Flows that kept their nodes may have done so by chance. The first balancer keeps its flows.
func TestDescribeMovedUnsure(t *testing.T) {
	for _, sure := range []bool{false, true} {
		var paths []path
		for f := range byte(16) {
			paths = append(paths, path{1, 2, 4 + f%2, 6 + f%2, 8, theTarget})
			if f >= 8 {
				paths[f] = path{1, 3, 10, 11, 8, theTarget}
			}
		}
		seen := observations(paths)
		for f := range uint16(16) {
			for ttl := uint8(2); ttl <= 4; ttl++ {
				now := paths[f][ttl-1]
				if f == 0 && ttl > 2 {
					now++ // it moved
				}
				seen = again(seen, f, ttl, second, now)
				if ttl == 2 || sure || f == 0 {
					seen = again(seen, f, ttl, third, now)
				}
			}
		}
		tr := newTrial(t, testConfig())
		m := record.Multipath{Target: ip(theTarget)}
		tr.d.Describe(&m, tr.cfg, seen, false)
		got := claims(&m)
		if slices.Contains(got, "3 4 6") != sure || slices.Contains(got, "3 5 7") != sure || m.Remapped != 1 {
			t.Errorf("third attempts %v: %q, %d flows remapped", sure, got, m.Remapped)
		}
	}
}

// TestDescribeParted claims no next hops of a router that has one at each of its TTLs, but not the same. The router
// in front of it is at these TTLs too, after branches of two lengths, and may be a per-packet balancer: its packets
// to 8 do not pass 5 then.
func TestDescribeParted(t *testing.T) {
	for _, stays := range []bool{false, true} {
		seen := observations([]path{
			{1, 2, 4, 5, 7, theTarget}, {1, 2, 4, 5, 7, theTarget},
			{1, 3, 6, 4, 5, 8, theTarget}, {1, 3, 6, 4, 5, 8, theTarget},
		})
		seen = repeated(seen)
		if !stays {
			seen = slices.DeleteFunc(seen, func(o Observation) bool { return o.Attempt == second && (o.From == ip(7) || o.From == ip(8)) })
		}
		tr := newTrial(t, testConfig())
		m := record.Multipath{Target: ip(theTarget)}
		tr.d.Describe(&m, tr.cfg, seen, false)
		got := claims(&m)
		if slices.Contains(got, "4 5 7") != stays || slices.Contains(got, "5 5 8") != stays || !slices.Contains(got, "3 4 5") {
			t.Errorf("asked again %v: %q", stays, got)
		}
	}
}

// TestDescribeAgain takes a router that answers again at the next TTL, beside others, for no per-packet balancer. One
// before it has branches of two lengths.
func TestDescribeAgain(t *testing.T) {
	var paths []path
	for f := range byte(12) {
		p := path{1, 2, 3, 4, theTarget}
		if f%6 == 3 {
			p[3] = 3
		}
		paths = append(paths, p)
	}
	paths[5][2] = 0 // lost, or a silent router
	seen := repeated(observations(paths))
	seen = slices.DeleteFunc(seen, func(o Observation) bool { return o.Attempt == second && o.TTL == 4 })
	for f := range uint16(4) {
		seen = again(seen, f, 4, second, 4)
		seen = again(seen, f, 4, third, uint8(4-f%2))
	}
	tr := newTrial(t, testConfig())
	m := record.Multipath{Target: ip(theTarget)}
	tr.d.Describe(&m, tr.cfg, seen, false)
	if got := claims(&m); slices.Contains(got, "3 3 3") || slices.Contains(got, "3 3 4") || len(m.Balancers) != 1 || m.Balancers[0].TTL != 2 {
		t.Errorf("links %q, balancers %+v", got, m.Balancers)
	}
}

// TestSearchApart searches networks whose per-packet balancer has two branches. Each of them answers at one TTL
// only, so that no flow is seen to turn.
func TestSearchApart(t *testing.T) {
	for attempts := 1; attempts <= 2; attempts++ {
		cfg := testConfig()
		cfg.Attempts = attempts
		tr := newTrial(t, cfg)
		runs, wrong := effort.Count(150, 10_000), 0
		for seed := range uint64(runs) {
			n := newNetwork(seed)
			i := n.chain(0, 4)
			a, b := n.chain(i, 2), n.chain(i, 2)
			n.routers[a].silent, n.routers[b-1].silent = true, true
			n.routers[i].packet = true
			n.done(n.chain(n.add(a, b), 3))
			want := n.truth()
			tr.run(t, n, 10)
			if f, _ := tr.judge(want); f.falseLinks > 0 {
				wrong++
			}
		}
		t.Logf("%d attempts: %d of %d searches have false links", attempts, wrong, runs)
		if wrong*20 > runs { // by chance, a branch may show itself in too few flows
			t.Errorf("%d attempts: %d of %d searches have false links", attempts, wrong, runs)
		}
	}
}
