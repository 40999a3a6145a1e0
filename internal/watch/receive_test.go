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
