package trace

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// flowTable is a FlowOf: the value is 1000 + the index.
type flowTable struct{}

func (flowTable) Flow(_ probe.Addr, index uint16) probe.Flow { return probe.Flow{Value: 1000 + index} }

var (
	source4 = probe.Addr4From([4]byte{192, 0, 2, 1})
	source6 = probe.Addr{0: 0x20, 1: 1, 15: 1}
	target6 = probe.Addr{0: 0x20, 1: 2, 15: 9}
)

func newTestAssembler() *Assembler {
	return NewAssembler(AssemblerConfig{
		Method: probe.UDP, Source4: source4, Source6: source6, Size4: 44, Size6: 64,
		DstPort: 33434, TOS: 8, Wait: time.Second, Flows: flowTable{},
	})
}

// bench is a window that a test fills.
type bench struct {
	testing.TB
	*window.Window
}

func newBench(t testing.TB, s window.Shape, targets ...probe.Addr) bench {
	w := window.New(s)
	w.Open(0)
	for _, a := range targets {
		w.Append(a)
	}
	return bench{t, w}
}

func slotOf(target uint32, flow uint16, ttl, attempt uint8) window.Slot {
	return window.Slot{Target: target, Flow: flow, TTL: ttl, Attempt: attempt}
}

// answer gives slot a reply of that kind from an address, rtt ns after the probe.
func (b bench) answer(s window.Slot, kind probe.Kind, from probe.Addr, rtt int64, ext []byte) window.Role {
	b.Helper()
	r := probe.Reply{Facts: probe.Facts{
		Probe: probe.Probe{Target: b.Target(int(s.Target)), Flow: s.Flow, TTL: s.TTL, Attempt: s.Attempt},
		Kind:  kind, Responder: from, Valid: probe.Strong, Stamp: b.Sent(s) + rtt,
	}, Ext: ext}
	out := b.Answer(s, &r)
	if out.Unsent || out.Overflow {
		b.Fatalf("%+v: %+v", s, out)
	}
	if out.Role == window.First {
		b.Learn(s.Target, &r.Facts, nil)
	}
	return out.Role
}

