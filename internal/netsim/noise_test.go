package netsim

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestNoise compares the noise with the truth: all noise except flipped bits comes from addresses
// on no path, or is not an ICMP error.
func TestNoise(t *testing.T) {
	cfg := preset(t, "noise")
	cfg.Noise = 1
	s := newSim(t, cfg)
	truth := s.Truth()
	r := rand.New(rand.NewPCG(11, 12))
	for range 20000 {
		p := randomProbe(r, 25)
		b := p.build(t)
		f := flowOf(t, b)
		rec, out := send(s, 0, b)
		if rec.Fate == Taken {
			continue
		}
		if len(out) != 2 || !rec.Noisy {
			t.Fatalf("%+v: %d packets, %+v", p, len(out), *rec)
		}
		good := 0
		for _, o := range out {
			w, err := decode(o.b)
			if rec.Noise == BitFlip && err != nil {
				continue // a TCP header that contradicts itself
			}
			hops := truth.AppendHops(nil, &f, p.ttl)
			if err == nil && slices.ContainsFunc(hops, func(h Hop) bool { return h.Addr == w.src }) {
				good++
				continue
			}
			switch rec.Noise {
			case BadIPSum, BadICMPSum:
				if err == nil && len(w.body) >= headerLen(family(p.dst.Is6())) {
					t.Fatalf("%v: gopacket finds nothing wrong", rec.Noise)
				}
			default:
				if err != nil && rec.Noise != Truncated && rec.Noise != Nonsense && rec.Noise != BitFlip {
					t.Fatalf("%v: %v", rec.Noise, err)
				}
			}
			if rec.Noise == BitFlip {
				t.Fatalf("%v from %v, which is not on the way", rec.Noise, w.src)
			}
			if kind, _ := truth.Locate(w.src); kind != NoiseAddr && w.src != p.dst && w.src.IsValid() {
				t.Fatalf("%v from %v, which is %v", rec.Noise, w.src, kind)
			}
		}
		if good == 0 {
			t.Fatalf("%v: no genuine answer", rec.Noise)
		}
	}
	c := s.Counters()
	for k, n := range c.Noise {
		if n < 1000 {
			t.Errorf("%v: %d", Noise(k), n)
		}
	}
}
