package gather

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/matcher"
)

// from makes a time exceeded from the n-th router.
func from(n byte, ttl uint8, valid probe.Validity, mangled probe.Mangled) *record.Hop {
	h := hop(ttl, begin+7, valid, probe.KindTTLExceeded)
	h.Responder = probe.AddrFrom(netip.AddrFrom4([4]byte{198, 51, 100, n}))
	h.HasQuote, h.QuotedTTL, h.Mangled = true, 1, mangled
	return h
}

// The reply that proves most is the hop, and only replies with support are hops.
func TestAgain(t *testing.T) {
	strong, weak, mangled := probe.Strong, probe.Weak, probe.MangledSource
	type counts struct{ answered, strong, weak, duplicates, superseded, conflict uint64 }
	tests := []struct {
		name      string
		judge     bool
		hops      []*record.Hop
		misses    int
		want      counts
		hop       byte // the router of the hop, 0 without one
		contested bool
		withheld  []bool // of the reply records
	}{
		{"a better one from elsewhere", false, []*record.Hop{from(1, 3, strong, mangled), from(2, 3, strong, 0)}, 0,
			counts{1, 1, 0, 0, 1, 0}, 2, false, []bool{false, false}},
		{"a worse one from elsewhere", false, []*record.Hop{from(1, 3, strong, 0), from(2, 3, strong, mangled)}, 0,
			counts{1, 1, 0, 1, 0, 0}, 1, false, []bool{false, false}},
		{"two of the same rank", false, []*record.Hop{from(1, 3, strong, 0), from(2, 3, strong, 0)}, 0,
			counts{1, 1, 0, 1, 0, 0}, 1, true, []bool{false, false}},
		{"two without a key", false, []*record.Hop{from(1, 3, probe.Unverified, mangled), from(2, 3, probe.Unverified, 0)}, 0,
			counts{1, 0, 0, 1, 0, 0}, 1, false, []bool{false, false}},
		{"a weak one from elsewhere", true, []*record.Hop{from(1, 3, strong, 0), from(2, 3, weak, 0)}, 0,
			counts{1, 1, 0, 0, 0, 1}, 1, false, []bool{false, true}},
		{"a strong one after a weak one", true, []*record.Hop{from(1, 3, weak, 0), from(2, 3, strong, 0)}, 0,
			counts{1, 1, 0, 0, 1, 0}, 2, false, []bool{false, false}},
		{"short", true, []*record.Hop{from(1, 3, weak, 0)}, 0, counts{1, 0, 1, 0, 0, 0}, 1, false, []bool{false}},
		{"short, and guesses", true, []*record.Hop{from(1, 3, weak, 0)}, 80, counts{0, 0, 0, 0, 0, 1}, 0, false, []bool{false}},
		{"strong, late among guesses", true, []*record.Hop{from(1, 3, strong, 0)}, 600_000, counts{0, 0, 0, 0, 0, 1}, 0, false, []bool{false}},
		{"a wrong tag", true, []*record.Hop{from(1, 3, weak, probe.MangledIPID)}, 0,
			counts{0, 0, 0, 0, 0, 1}, 0, false, []bool{true}},
		{"one box", true, []*record.Hop{from(1, 3, weak, probe.MangledIPID), from(2, 4, weak, probe.MangledIPID)}, 0,
			counts{2, 0, 2, 0, 0, 0}, 1, false, []bool{true, false}},
		{"two short ones", true, []*record.Hop{from(1, 3, weak, 0), from(2, 3, weak, 0)}, 0,
			counts{0, 0, 0, 1, 0, 1}, 0, true, []bool{false, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := new(kept)
			g := New(Config{Writer: k, Kinds: record.Both, Table: matcher.NewExactTable(), Keep: trace.KeepFlows,
				Keyed: true, Wait: time.Second})
			if tt.judge {
				g.Judge()
			}
			for ttl := range uint8(4) {
				send(g, ttl+1, begin)
			}
			for _, h := range tt.hops {
				name := NameOf(&h.Probe)
				if err := g.Answered(g.Find(&name), h); err != nil {
					t.Fatal(err)
				}
			}
			for n := range tt.misses {
				g.Missed(head(), &from(byte(n), 0, probe.Garbled, 0).Facts)
			}
			if err := g.Finish(); err != nil {
				t.Fatal(err)
			}
			sum := g.Sum
			got := counts{sum.Answered, sum.Strong, sum.Weak, sum.Duplicates, sum.Superseded, sum.Rejected.Conflict}
			if got != tt.want {
				t.Errorf("counted %+v, want %+v", got, tt.want)
			}
			trace := &k.traces[0]
			if (len(trace.Contested) > 0) != tt.contested {
				t.Errorf("contested %v", trace.Contested)
			}
			if len(trace.Hops) != int(tt.want.answered) || trace.Answered != len(trace.Hops) {
				t.Errorf("%d hops, %d answered, want %d", len(trace.Hops), trace.Answered, tt.want.answered)
			}
			if tt.hop != 0 && trace.Hops[0].Responder != from(tt.hop, 3, strong, 0).Responder {
				t.Errorf("hop %v, want router %d", trace.Hops[0].Responder, tt.hop)
			}
			if lost := tt.want.answered == 0; lost != reflect.DeepEqual(trace.Withheld, []uint8{3}) {
				t.Errorf("withheld %v", trace.Withheld)
			}
			if trace.Answered+len(trace.Silent) != trace.ProbeCount {
				t.Errorf("%d of %d probes answered, %d silent", trace.Answered, trace.ProbeCount, len(trace.Silent))
			}
			var withheld []bool
			for i := range k.replies {
				withheld = append(withheld, k.replies[i].Withheld)
			}
			if !reflect.DeepEqual(withheld, tt.withheld) {
				t.Errorf("records withheld %v, want %v", withheld, tt.withheld)
			}
			s := g.Summary(account.Heard[uint64]{})
			if frames := s.Strong + s.Weak + s.Unverified + s.Duplicates + s.Superseded + s.Rejected.Conflict; frames != uint64(len(tt.hops)) {
				t.Errorf("%d frames counted, want %d", frames, len(tt.hops))
			}
		})
	}
}
