package trace

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// The silence of a probe that was awaited while frames were dropped is not attributed to a router.
// The wait is exact to the nanosecond. A probe that was answered at that time counts as answered.
func TestUnderDrops(t *testing.T) {
	b := newBench(t, window.Shape{Targets: 2, FirstTTL: 1, LastTTL: 5, Flows: 1, Attempts: 2}, target, other)
	const drop = int64(10e9)
	wait := int64(time.Second)
	for i, sent := range []int64{drop - wait - 1, drop - wait, drop, drop + 5} {
		b.Stamp(slotOf(0, 0, uint8(1+i), 0), sent)
	}
	b.Stamp(slotOf(0, 0, 2, 1), drop+100)
	b.Stamp(slotOf(0, 0, 5, 0), drop-1)
	b.answer(slotOf(0, 0, 5, 0), probe.KindTTLExceeded, router(5), 9, nil)
	b.Stamp(slotOf(1, 0, 3, 0), window.Failed)
	b.Close(1<<60, false)
	a := newTestAssembler()
	faults := new(window.Faults)
	faults.Drops.Add(drop, drop+2)
	a.cfg.Faults = faults
	var under []uint8
	if err := a.Records(b.Window, func(rec record.Record) error {
		tr := rec.(*record.Trace)
		under = slices.Clone(tr.UnderDrops)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []uint8{2, 3}; !slices.Equal(under, want) {
		t.Errorf("under drops %v, want %v", under, want)
	}
	want := account.ByTTL{
		1: {Sent: 1, Silent: 1, SilentBy: account.SilentBy{Unknown: 1}},
		2: {Sent: 2, Silent: 2, SilentBy: account.SilentBy{Drops: 1, Unknown: 1}},
		3: {Sent: 1, Silent: 1, SilentBy: account.SilentBy{Drops: 1}, TxErrors: 1},
		4: {Sent: 1, Silent: 1, SilentBy: account.SilentBy{Unknown: 1}}, 5: {Sent: 1, Answered: 1},
	}
	if diff := cmp.Diff(want, a.Account.ByTTL); diff != "" {
		t.Error(diff)
	}
	if want := (account.SilentBy{Drops: 2, Unknown: 3}); a.Account.SilentBy != want {
		t.Errorf("silent by %+v, want %+v", a.Account.SilentBy, want)
	}
}

// Hops whose probe left in a stall, or whose reply came in a lag, are marked Lagged.
func TestLaggedHops(t *testing.T) {
	b := newBench(t, window.Shape{Targets: 1, FirstTTL: 1, LastTTL: 4, Flows: 1, Attempts: 1, Unlinked: 4}, target)
	for ttl := uint8(1); ttl <= 4; ttl++ {
		b.Stamp(slotOf(0, 0, ttl, 0), 1000*int64(ttl))
		b.answer(slotOf(0, 0, ttl, 0), probe.KindTTLExceeded, router(int(ttl)), 100, nil)
	}
	b.Close(1<<60, false)
	a := newTestAssembler()
	a.cfg.Faults = new(window.Faults)
	a.cfg.Faults.Stalls.Add(1990, 2050)
	a.cfg.Faults.Lags.Add(3050, 3100)
	check := func(h *record.Hop) {
		if want := h.TTL == 2 || h.TTL == 3; h.Lagged != want {
			t.Errorf("TTL %d: lagged %t", h.TTL, h.Lagged)
		}
	}
	hops := 0
	err := a.Records(b.Window, func(rec record.Record) error {
		tr := rec.(*record.Trace)
		for i := range tr.Hops {
			check(&tr.Hops[i])
			hops++
		}
		return nil
	})
	if err == nil {
		err = a.Replies(b.Window, func(r *record.Reply) error { check(&r.Hop); hops++; return nil })
	}
	if err != nil || hops != 8 {
		t.Errorf("%d hops, %v", hops, err)
	}
}
