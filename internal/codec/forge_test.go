package codec

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// TestOffPathForger tries tags of a forger that has the seed but not the key. So the forger can
// compute every constant field of a probe, and has to guess the tags.
//
// IPv4 has room for two 16-bit tags alone. There one try makes a strong hop with probability 32
// TTLs × 2⁻³², so 0.07 strong hops are to be expected in 10⁷ tries. The 32-bit tag of TCP gives
// the same number. In IPv6 the other methods add a guess of 64 bits.
func TestOffPathForger(t *testing.T) {
	n := effort.Count(500_000, 10_000_000)
	for i, k := range kinds {
		cfg := testConfig(k.method)
		cfg.Attempts, cfg.Flows = 1, 1
		c := newCodec(t, cfg)
		r := newRand(uint64(20 + i))
		b := encodeAny(c, k.is4)
		q := quote(b, len(b))
		weak := 0
		for range n {
			guess(r, k, &q)
			var f probe.Facts
			if c.Quoted(&q, &f) == Accepted {
				weak++
				if f.Valid == probe.Strong {
					t.Fatalf("%s: a strong hop: %+v", k, f.Probe)
				}
			}
		}
		if mean := 2 * chance(c) * float64(n); float64(weak) > mean+5*math.Sqrt(mean) {
			t.Errorf("%s: %d of %d weak, want at most %.0f", k, weak, n, mean)
		}
	}
}

// guess puts random tags into a quotation.
func guess(r *rand.Rand, k kind, q *wire.Quotation) {
	q.ID = uint16(1 + r.IntN(0xffff))
	payload := q.Transport[wire.MinTransport:]
	switch k.method {
	case probe.TCPSYN:
		binary.BigEndian.PutUint32(q.Transport[wire.TCPSeq:], r.Uint32())
		return
	case probe.TCPACK:
		tag := r.Uint32()
		binary.BigEndian.PutUint32(q.Transport[wire.TCPSeq:], tag)
		binary.BigEndian.PutUint32(q.Transport[wire.TCPAck:], tag)
		return
	case probe.ICMP:
		binary.BigEndian.PutUint16(q.Transport[wire.EchoSeq:], uint16(1+r.IntN(0xffff)))
	default:
		binary.BigEndian.PutUint16(q.Transport[wire.UDPChecksum:], uint16(1+r.IntN(0xffff)))
	}
	payload[sealTau] = tau(uint8(1+r.IntN(32)), 0)
	binary.BigEndian.PutUint64(payload[sealMAC:], r.Uint64())
}

// pair are the two tags of an IPv4 probe.
type pair struct{ first, second uint16 }

// sight holds the tags that an on-path forger has of one target: those of all attempts at TTL 10.
// It also holds the tags of another flow and of another target at TTLs 9 and 10.
type sight struct {
	ten                          [probe.MaxAttempts]pair
	otherFlow, otherTarget       pair // at TTL 9
	otherFlowTen, otherTargetTen pair
}

// attacks turn a sight into tags for TTL 9.
var attacks = map[string]func(s *sight) pair{
	"replay": func(s *sight) pair { return s.ten[0] },
	"XOR of τ": func(s *sight) pair {
		d := uint16(tau(10, 0) ^ tau(9, 0))
		return pair{s.ten[0].first ^ d, s.ten[0].second ^ d}
	},
	"XOR of τ in the upper half": func(s *sight) pair {
		d := uint16(tau(10, 0)^tau(9, 0)) << 8
		return pair{s.ten[0].first ^ d, s.ten[0].second ^ d}
	},
	"τ less":                 func(s *sight) pair { return pair{s.ten[0].first - 4, s.ten[0].second - 4} },
	"tags swapped":           func(s *sight) pair { return pair{s.ten[0].second, s.ten[0].first} },
	"attempts mixed":         func(s *sight) pair { return pair{s.ten[0].first, s.ten[1].second} },
	"another flow's":         func(s *sight) pair { return s.otherFlow },
	"another target's":       func(s *sight) pair { return s.otherTarget },
	"first of another flow":  func(s *sight) pair { return pair{s.otherFlow.first, s.ten[0].second} },
	"second of another flow": func(s *sight) pair { return pair{s.ten[0].first, s.otherFlow.second} },
	"XOR learnt from another flow": func(s *sight) pair {
		return pair{s.ten[0].first ^ s.otherFlow.first ^ s.otherFlowTen.first, s.ten[0].second ^ s.otherFlow.second ^ s.otherFlowTen.second}
	},
	"difference learnt from another target": func(s *sight) pair {
		return pair{s.ten[0].first + s.otherTarget.first - s.otherTargetTen.first, s.ten[0].second + s.otherTarget.second - s.otherTargetTen.second}
	},
	"XOR of three attempts": func(s *sight) pair {
		return pair{s.ten[0].first ^ s.ten[1].first ^ s.ten[2].first, s.ten[0].second ^ s.ten[1].second ^ s.ten[2].second}
	},
	"XOR of all attempts and τ": func(s *sight) pair {
		d := uint16(tau(10, 3) ^ tau(9, 0))
		return pair{s.ten[0].first ^ s.ten[1].first ^ s.ten[2].first ^ s.ten[3].first ^ d, s.ten[3].second ^ d}
	},
	"other half": func(s *sight) pair {
		return pair{s.ten[0].first&0xff00 | s.ten[1].first&0xff, s.ten[0].second&0xff00 | s.ten[1].second&0xff}
	},
	"bytes swapped": func(s *sight) pair {
		return pair{s.ten[0].first>>8 | s.ten[0].first<<8, s.ten[0].second>>8 | s.ten[0].second<<8}
	},
}

