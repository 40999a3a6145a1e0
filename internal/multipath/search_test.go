package multipath

import (
	"math"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/record"
)

// TestSearchFailureRate counts balancers that are not found as a whole. The rule alone gives the
// expected share.
func TestSearchFailureRate(t *testing.T) {
	balancers := effort.Count(1000, 20_000)
	for width, want := range map[int]float64{2: 0.0312, 4: 0.0424, 8: 0.0441, 16: 0.0475} {
		tr := newTrial(t, testConfig())
		failed, claimed, claims := 0, 0.0, 0
		for seed := range uint64(balancers) {
			n := newNetwork(seed + 1000)
			n.done(n.chain(n.diamond(n.chain(0, 2), even(width, 1)...), 1))
			tr.run(t, n, 20)
			switch b := tr.out.Balancers; {
			case len(b) != 1 || b[0].Width != width:
				failed++
				fallthrough
			default:
				for i := range b {
					if b[i].State != record.BalancerComplete || b[i].Borrowed {
						t.Fatalf("seed %d: %+v", seed, b[i])
					}
					claimed += b[i].Confidence
					claims++
				}
			}
		}
		rate, sigma := float64(failed)/float64(balancers), math.Sqrt(want*(1-want)/float64(balancers))
		t.Logf("width %d: failure rate %.4f, rule %.4f, mean claim %.4f", width, rate, want, claimed/float64(claims))
		if rate > want+3*sigma {
			t.Errorf("width %d: failure rate %.4f, above %.4f + 3σ (%.4f)", width, rate, want, 3*sigma)
		}
	}
}

// TestSearchPacket finds that balancers are per-packet ones. It invents no links after them.
func TestSearchPacket(t *testing.T) {
	for _, name := range []string{"wide 2", "wide 4", "wide 16", "meshed", "nested", "uneven", "two"} {
		tr := newTrial(t, testConfig())
		found, kinds, probes, invented := 0, 0, 0, 0
		runs := effort.Count(200, 5000)
		for seed := range uint64(runs) {
			n := newNetwork(seed)
			shapes[name](n)
			front := 0
			for i := range n.routers {
				if len(n.routers[i].next) > 1 {
					front = i
					break
				}
			}
			n.routers[front].packet = true
			want := n.truth()
			tr.run(t, n, 10)
			probes += tr.search.Probes()
			_, notes := tr.judge(want)
			for _, b := range tr.out.Balancers {
				if b.Addr == n.routers[front].addr {
					found++
					if b.Kind == record.PerPacket {
						kinds++
					}
				}
			}
			if b := tr.out.Balancers; len(notes) > 0 && len(b) > 0 && b[0].Kind == record.PerPacket && b[0].Addr == n.routers[front].addr {
				invented++
			}
		}
		t.Logf("%s: %d of %d balancers, %d told as per packet, %d probes", name, found, runs, kinds, probes/runs)
		// A balancer inside that chance hides may seem to join its branches.
		if invented*100 > runs {
			t.Errorf("%s: something is invented in %d of %d runs", name, invented, runs)
		}
		if kinds*100 < found*94 {
			t.Errorf("%s: only %d of %d are told as per-packet", name, kinds, found)
		}
	}
}

// TestSearchRemap marks the links of flows that a balancer moved. The move comes in the middle of
// each search, or before or after it.
func TestSearchRemap(t *testing.T) {
	for _, name := range []string{"wide 2", "wide 4", "wide 16", "meshed", "nested", "uneven", "two"} {
		tr := newTrial(t, testConfig())
		runs := effort.Count(100, 10_000)
		links, falseLinks, told, falseBalancers, marked := 0, 0, 0, 0, 0
		for seed := range uint64(runs) {
			n := newNetwork(seed)
			shapes[name](n)
			when := n.rand.IntN(150)
			for i := range n.routers {
				n.routers[i].remap = when
			}
			tr.run(t, n, 10)
			f, _ := tr.judge(n.truth())
			links += f.links
			falseLinks += f.falseLinks
			falseBalancers += f.falseBalancers
			if tr.out.Remapped > 0 {
				told++
			}
			for _, l := range tr.out.Links {
				if l.Remapped {
					marked++
				}
			}
		}
		t.Logf("%s: %d links, %d marked, %d false, %d false balancers, %d of %d told", name, links, marked, falseLinks, falseBalancers, told, runs)
		// All balancers get another hash during each of these searches. Where branches of different lengths
		// get theirs anew, one router answers at several TTLs, and few flows show that.
		mostLinks, mostBalancers := links/5000, runs/100
		if name == "uneven" {
			mostLinks, mostBalancers = links/250, runs/50
		}
		if falseLinks > mostLinks || falseBalancers > mostBalancers || told*4 < runs {
			t.Errorf("%s: %d false links of %d, %d false balancers, %d of %d told", name, falseLinks, links, falseBalancers, told, runs)
		}
	}
}

// TestSearchLoss finds nearly as much if answers are lost.
func TestSearchLoss(t *testing.T) {
	for _, loss := range []float64{0.05, 0.15} {
		for _, name := range []string{"wide 4", "meshed", "uneven", "silent"} {
			tr := newTrial(t, testConfig())
			nodes, all, probes, runs := 0, 0, 0, 100
			for seed := range uint64(runs) {
				n := newNetwork(seed)
				shapes[name](n)
				n.loss = loss
				want := n.truth()
				tr.run(t, n, 10)
				f, notes := tr.judge(want)
				if len(notes) > 0 {
					t.Errorf("%s, loss %v, seed %d: false: %q", name, loss, seed, notes)
				}
				nodes += f.nodes
				all += len(want.nodes)
				probes += tr.search.Probes()
			}
			t.Logf("%s, loss %v: %.2f %% of nodes, %d probes", name, loss, 100*float64(nodes)/float64(all), probes/runs)
		}
	}
}

