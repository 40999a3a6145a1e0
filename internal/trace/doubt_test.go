package trace

import (
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// TestDoubt checks which reply of a path is not believed if first tags are rewritten. That reply is
// in no trace and no reply record, and its probe counts as silent.
func TestDoubt(t *testing.T) {
	const (
		strong = iota
		alone
		sealed // carries the second tag; the first was rewritten
	)
	type answer struct {
		ttl, attempt uint8
		how          int
		from, quoted uint8 // if from is 0, the TTL is the responder's number
	}
	tests := []struct {
		name    string
		garbled bool
		answers []answer
		unasked uint8 // TTL that was not probed, 0 for none
		want    uint8 // TTL of the reply that is not believed, 0 for none
	}{
		{"nothing rewritten", false, []answer{{ttl: 2}, {ttl: 5, how: alone}}, 0, 0},
		{"the last", true, []answer{{ttl: 1, how: alone}, {ttl: 2}, {ttl: 5, how: alone}}, 0, 5},
		{"a strong reply after it", true, []answer{{ttl: 2, how: alone}, {ttl: 5}}, 0, 0},
		{"a second tag after it does not vouch for checksums", false,
			[]answer{{ttl: 2}, {ttl: 4, how: alone}, {ttl: 6, how: sealed}}, 0, 4},
		{"two alike", true, []answer{{ttl: 2}, {ttl: 5, how: alone}, {ttl: 5, attempt: 1, how: alone}}, 0, 0},
		{"the only one, at the highest TTL", true, []answer{{ttl: 8, attempt: 1, how: alone}}, 0, 8},
		{"the only one, at the lowest TTL", true, []answer{{ttl: 1, how: alone}}, 0, 0},
		{"the TTL before shows one", true, []answer{{ttl: 4, attempt: 1, how: alone}, {ttl: 5, how: alone}}, 0, 0},
		{"the TTL before shows the other tag", true,
			[]answer{{ttl: 3, how: alone}, {ttl: 4, attempt: 1, how: sealed}, {ttl: 5, how: alone}}, 0, 5},
		{"the TTL before was not probed", true, []answer{{ttl: 2}, {ttl: 5, how: alone}}, 4, 0},
		{"a target beyond its distance", true, []answer{{ttl: 3}, {ttl: 7, how: alone, quoted: 4}}, 0, 0},
		{"a target at no distance", true, []answer{{ttl: 3}, {ttl: 7, how: alone, quoted: 7}}, 0, 7},
		{"a target at two TTLs", true,
			[]answer{{ttl: 5, how: alone, from: 9}, {ttl: 8, how: alone, from: 9, quoted: 2}}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, window.Shape{
				Targets: 1, FirstTTL: 1, LastTTL: 8, Flows: 1, Attempts: 2, Unlinked: 9,
			}, target6)
			if tt.garbled {
				b.Learn(0, &probe.Facts{Valid: probe.Garbled, HasQuote: true}, nil)
			}
			probes := 0
			for ttl := uint8(1); ttl <= 8; ttl++ {
				if ttl != tt.unasked {
					b.Stamp(slotOf(0, 0, ttl, 0), 100)
					probes++
				}
			}
			for _, a := range tt.answers {
				if a.attempt > 0 {
					probes++
				}
				s := slotOf(0, 0, a.ttl, a.attempt)
				r := probe.Reply{Facts: probe.Facts{
					Probe: probe.Probe{Target: target6, TTL: a.ttl, Attempt: a.attempt}, HasQuote: true,
					Kind: probe.KindTTLExceeded, Responder: router(int(a.ttl)), Valid: probe.Weak,
				}}
				r.QuotedTTL = max(a.quoted, 1)
				if a.from != 0 {
					r.Responder = router(int(a.from))
				}
				switch a.how {
				case strong:
					r.Valid = probe.Strong
				case sealed:
					r.Mangled = probe.MangledCsum
				}
				b.Stamp(s, 100)
				b.Answer(s, &r)
				b.Learn(0, &r.Facts, nil)
			}
			b.Close(1, false)

			a, believed, doubted := newTestAssembler(), len(tt.answers), 0
			if tt.want != 0 {
				believed, doubted = believed-1, 1
			}
			list := traces(t, a, b)
			if len(list) != 1 || list[0].Answered != believed || list[0].ProbeCount != probes {
				t.Fatalf("traces %+v", list)
			}
			if n := tallyOf(a); n.Doubted != uint64(doubted) || n.Silent+n.Answered != uint64(probes) || n.Answered != uint64(believed) {
				t.Errorf("%+v; %d answered, %d doubted wanted", n, believed, doubted)
			}
			replies := 0
			a.Replies(b.Window, func(reply *record.Reply) error {
				h := &reply.Hop
				if replies++; h.TTL == tt.want {
					t.Errorf("reply of TTL %d is recorded", h.TTL)
				}
				return nil
			})
			if replies != believed {
				t.Errorf("%d replies, want %d", replies, believed)
			}
		})
	}
}

// Weak replies count unless more quotations are invalid than there were probes. Strong replies
// always count.
func TestDoubtSprayed(t *testing.T) {
	const probes = 8
	for misses := range 300 {
		b := newBench(t, window.Shape{Targets: 1, FirstTTL: 1, LastTTL: probes, Flows: 1, Attempts: 1, Unlinked: 9}, target)
		for ttl := uint8(1); ttl <= probes; ttl++ {
			s := slotOf(0, 0, ttl, 0)
			b.Stamp(s, 100)
			if ttl > 4 {
				continue
			}
			r := probe.Reply{Facts: probe.Facts{
				Probe: probe.Probe{Target: target, TTL: ttl}, HasQuote: true, QuotedTTL: 1, Stamp: 200,
				Kind: probe.KindTTLExceeded, Responder: router(int(ttl)), Valid: probe.Strong,
			}}
			if ttl > 2 {
				r.Valid, r.Mangled = probe.Weak, probe.MangledIPID
			}
			b.Answer(s, &r)
			b.Learn(0, &r.Facts, nil)
		}
		for range misses {
			b.Learn(0, &probe.Facts{Probe: probe.Probe{Target: target}, Valid: probe.Garbled, HasQuote: true}, nil)
		}
		b.Close(1, false)
		want := 4
		if misses > probes {
			want = 2
		}
		a := newTestAssembler()
		list := traces(t, a, b)
		if len(list[0].Hops) != want || tallyOf(a).Doubted != uint64(4-want) || tallyOf(a).Answered != uint64(want) {
			t.Fatalf("%d misses: %d hops, %+v", misses, len(list[0].Hops), tallyOf(a))
		}
		replies := 0
		_ = a.Replies(b.Window, func(*record.Reply) error { replies++; return nil })
		if replies != want {
			t.Fatalf("%d misses: %d replies, want %d", misses, replies, want)
		}
	}
}
