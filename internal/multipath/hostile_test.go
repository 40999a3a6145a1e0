package multipath

import (
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// FuzzSearch gives a search arbitrary answers, also to probes that it never sent, late ones and
// several to one probe. It must end, ask nothing twice and stay within its bounds.
func FuzzSearch(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, uint8(0))
	f.Add([]byte{0x11, 0x22, 0x33, 0x44, 0x55, 0xee, 0xff}, uint8(1))
	f.Add([]byte{0xff, 0x80, 0x40, 1, 1, 1}, uint8(7))
	var d Describer
	shared := testConfig()
	shared.LastTTL, shared.MaxFlows, shared.MaxBranches = 6, 32, 5
	if err := shared.Validate(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, script []byte, options uint8) {
		own := *shared // with the rule of shared
		cfg := &own
		cfg.HashFields = options&1 != 0
		if options&2 != 0 {
			cfg.MDA = record.Full
		}
		if options&4 != 0 {
			cfg.Known, cfg.Borrow = NewKnown(0), true
		}
		if options&8 != 0 {
			cfg.MaxProbes = 100
		}
		s := New(cfg)
		s.Begin(probe.Addr4From([4]byte{192, 0, 2, 1}), 1)
		asked, open, seen := map[Probe]bool{}, []Probe{}, []Observation{}
		at := 0
		next := func() byte {
			if len(script) == 0 {
				return 0
			}
			at++
			return script[at%len(script)] + byte(at/len(script))*31
		}
		for steps := 0; ; steps++ {
			p, step := s.Next()
			if step == Send {
				if asked[p] {
					t.Fatalf("asked twice: %+v", p)
				}
				if p.TTL < 1 || p.TTL > 6 || int(Base(p.Flow)) >= cfg.MaxFlows || p.Attempt > 3 {
					t.Fatalf("out of range: %+v", p)
				}
				asked[p] = true
				open = append(open, p)
			}
			if step == Done {
				break
			}
			if step == Await && len(open) == 0 {
				t.Fatal("awaits nothing")
			}
			if steps > 100_000 {
				t.Fatal("does not end")
			}
			b := next()
			if step == Send && b&3 != 0 {
				continue
			}
			i := int(next()) % len(open)
			p = open[i]
			if b&0x40 == 0 || step == Await {
				open[i] = open[len(open)-1]
				open = open[:len(open)-1]
			}
			c := next()
			o := Observation{Probe: p, Sent: int64(steps)}
			switch {
			case b&0x1c == 0:
				s.Silence(p, b&0x80 != 0)
			case b&0x1c == 4:
				s.Refuse(p)
				continue
			default:
				o.Answered = true
				o.Answer = Answer{From: probe.Addr4From([4]byte{10, 0, p.TTL & c >> 4, c}), Ends: c&0x3f == 9, Steers: c&0x80 == 0}
				s.Answer(p, o.Answer)
				p.TTL, p.Flow = c%64, uint16(b)<<8|uint16(c) // never sent
				if !asked[p] {
					s.Answer(p, o.Answer)
					s.Silence(p, false)
					s.Refuse(p)
				}
			}
			seen = append(seen, o)
		}
		if cfg.MaxProbes > 0 && s.Probes() > cfg.MaxProbes {
			t.Errorf("%d probes", s.Probes())
		}
		var out record.Multipath
		d.Describe(&out, cfg, seen, options&16 != 0)
		for _, b := range out.Balancers {
			if b.Width < 2 || b.Answered > b.Asked || b.Confidence < 0 || b.Confidence > 1 || b.Answered < 1 {
				t.Errorf("%+v", b)
			}
		}
		d.Cover()
	})
}
