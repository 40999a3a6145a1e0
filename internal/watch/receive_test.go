package watch

import (
	"testing"

	"github.com/masstrace/masstrace/internal/faulty"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/wire"
)

// answer returns the answer to a probe of the first target.
func answer(flow uint16, ttl, number uint8, stamp int64) probe.Reply {
	return probe.Reply{Facts: probe.Facts{
		Probe: probe.Probe{Target: probe.AddrFrom(targets[0].Addr), Flow: flow, TTL: ttl, Attempt: number},
		Stamp: stamp, Responder: probe.AddrFrom(faulty.Source4), Kind: probe.KindTTLExceeded, Valid: probe.Strong, HasQuote: true,
		Protocol: probe.ProtoICMP,
	}}
}

// An answer counts for its own cycle: once, in time or late. All others are ignored.
func TestReplies(t *testing.T) {
	w := newRig(t, &faulty.Link{}, 2)
	w.run = run.New(t.Context())
	defer w.run.Close()
	w.cycles.begin(0)
	w.cycles.begin(1)
	for cycle := range uint32(2) {
		w.cycles.sent(place{cycle: cycle, path: 1, ttl: 3}, int64(cycle+1)*1e9)
		w.cycles.allSent(cycle)
	}
	garbled := answer(1, 3, 0, 1e9)
	garbled.Valid = probe.Garbled
	foreign := answer(1, 3, 0, 1e9)
	foreign.Target = probe.AddrFrom(faulty.Source4)
	labelled := answer(1, 3, 1, 2e9+5e6)
	labelled.Ext = wire.AppendExtension(nil, wire.Object{Class: wire.ClassMPLS, CType: wire.CTypeIncomingMPLS, Payload: wire.Label{Label: 99, S: 1, TTL: 1}.AppendTo(nil)})
	w.Replies([]probe.Reply{
		garbled, foreign,
		answer(1, 4, 0, 1e9), // never sent
		answer(9, 3, 0, 1e9), // no such flow
		answer(1, 3, 7, 1e9), // no such cycle
		labelled, labelled,
	}, 2e9)
	h := w.board.Targets[0].Flows[1].Hop(3)
	if h.Sent != 1 || h.Received != 1 || h.Last != 5e6 || len(h.Answer().MPLS) != 1 {
		t.Fatalf("after the answer to the second cycle: %+v", h)
	}
	w.Replies(nil, 3e9+1) // the probe of the first cycle waited for 2 s
	if h.Sent != 2 || h.Received != 1 {
		t.Errorf("after the wait: %+v", h)
	}
	if w.run.Lasting().Err() == nil {
		t.Error("the watch goes on after its last cycle")
	}
	w.Replies([]probe.Reply{answer(1, 3, 0, 3e9+2)}, 3e9+3)
	if h.Late != 1 || h.Sent != 2 || h.Received != 1 {
		t.Errorf("after a late answer: %+v", h)
	}
	w.View(func(b *board.Board) {
		if b.Cycles != 2 || b.Targets[1].Flows[0].Hop(3) != nil {
			t.Errorf("%d cycles, or a hop of another target", b.Cycles)
		}
	})
	if w.Reset(); w.board.Targets[0].Flows[1].Hop(3).Sent != 0 {
		t.Error("a reset forgets nothing")
	}
}

// rewritten returns an answer with one valid tag: a box on the path rewrites the other one.
func rewritten(ttl uint8, stamp int64, from probe.Addr) probe.Reply {
	r := answer(1, ttl, 0, stamp)
	r.Valid, r.Mangled, r.Responder, r.QuotedLen = probe.Weak, probe.MangledIPID, from, 64
	return r
}

// An answer with one tag counts by the rules of a scan, when its probe would be silent: with others that
// show a box, and not alone, not if another address answers as well, and not in the place of an answer
// with two tags.
func TestDoubtfulReplies(t *testing.T) {
	from := func(last byte) probe.Addr { return probe.Addr4From([4]byte{10, 0, 0, last}) }
	proves := answer(1, 3, 0, 1e9+6e6)
	proves.Responder = from(9)
	for _, tt := range []struct {
		name    string
		replies []probe.Reply
		want    string // hops at TTLs 3 and 4 after the wait
	}{
		{"alone", []probe.Reply{rewritten(3, 1e9+5e6, from(3))}, "silent, silent"},
		{"behind a box", []probe.Reply{rewritten(3, 1e9+5e6, from(3)), rewritten(4, 1e9+7e6, from(4))}, "10.0.0.3 5ms, 10.0.0.4 7ms"},
		{"contested", []probe.Reply{rewritten(3, 1e9+5e6, from(3)), rewritten(3, 1e9+6e6, from(5)), rewritten(4, 1e9+7e6, from(4))}, "silent, 10.0.0.4 7ms"},
		{"a copy", []probe.Reply{rewritten(3, 1e9+5e6, from(3)), rewritten(3, 1e9+6e6, from(3)), rewritten(4, 1e9+7e6, from(4))}, "10.0.0.3 5ms, 10.0.0.4 7ms"},
		{"before one with two tags", []probe.Reply{rewritten(3, 1e9+5e6, from(3)), proves}, "10.0.0.9 6ms, silent"},
		{"after one with two tags", []probe.Reply{proves, rewritten(3, 1e9+7e6, from(3))}, "10.0.0.9 6ms, silent"},
		{"too late", []probe.Reply{rewritten(3, 5e9, from(3)), rewritten(4, 5e9, from(4))}, "silent, silent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newRig(t, &faulty.Link{}, 2)
			w.run = run.New(t.Context())
			defer w.run.Close()
			w.cycles.begin(0)
			for ttl := uint8(3); ttl <= 4; ttl++ {
				w.cycles.sent(place{cycle: 0, path: 1, ttl: ttl}, 1e9)
			}
			w.cycles.allSent(0)
			for _, r := range tt.replies {
				w.Replies([]probe.Reply{r}, r.Stamp)
			}
			w.Replies(nil, 4e9)
			text := ""
			for ttl := uint8(3); ttl <= 4; ttl++ {
				h := w.board.Targets[0].Flows[1].Hop(ttl)
				if text += ", "; h.Received == 0 {
					text += "silent"
				} else {
					text += h.Addr().String() + " " + h.Last.String()
				}
				if h.Sent != 1 {
					t.Errorf("TTL %d: sent %d", ttl, h.Sent)
				}
			}
			if text[2:] != tt.want {
				t.Errorf("%s, want %s", text[2:], tt.want)
			}
			if w.doubts.held != 0 {
				t.Errorf("%d answers are held", w.doubts.held)
			}
		})
	}
}
