package netsim

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// flowOf returns the truth's flow of a built probe.
func flowOf(t testing.TB, b []byte) Flow {
	t.Helper()
	var p packet
	if f := p.parse(b); f != Answered {
		t.Fatalf("probe judged %v", f)
	}
	var r Record
	r.begin(0, &p)
	return r.Flow()
}

// TestTruthIsWhatHappens sends random probes through every preset and compares each answer, and
// each silence, with the truth.
func TestTruthIsWhatHappens(t *testing.T) {
	for _, name := range PresetNames() {
		t.Run(name, func(t *testing.T) {
			cfg := preset(t, name)
			cfg.Noise = 0 // see TestNoise
			s := newSim(t, cfg)
			truth, err := NewTruth(cfg)
			must(t, err)
			r := rand.New(rand.NewPCG(1, 2))
			now := int64(1e18)
			for range 6000 {
				now += 50e6 // slow enough for a few buckets
				p := randomProbe(r, 36)
				if r.IntN(50) == 0 {
					p.ttl = 255
				}
				checkProbe(t, s, truth, now, p)
			}
			c := s.Counters()
			checkSums(t, &c)
			if c.Fates[Answered] == 0 {
				t.Error("no answers")
			}
		})
	}
}

func checkSums(t *testing.T, c *Counters) {
	t.Helper()
	var fates, answers uint64
	for _, n := range c.Fates {
		fates += n
	}
	for _, n := range c.Answers {
		answers += n
	}
	if fates != c.Received || answers != c.Fates[Answered] {
		t.Errorf("counters do not add up: %+v", *c)
	}
}

func checkProbe(t *testing.T, s *Sim, truth *Truth, now int64, p testProbe) {
	t.Helper()
	b := p.build(t)
	f := flowOf(t, b)
	rec, out := send(s, now, b)
	f.At = time.Duration(rec.At)
	hops := truth.AppendHops(nil, &f, p.ttl)
	possible := truth.AppendPossible(nil, &f, p.ttl)
	for _, h := range hops {
		if !slices.Contains(possible, h) {
			t.Fatalf("%+v: hop %+v of the flow is not possible: %+v", p, h, possible)
		}
	}
	if rec.Fate.Random() {
		if len(out) != 0 {
			t.Fatalf("%+v: %v and yet %d replies", p, rec.Fate, len(out))
		}
		return
	}
	match := func(h Hop) bool {
		if rec.Fate == Taken {
			return h.Fate == Answered && h.Target
		}
		if h.Fate != rec.Fate || h.Dist != rec.Dist || h.Target != rec.Target {
			return false
		}
		// The truth is about SYNs.
		return h.Fate != Answered || h.Answer == rec.Answer ||
			p.method == "ack" && rec.Answer == RST && h.Answer == SYNACK
	}
	i := slices.IndexFunc(hops, match)
	if i < 0 {
		t.Fatalf("%+v: %+v, but the truth is %+v", p, *rec, hops)
	}
	if met, ok := truth.Met(rec); !ok || met.Fate != Answered && met.Fate != rec.Fate || met.Dist != rec.Dist {
		t.Fatalf("%+v: met %+v, %v", *rec, met, ok)
	}
	if rec.Fate != Answered {
		if len(out) != 0 {
			t.Fatalf("%+v: %v and yet %d replies", p, rec.Fate, len(out))
		}
		return
	}
	if len(out) != int(rec.Copies) {
		t.Fatalf("%+v: %d replies, record has %d", p, len(out), rec.Copies)
	}
	for _, o := range out {
		w, err := decode(o.b)
		if err != nil {
			t.Fatalf("%+v: %v: gopacket: %v", p, *rec, err)
		}
		i := slices.IndexFunc(hops, func(h Hop) bool { return match(h) && h.Addr == w.src })
		if i < 0 {
			t.Fatalf("%+v: reply from %v, truth %+v", p, w.src, hops)
		}
		checkReply(t, p, b, o.due-now, w, hops[i])
		if v := truth.Judge(&f, p.ttl, w.src); v != TrueHop {
			t.Fatalf("%+v: reply from %v judged %v", p, w.src, v)
		}
		if v := truth.Judge(&f, p.ttl, noiseAddr(1, family(p.dst.Is6())).netip()); v != Impossible {
			t.Fatalf("noise judged %v", v)
		}
		if !rec.Target && truth.Router(rec) != w.src {
			t.Fatalf("record's router is %v, reply is from %v", truth.Router(rec), w.src)
		}
	}
}