// traces returns copies of the traces of b.
func traces(t *testing.T, a *Assembler, b bench) (list []record.Trace) {
	t.Helper()
	err := a.Records(b.Window, func(rec record.Record) error {
		tr := rec.(*record.Trace)
		c := *tr
		c.Hops, c.Silent = append([]record.Hop(nil), tr.Hops...), append([]record.TTLAttempt(nil), tr.Silent...)
		c.Inferred = append([]record.Interface(nil), tr.Inferred...)
		list = append(list, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAssemble(t *testing.T) {
	ext := []byte{0x20, 0, 0, 0, 0, 4, 1, 1}
	b := newBench(t, window.Shape{
		Targets: 4, FirstTTL: 2, LastTTL: 6, Flows: 2, Attempts: 2, Unlinked: 3, ExtensionOctets: 100,
	}, target, target6, other)
	for ttl := uint8(2); ttl <= 5; ttl++ { // 6 is above the end
		b.Stamp(slotOf(0, 1, ttl, 0), 1000+10*int64(ttl))
	}
	b.answer(slotOf(0, 1, 2, 0), probe.KindTTLExceeded, router(2), 7, ext)
	// The clock runs backwards.
	b.answer(slotOf(0, 1, 4, 0), probe.KindEchoReply, target, -3, nil)
	if role := b.answer(slotOf(0, 1, 2, 0), probe.KindTTLExceeded, router(9), 8, nil); role != window.Duplicate {
		t.Fatal(role)
	}
	b.Stamp(slotOf(0, 1, 3, 1), 900) // an earlier stamp, so that it becomes the start
	b.answer(slotOf(0, 1, 3, 1), probe.KindTTLExceeded, router(3), 9, nil)
	b.Stamp(slotOf(1, 0, 2, 0), 5000)
	b.Close(1<<60, false)

	a := newTestAssembler()
	list := traces(t, a, b)
	if len(list) != 2 { // the third target was not probed, and has no trace
		t.Fatalf("%d traces", len(list))
	}
	got := list[0]
	wantHead := record.Head{
		Target: target, Source: source4, Method: probe.UDP, FlowIndex: 1, Flow: probe.Flow{Value: 1001},
		DstPort: 33434, TOS: 8, ProbeSize: 44,
	}
	if got.Head != wantHead {
		t.Errorf("head %+v", got.Head)
	}
	if got.FirstTTL != 2 || got.MaxTTL != 6 || got.Attempts != 2 || got.Wait != time.Second || got.Start != 900 ||
		got.ProbeCount != 5 || got.Answered != 3 || got.Halted || got.Touched != true ||
		got.StopReason != record.StopCompleted || got.End != 4 {
		t.Errorf("%+v", got)
	}
	type hop struct {
		ttl, attempt uint8
		from         probe.Addr
		sent, rtt    int64
	}
	var gotHops []hop
	for _, h := range got.Hops {
		gotHops = append(gotHops, hop{h.TTL, h.Attempt, h.Responder, h.Sent, h.RTT})
	}
	wantHops := []hop{{2, 0, router(2), 1020, 7}, {3, 1, router(3), 900, 9}, {4, 0, target, 1040, 0}}
	if !reflect.DeepEqual(gotHops, wantHops) {
		t.Errorf("hops %+v, want %+v", gotHops, wantHops)
	}
	if !bytes.Equal(got.Hops[0].Ext, ext) || got.Hops[1].Ext != nil {
		t.Errorf("extensions %x, %x", got.Hops[0].Ext, got.Hops[1].Ext)
	}
	if want := []record.TTLAttempt{{TTL: 3, Attempt: 0}, {TTL: 5, Attempt: 0}}; !reflect.DeepEqual(got.Silent, want) {
		t.Errorf("silent %v, want %v", got.Silent, want)
	}
	if v6 := list[1]; v6.Source != source6 || v6.ProbeSize != 64 || v6.Target != target6 || v6.Touched || v6.Start != 5000 {
		t.Errorf("%+v", v6)
	}
	// 3 targets, 2 flows, 5 TTLs.
	if want := (tally{Sent: 6, Answered: 3, Silent: 3, FirstSent: 5, Reached: 21, Limited: 4}); tallyOf(a) != want {
		t.Errorf("tally %+v, want %+v", tallyOf(a), want)
	}
}

// The accounts of one slot with two attempts: in a halted window or not, and above the end of the
// target's path or not.
func TestTally(t *testing.T) {
	const sent, answered, failed, excluded, never = 100, 101, window.Failed, window.Excluded, 0
	for _, tt := range []struct {
		name          string
		first, second int64
		halted, above bool // above: beyond the end of the path
		want          tally
		wantHalted    bool
	}{
		{"silent twice", sent, sent, false, false, tally{Sent: 2, Silent: 2, FirstSent: 1}, false},
		{"silent twice, halted", sent, sent, true, false, tally{Sent: 2, Silent: 2, FirstSent: 1}, false},
		{"answered", answered, never, false, false, tally{Sent: 1, Answered: 1, FirstSent: 1}, false},
		{"answered, halted", answered, never, true, false, tally{Sent: 1, Answered: 1, FirstSent: 1}, false},
		{"answered at last", sent, answered, false, false, tally{Sent: 2, Answered: 1, Silent: 1, FirstSent: 1}, false},
		{"no second", sent, never, true, false, tally{Sent: 1, Silent: 1, FirstSent: 1}, true},
		{"no second, above", sent, never, true, true, tally{Sent: 1, Silent: 1, FirstSent: 1}, false},
		{"failed", failed, sent, false, false, tally{Sent: 1, Silent: 1, Failed: 1, FirstFail: 1}, false},
		{"failed, answered at last", failed, answered, false, false, tally{Sent: 1, Answered: 1, Failed: 1, FirstFail: 1}, false},
		{"failed twice", failed, failed, false, false, tally{Failed: 2, FirstFail: 1}, false},
		{"failed, halted", failed, never, true, false, tally{Failed: 1, FirstFail: 1}, true},
		{"excluded", excluded, never, false, false, tally{Excluded: 1}, false},
		{"excluded, halted", excluded, never, true, false, tally{Excluded: 1}, false},
		{"above", never, never, false, true, tally{Reached: 1}, false},
		{"above, halted", never, never, true, true, tally{Reached: 1}, false},
		{"interrupted", never, never, true, false, tally{Interrupted: 1}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, window.Shape{Targets: 1, FirstTTL: 5, LastTTL: 6, Flows: 1, Attempts: 2}, target)
			// The reply at TTL 5 makes a trace and its end. TTL 6 is the one under
			// test.
			b.Stamp(slotOf(0, 0, 5, 0), 50)
			kind := probe.KindTTLExceeded
			if tt.above {
				kind = probe.KindEchoReply
			}
			b.answer(slotOf(0, 0, 5, 0), kind, router(5), 1, nil)
			for attempt, ns := range []int64{tt.first, tt.second} {
				if ns != never {
					b.Stamp(slotOf(0, 0, 6, uint8(attempt)), ns)
				}
				if ns == answered {
					b.answer(slotOf(0, 0, 6, uint8(attempt)), probe.KindTTLExceeded, router(6), 1, nil)
				}
			}
			b.Close(1, tt.halted)
			a := newTestAssembler()
			list := traces(t, a, b)
			want := tt.want
			want.Sent, want.Answered, want.FirstSent = want.Sent+1, want.Answered+1, want.FirstSent+1
			if tallyOf(a) != want {
				t.Errorf("tally %+v, want %+v", tallyOf(a), want)
			}
			if sum := tallyOf(a).FirstSent + tallyOf(a).Reached + tallyOf(a).Excluded + tallyOf(a).Interrupted + tallyOf(a).FirstFail; sum != 2 {
				t.Errorf("first attempts add up to %d", sum)
			}
			if len(list) != 1 || list[0].Halted != tt.wantHalted {
				t.Errorf("%d traces, halted %t", len(list), list[0].Halted)
			}
		})
	}
}

// A probe that the sender gave up and that is answered counts as sent, as in the matcher. Its time
// and its RTT are not known.
func TestAssembleAnsweredFailure(t *testing.T) {
	b := newBench(t, window.Shape{Targets: 1, FirstTTL: 1, LastTTL: 1, Flows: 1, Attempts: 1}, target)
	s := slotOf(0, 0, 1, 0)
	b.Stamp(s, 100)
	b.answer(s, probe.KindTTLExceeded, router(1), 1, nil)
	b.Stamp(s, window.Failed)
	b.Close(1, false)
	a := newTestAssembler()
	list := traces(t, a, b)
	if want := (tally{Sent: 1, Answered: 1, FirstSent: 1}); tallyOf(a) != want {
		t.Errorf("tally %+v, want %+v", tallyOf(a), want)
	}
	if len(list) != 1 || list[0].Start != 0 || list[0].Hops[0].Sent != 0 || list[0].Hops[0].RTT != 0 {
		t.Errorf("%+v", list)
	}
}

func TestReplies(t *testing.T) {
	b := newBench(t, window.Shape{
		Targets: 2, FirstTTL: 1, LastTTL: 3, Flows: 1, Attempts: 2, Unlinked: 9, ExtensionOctets: 100,
	}, target, target6)
	one, two := slotOf(0, 0, 1, 0), slotOf(1, 0, 1, 0)
	b.Stamp(one, 100)
	b.Stamp(two, 200)
	b.answer(one, probe.KindTTLExceeded, router(1), 5, []byte{1, 2})
	b.answer(one, probe.KindTTLExceeded, router(1), 6, nil)
	b.answer(two, probe.KindTTLExceeded, router(1), 7, nil)
	b.answer(one, probe.KindTTLExceeded, router(1), 8, []byte{3})
	b.answer(two, probe.KindTTLExceeded, router(1), 9, nil)
	b.Keep(0, &probe.Reply{Facts: probe.Facts{Probe: probe.Probe{Target: target}, Kind: probe.KindUDPReply, Stamp: 300}}, window.Hopless)
	// A late reply of another window. This window does not have its target.
	late := probe.Reply{Facts: probe.Facts{Probe: probe.Probe{Target: other, TTL: 1}, Kind: probe.KindTTLExceeded, Stamp: 400}}
	b.Keep(0, &late, window.Late)
	b.Close(1, false)

	type line struct {
		target    probe.Addr
		sent, rtt int64
		dup       int
		late      bool
		ext       string
	}
	want := []line{
		{target, 100, 5, 0, false, "\x01\x02"},
		{target, 100, 6, 1, false, ""},
		{target6, 200, 7, 0, false, ""},
		{target, 100, 8, 2, false, "\x03"},
		{target6, 200, 9, 1, false, ""},
		{target, 0, 0, 0, false, ""},
		{other, 0, 0, 0, true, ""},
	}
	a := newTestAssembler()
	for range 2 { // a second call starts again
		var got []line
		err := a.Replies(b.Window, func(reply *record.Reply) error {
			head, h := &reply.Head, &reply.Hop
			if head.Target != h.Target || head.Source.Is4() != head.Target.Is4() {
				t.Errorf("head %+v of a reply to %v", head, h.Target)
			}
			got = append(got, line{head.Target, h.Sent, h.RTT, h.Dup, h.Late, string(h.Ext)})
			return nil
		})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Replies = %v\n%+v, want\n%+v", err, got, want)
		}
	}
}

// An error of yield ends the call and is returned unchanged.
func TestAssembleStops(t *testing.T) {
	b := newBench(t, window.Shape{Targets: 2, FirstTTL: 1, LastTTL: 1, Flows: 1, Attempts: 1}, target, other)
	for i := range uint32(2) {
		b.Stamp(slotOf(i, 0, 1, 0), 100)
		b.answer(slotOf(i, 0, 1, 0), probe.KindTTLExceeded, router(1), 5, nil)
	}
	full, n := errors.New("disk full"), 0
	a := newTestAssembler()
	if err := a.Records(b.Window, func(record.Record) error { n++; return full }); err != full || n != 1 {
		t.Errorf("Traces = %v after %d", err, n)
	}
	if err := a.Replies(b.Window, func(*record.Reply) error { n++; return full }); err != full || n != 2 {
		t.Errorf("Replies = %v after %d", err, n)
	}
}

// filled returns a window of n targets, each with 32 answered probes.
func filled(t testing.TB, n int) bench {
	targets := make([]probe.Addr, n)
	for i := range targets {
		targets[i] = probe.Addr4From([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	b := newBench(t, window.Shape{Targets: n, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1}, targets...)
	for _, k := range rand.New(rand.NewPCG(1, 1)).Perm(32 * n) { // answers come in any order
		slot := slotOf(uint32(k/32), 0, uint8(k%32+1), 0)
		b.Stamp(slot, 100)
		b.answer(slot, probe.KindTTLExceeded, router(int(slot.TTL)), 5, nil)
	}
	b.Close(1, false)
	return b
}

// The number of allocations depends on the routers of a window, not on its targets.
func TestAssembleAllocs(t *testing.T) {
	yield := func(record.Record) error { return nil }
	allocs := func(targets int) float64 {
		b, a := filled(t, targets), newTestAssembler()
		return testing.AllocsPerRun(20, func() { _ = a.Records(b.Window, yield) })
	}
	if few, many := allocs(10), allocs(200); many > few {
		t.Errorf("%v allocations for 200 targets, %v for 10", many, few)
	}
}

// BenchmarkAssemble assembles traces of 32 hops, in a window that fits the caches and in one that
// does not.
func BenchmarkAssemble(b *testing.B) {
	for _, bb := range []struct {
		name    string
		targets int
	}{{"100 targets", 100}, {"30k targets", 30_000}} {
		b.Run(bb.name, func(b *testing.B) {
			w, a := filled(b, bb.targets), newTestAssembler()
			yield := func(record.Record) error { return nil }
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%bb.targets == 0 {
					_ = a.Records(w.Window, yield)
				}
			}
		})
	}
}

// tally is the part of an account that these tests compare.
type tally struct {
	Sent, Answered, Silent, Failed, Doubted                                                  uint64
	FirstSent, Reached, Excluded, Interrupted, FirstFail, Unreachable, Loop, GapLimit, Known uint64
	Limited                                                                                  uint64
}

func tallyOf(a *Assembler) tally {
	n, skipped := &a.Account, &a.Account.Skipped
	return tally{
		Sent: n.Sent, Answered: n.Answered, Silent: n.Silent, Failed: n.TxErrors, Doubted: n.Rejected.Conflict,
		FirstSent: n.FirstSent, Reached: skipped.Reached, Excluded: skipped.Excluded, Interrupted: skipped.Interrupted,
		FirstFail: skipped.TxError, Unreachable: skipped.Unreachable, Loop: skipped.Loop, GapLimit: skipped.GapLimit,
		Known: skipped.Known, Limited: skipped.Limited,
	}
}
