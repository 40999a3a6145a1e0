package trace

import (
	"testing"

	"github.com/masstrace/masstrace/probe"
	"github.com/masstrace/masstrace/window"
)

// TestDoubt holds which reply of a path is not believed where first tags are
// rewritten, and that it is then in no trace and no reply, and its probe silent.
func TestDoubt(t *testing.T) {
	const (
		strong = iota
		alone
		sealed // by the second tag; the first was rewritten
	)
	type answer struct {
		ttl, attempt uint8
		how          int
	}
	tests := []struct {
		name    string
		garbled bool
		answers []answer
		want    uint8 // TTL of what is not believed, 0 for none
	}{
		{"nothing rewritten", false, []answer{{2, 0, strong}, {5, 0, alone}}, 0},
		{"the last", true, []answer{{1, 0, alone}, {2, 0, strong}, {5, 0, alone}}, 5},
		{"a strong one behind it", true, []answer{{2, 0, alone}, {5, 0, strong}}, 0},
		{"a second tag behind it says nothing of first ones", false,
			[]answer{{2, 0, strong}, {4, 0, alone}, {6, 0, sealed}}, 4},
		{"two alike", true, []answer{{2, 0, strong}, {5, 0, alone}, {5, 1, alone}}, 0},
		{"the only one, at the highest TTL", true, []answer{{8, 1, alone}}, 8},
		{"the only one, at the lowest TTL", true, []answer{{1, 0, alone}}, 0},
		{"the TTL before shows one", true, []answer{{4, 1, alone}, {5, 0, alone}}, 0},
		{"the TTL before shows the other tag", true, []answer{{3, 0, alone}, {4, 1, sealed}, {5, 0, alone}}, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, window.Shape{
				Targets: 1, FirstTTL: 1, LastTTL: 8, Flows: 1, Attempts: 2, Unlinked: 9,
			}, target6)
			if tt.garbled {
				b.Learn(0, &probe.Facts{Valid: probe.Garbled, HasQuote: true}, nil)
			}
			for _, a := range tt.answers {
				s := slotOf(0, 0, a.ttl, a.attempt)
				r := probe.Reply{Facts: probe.Facts{
					Probe: probe.Probe{Target: target6, TTL: a.ttl, Attempt: a.attempt}, HasQuote: true,
					Kind: probe.KindTTLExceeded, Responder: router(int(a.ttl)), Valid: probe.Weak,
				}}
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
			if len(list) != 1 || list[0].Answered != believed || list[0].ProbeCount != len(tt.answers) {
				t.Fatalf("traces %+v", list)
			}
			if n := a.Tally; n.Doubted != uint64(doubted) || n.Silent != n.Doubted || n.Answered != uint64(believed) {
				t.Errorf("%+v; %d answered, %d doubted wanted", n, believed, doubted)
			}
			replies := 0
			a.Replies(b.Window, func(_ *Head, h *Hop) error {
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