func TestDeterminism(t *testing.T) {
	cfg := Default()
	cfg.Noise = 0.3
	a, b := newSim(t, cfg), newSim(t, cfg)
	cfg.Seed++
	other := newSim(t, cfg)
	r := rand.New(rand.NewPCG(5, 6))
	differ := 0
	for i := range 3000 {
		p := randomProbe(r, 32).build(t)
		now := int64(i) * 1e6
		ra, oa := send(a, now, p)
		rb, ob := send(b, now, p)
		if *ra != *rb || len(oa) != len(ob) {
			t.Fatalf("%+v, then %+v", *ra, *rb)
		}
		for j := range oa {
			if oa[j].due != ob[j].due || string(oa[j].b) != string(ob[j].b) {
				t.Fatalf("answers to one probe differ")
			}
		}
		if rc, _ := send(other, now, p); *rc != *ra {
			differ++
		}
	}
	if differ < 1000 {
		t.Errorf("another seed changed only %d of 3000 records", differ)
	}
}

// TestParis checks that a constant flow meets one router at a TTL in a network without per-packet
// balancers, and several in a network with them.
func TestParis(t *testing.T) {
	for _, name := range []string{"clean", "perpacket"} {
		s := newSim(t, preset(t, name))
		r := rand.New(rand.NewPCG(7, 8))
		multiple := 0
		for range 100 {
			p := randomProbe(r, 1)
			p.method = "udp"
			for p.ttl = 1; p.ttl < 20; p.ttl++ {
				var seen []netip.Addr
				for range 8 {
					p.id++
					_, out := send(s, 0, p.build(t))
					w, err := decode(out[0].b)
					must(t, err)
					if !slices.Contains(seen, w.src) {
						seen = append(seen, w.src)
					}
				}
				if len(seen) > 1 {
					multiple++
				}
			}
		}
		if (multiple > 0) != (name == "perpacket") {
			t.Errorf("%s: %d TTLs of one flow with more than one router", name, multiple)
		}
	}
}

func TestLoss(t *testing.T) {
	cfg := preset(t, "loss")
	s := newSim(t, cfg)
	r := rand.New(rand.NewPCG(9, 10))
	const n = 200000
	p := randomProbe(r, 1)
	p.method = "udp"
	b := p.build(t)
	for range n {
		s.Handle(0, b, func(int64, []byte) {})
	}
	c := s.Counters()
	near := func(what string, got uint64, want float64) {
		if share := float64(got) / n; share < want*0.95 || share > want*1.05 {
			t.Errorf("%s: %v, want %v", what, share, want)
		}
	}
	near("forward", c.Fates[LostForward], cfg.LossForward)
	near("reply", c.Fates[LostReply], cfg.LossReply)
}

func TestHandleAllocates(t *testing.T) {
	for _, name := range []string{"clean", "default", "noise", "nat", "multipath", "multipath-hostile"} {
		s := newSim(t, preset(t, name))
		r := rand.New(rand.NewPCG(13, 14))
		var packets [][]byte
		for range 200 {
			packets = append(packets, randomProbe(r, 32).build(t))
		}
		emit := func(int64, []byte) {}
		i := 0
		if n := testing.AllocsPerRun(2000, func() {
			s.Handle(int64(i), packets[i%len(packets)], emit)
			i++
		}); n != 0 {
			t.Errorf("%s: %v allocations a probe", name, n)
		}
	}
}

// TestModelPinned fails if any answer of the default network changes. Logs are read with the model
// that wrote them, so after a change increase the number in logMagic and pin the new digest.
func TestModelPinned(t *testing.T) {
	const magic, want = "masstrace netsim log 1\n", uint64(0x93dc7d59dfd49916)
	cfg := Default()
	cfg.Noise, cfg.NATSource, cfg.MangleIPID = 0.2, 0.1, 0.1
	s := newSim(t, cfg)
	r := rand.New(rand.NewPCG(17, 18))
	h := fnv.New64a()
	for i := range 3000 {
		_, out := send(s, int64(i)*1e6, randomProbe(r, 32).build(t))
		for _, o := range out {
			fmt.Fprint(h, o.due)
			h.Write(o.b)
		}
	}
	if got := h.Sum64(); got != want || logMagic != magic {
		t.Errorf("digest %#x with %q, want %#x with %q", got, logMagic, want, magic)
	}
}
