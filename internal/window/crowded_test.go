package window

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
)

// crowd is one target with many flows, over IPv6, where replies may be short.
type crowd struct {
	*Window
	flows int
	rand  *rand.Rand
}

func newCrowd(flows int, onDemand bool) *crowd {
	s := Shape{Targets: 1, FirstTTL: 1, LastTTL: 8, Flows: flows, Attempts: 2, Unlinked: 10}
	if onDemand {
		s.Flows, s.OnDemand = probe.BaseFlows, 1<<14
	}
	return &crowd{Window: New(s), flows: flows, rand: rand.New(rand.NewPCG(uint64(flows), 8))}
}

// begin sends a probe to every TTL over every flow. Routers answer all but TTL silent.
func (c *crowd) begin(silent uint8, answer func(f *probe.Facts)) {
	c.Reset()
	c.Append(dest6)
	for flow := range uint16(c.flows) {
		for ttl := uint8(1); ttl <= 8; ttl++ {
			c.Stamp(Slot{Flow: flow, TTL: ttl}, 1)
		}
	}
	for flow := range uint16(c.flows) {
		for ttl := uint8(1); ttl <= 8; ttl++ {
			if ttl == silent {
				continue
			}
			f := c.reply(flow, ttl)
			answer(&f)
			match(c.Window, 0, &probe.Reply{Facts: f}, nil)
		}
	}
}

func (c *crowd) reply(flow uint16, ttl uint8) probe.Facts {
	return probe.Facts{Probe: probe.Probe{Target: dest6, Flow: flow, TTL: ttl}, Kind: probe.KindTTLExceeded,
		Valid: probe.Strong, HasQuote: true, QuotedTTL: 1, Responder: hopOf(int(ttl), true)}
}

// An attacker sends guesses for all flows of a target, one of which has a valid tag by chance: the
// test makes it happen. Then the expected number of false hops per TTL is the share of such tags
// that become hops, times their probability. It is at most 10⁻³, for any number of guesses and
// flows.
func TestCrowdedGuesses(t *testing.T) {
	for _, onDemand := range []bool{false, true} {
		for _, flows := range []int{1, 2, 8, 64, 300} {
			c := newCrowd(flows, onDemand)
			for _, guesses := range []int{1, 2, 20, 65, 66, 130, 1000} {
				rounds, hops := effort.Count(10, 1000), 0
				for range rounds {
					c.begin(5, func(*probe.Facts) {})
					lucky := c.rand.IntN(guesses)
					var valid probe.Facts
					for i := range guesses {
						f := c.reply(uint16(c.rand.IntN(flows)), 5)
						f.Valid, f.Responder = probe.Garbled, hopOf(200, true)
						if i == lucky {
							f.Valid = probe.Weak
							valid = f
						}
						match(c.Window, 0, &probe.Reply{Facts: f}, nil)
					}
					c.Settle()
					if c.Reply(Slot{Flow: valid.Flow, TTL: 5}) != nil {
						hops++
					}
				}
				chance := float64(guesses) / (1 << 16)
				if got := float64(hops) / float64(rounds) * chance; got > 1.01e-3 {
					t.Errorf("on demand %t, %d flows, %d guesses: %d of %d valid tags become hops, %.2g false hops",
						onDemand, flows, guesses, hops, rounds, got)
				}
			}
		}
	}
}

// With many flows, replies with one tag are hops as with one flow. There are three causes of such
// replies: a NAT rewrites one tag, routers quote little, and another router sends no valid tag.
func TestCrowdedHonest(t *testing.T) {
	tests := []struct {
		name   string
		answer func(f *probe.Facts)
		weak   uint8 // TTL of a hop of one tag
	}{
		{"short quotations", func(f *probe.Facts) {
			if f.TTL%2 == 0 {
				f.Valid = probe.Weak
			}
		}, 6},
		{"a box rewrites a tag", func(f *probe.Facts) {
			if f.TTL >= 4 {
				f.Valid, f.Mangled = probe.Weak, probe.MangledPayload
			}
		}, 6},
		{"a router sends no valid tag", func(f *probe.Facts) {
			switch f.TTL {
			case 3:
				f.Valid = probe.Garbled
			case 6, 7:
				f.Valid = probe.Weak
				if f.Flow%32 != 0 { // the quotations of others are longer
					f.Valid = probe.Strong
				}
			}
		}, 6},
	}
	for _, tt := range tests {
		for _, flows := range []int{1, 40, 65, 1000} {
			t.Run(fmt.Sprintf("%s, %d flows", tt.name, flows), func(t *testing.T) {
				c := newCrowd(flows, true)
				c.begin(0, tt.answer)
				c.Settle()
				hops := 0
				for flow := range uint16(flows) {
					if c.Reply(Slot{Flow: flow, TTL: tt.weak}) != nil {
						hops++
					}
				}
				if hops != flows {
					t.Errorf("%d of %d replies are hops", hops, flows)
				}
			})
		}
	}
}