// TestOnPathForger attacks with the tags of TTL 10, to many targets, and forges tags for TTL 9.
// No attack may make a strong hop at TTL 9.
//
// No attack may open one tag or both at any other TTL more often than a guess does. With all TTLs
// and attempts asked, a guess opens both tags with probability 248 × 2⁻³² per try.
func TestOnPathForger(t *testing.T) {
	cfg := testConfig(probe.UDP)
	cfg.MaxTTL, cfg.Attempts = probe.MaxTTL, probe.MaxAttempts
	c := newCodec(t, cfg)
	n := effort.Count(100_000, 5_000_000)
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			r := newRand(30)
			single, strong, tries := 0, 0, 0
			for range n {
				target, other := randTarget(r, true), randTarget(r, true)
				s, key := see(c, target, other)
				forged := attack(&s)
				var f, g candidates
				c.readNonZeroTag(&f, key, fieldFirst, forged.first)
				c.readNonZeroTag(&g, key, fieldSecond, forged.second)
				switch tau, ok := agree(&f, &g); {
				case ok && tau>>2 == 9:
					t.Fatalf("%s: strong at TTL 9", target)
				case ok && tau>>2 != 10:
					strong++
				}
				for _, o := range []*candidates{&f, &g} {
					tries++
					if o.n > 0 && o.tau[0]>>2 != 10 {
						single++
					}
				}
			}
			mean := chance(c) * float64(tries)
			if float64(single) > mean+5*math.Sqrt(mean) {
				t.Errorf("%d of %d tags open, a guess would %.0f times", single, tries, mean)
			}
			mean = chance(c) / (1 << 16) * float64(n)
			if float64(strong) > mean+5*math.Sqrt(mean)+1 {
				t.Errorf("%d of %d pairs open, a guess would %.2f times", strong, n, mean)
			}
		})
	}
}

func see(c *Codec, target, other probe.Addr) (s sight, key tagKey) {
	tags := func(k tagKey, tau uint8) pair { return pair{k.seal16(fieldFirst, tau), k.seal16(fieldSecond, tau)} }
	key = c.tagKey(&target, 0)
	for i := range s.ten {
		s.ten[i] = tags(key, tau(10, uint8(i)))
	}
	flow, strange := c.tagKey(&target, 1), c.tagKey(&other, 0)
	s.otherFlow, s.otherFlowTen = tags(flow, tau(9, 0)), tags(flow, tau(10, 0))
	s.otherTarget, s.otherTargetTen = tags(strange, tau(9, 0)), tags(strange, tau(10, 0))
	return s, key
}

// TestSealForger moves seals about: to another TTL, target or flow they are
// worth nothing.
func TestSealForger(t *testing.T) {
	c := newCodec(t, testConfig(probe.UDP))
	r := newRand(40)
	for range effort.Count(5000, 100_000) {
		p := randProbe(r, c, false)
		p.TTL = 10
		b := encode(c, p)
		nine, flow, target := p, p, p
		nine.TTL, flow.Flow, target.Target = 9, 1-p.Flow, randTarget(r, false)
		for name, forged := range map[string][]byte{
			"τ changed": b[wire.V6Len+wire.UDPLen:][:sealLen],
			"flow":      encode(c, flow)[wire.V6Len+wire.UDPLen:],
			"target":    encode(c, target)[wire.V6Len+wire.UDPLen:],
		} {
			q := quote(encode(c, p), len(b))
			payload := q.Transport[wire.UDPLen:]
			copy(payload, forged)
			if name == "τ changed" {
				payload[sealTau] = tau(9, p.Attempt)
			}
			// Only the seal is left.
			binary.BigEndian.PutUint16(q.Transport[wire.UDPChecksum:], 0)
			var f probe.Facts
			if v := c.Quoted(&q, &f); v == Accepted {
				t.Fatalf("%s: %+v", name, f)
			}
		}
	}
}