// TestSearchStops keeps to the most probes, stops when told, and takes refused probes back.
func TestSearchStops(t *testing.T) {
	cfg := testConfig()
	cfg.MaxProbes = 30
	tr := newTrial(t, cfg)
	n := newNetwork(1)
	shapes["wide 16"](n)
	tr.run(t, n, 10)
	if got := tr.search.Probes(); got != 30 || !tr.out.Unfinished {
		t.Errorf("%d probes, unfinished %v; want 30, true", got, tr.out.Unfinished)
	}
	cfg.MaxProbes = 0
	s := New(cfg)
	s.Begin(n.target(), 1)
	refused, sent := 0, 0
	for {
		p, step := s.Next()
		if step != Send {
			break
		}
		if sent++; p.Flow%2 == 1 || p.TTL == 2 {
			s.Refuse(p)
			refused++
		}
	}
	if s.Probes() != sent-refused {
		t.Errorf("%d probes, want %d", s.Probes(), sent-refused)
	}
	s.Halt()
	if _, step := s.Next(); step != Done {
		t.Errorf("step %d after Halt, want Done", step)
	}
}

// TestSearchWeak ends soon after a target whose answers are weak, and goes on after a weak answer
// that a router contradicts.
func TestSearchWeak(t *testing.T) {
	tr := newTrial(t, testConfig())
	for _, name := range []string{"chain", "wide 4", "uneven"} {
		for seed := range uint64(20) {
			strong, weak := newNetwork(seed), newNetwork(seed)
			shapes[name](strong)
			shapes[name](weak)
			weak.weak = true
			tr.run(t, strong, 10)
			probes := tr.search.Probes()
			tr.run(t, weak, 10)
			if more := tr.search.Probes() - probes; more > 60 {
				t.Errorf("%s, seed %d: %d probes more than without weak answers", name, seed, more)
			}
			if f, notes := tr.judge(weak.truth()); len(notes) > 0 || f.nodes == 0 {
				t.Errorf("%s, seed %d: false: %q", name, seed, notes)
			}
		}
	}
	s := tr.search
	n := newNetwork(1)
	shapes["chain"](n)
	s.Begin(n.target(), 1)
	for p, step := s.Next(); step != Done; p, step = s.Next() {
		if step == Await {
			t.Fatal("awaits nothing")
		}
		a, _ := n.answer(p)
		if p.TTL == 3 && p.Flow == 0 { // forged
			a = Answer{From: n.target(), Ends: true, Reached: true}
		}
		s.Answer(p, a)
	}
	if s.reach != 11 {
		t.Errorf("the search got to TTL %d, want 11", s.reach)
	}
}

// TestSearchLate takes an answer after its silence, and a better one in place of another.
func TestSearchLate(t *testing.T) {
	cfg := testConfig()
	cfg.Attempts = 1
	tr := newTrial(t, cfg)
	s := tr.search
	n := newNetwork(2)
	shapes["wide 2"](n)
	s.Begin(n.target(), 1)
	var late []Probe
	wrong := Answer{From: ip(77), Steers: false}
	for range 10_000 {
		p, step := s.Next()
		switch {
		case step == Send && p.Attempt < firstRepeat && p.Flow == 3:
			s.Silence(p, false)
			late = append(late, p)
		case step == Send:
			a, _ := n.answer(p)
			if p.Flow == 4 {
				s.Answer(p, wrong)
			}
			s.Answer(p, a)
		case len(late) > 0:
			p = late[0]
			late = late[1:]
			a, _ := n.answer(p)
			s.Answer(p, a)
		case step == Done:
			for ttl := s.first; s.has(ttl); ttl++ {
				for f, c := range s.line(ttl) {
					if c.answered() && s.addrs[c.node()-1] == ip(77) {
						t.Errorf("flow %d at TTL %d has the answer that was replaced", f, ttl)
					}
				}
			}
			if !s.get(3, 1).answered() {
				t.Error("the late answer is lost")
			}
			return
		default:
			t.Fatal("awaits nothing")
		}
	}
	t.Fatal("does not end")
}

// TestSearchLimit ends as limited where a router stops answering.
func TestSearchLimit(t *testing.T) {
	tr := newTrial(t, testConfig())
	states := map[record.BalancerState]int{}
	for seed := range uint64(200) {
		n := newNetwork(seed)
		n.done(n.chain(n.diamond(n.chain(0, 3), even(4, 1)...), 3))
		for i := 3; i < 7; i++ {
			n.routers[i].limit = 3
		}
		tr.run(t, n, 10)
		if tr.search.Probes() > 250 {
			t.Errorf("seed %d: %d probes", seed, tr.search.Probes())
		}
		for _, b := range tr.out.Balancers {
			states[b.State]++
			if b.State == record.BalancerLimited && (b.Confidence > 0.95 || b.Answered >= b.Asked) {
				t.Errorf("%+v", b)
			}
		}
	}
	if states[record.BalancerComplete] > 0 || states[record.BalancerLimited] < 190 {
		t.Errorf("states: %v", states)
	}
}
