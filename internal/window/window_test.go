package window

import (
	"bytes"
	"sync"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

var small = Shape{Targets: 3, FirstTTL: 2, LastTTL: 5, Flows: 2, Attempts: 2, Unlinked: 2, ExtensionOctets: 20}

// reply returns a reply that is identified by its size, with n octets of extension.
func reply(size uint32, n int) *probe.Reply {
	r := &probe.Reply{Facts: probe.Facts{ReplySize: size, Stamp: int64(size)}}
	if n > 0 {
		r.Ext = bytes.Repeat([]byte{byte(size)}, n)
	}
	return r
}

func TestAnswer(t *testing.T) {
	w := New(small)
	w.Open(7)
	if w.Position != 21 {
		t.Errorf("Position = %d, want 21", w.Position)
	}
	for i := range 3 {
		w.Append(probe.Addr4From([4]byte{198, 51, 100, byte(i)}))
	}
	a := Slot{Target: 1, Flow: 1, TTL: 5, Attempt: 1}
	b := Slot{Target: 2, Flow: 0, TTL: 2, Attempt: 0}
	failed := Slot{Target: 0, Flow: 0, TTL: 3, Attempt: 0}
	excluded := Slot{Target: 0, Flow: 0, TTL: 4, Attempt: 0}
	retried := Slot{Target: 0, Flow: 0, TTL: 5, Attempt: 0}
	w.Stamp(a, 100)
	w.Stamp(b, 101)
	w.Stamp(failed, 102)
	w.Stamp(failed, Failed)
	w.Stamp(excluded, Excluded)
	w.Stamp(retried, 103)
	w.Stamp(retried, 104)
	if w.Sent(retried) != 104 || w.Sent(failed) != Failed || w.Sent(Slot{Target: 2, TTL: 5, Flow: 1}) != 0 {
		t.Errorf("Sent = %d, %d", w.Sent(retried), w.Sent(failed))
	}
	for _, step := range []struct {
		name string
		slot Slot
		r    *probe.Reply
		want Outcome
	}{
		{"first", a, reply(1, 8), Outcome{Role: First}},
		{"its copy", a, reply(2, 0), Outcome{Role: Duplicate}},
		{"extension too long for the room", b, reply(3, 13), Outcome{Role: First, Overflow: true}},
		{"copy with the last of the room", b, reply(4, 12), Outcome{Role: Duplicate}},
		{"copy without an entry left", b, reply(5, 0), Outcome{Role: Duplicate, Overflow: true}},
		{"extension without room", retried, reply(6, 1), Outcome{Role: First, Overflow: true}},
		{"plane never used", Slot{Target: 1, Flow: 0, TTL: 5, Attempt: 1}, reply(7, 0), Outcome{Unsent: true}},
		{"never sent", Slot{Target: 1, Flow: 1, TTL: 4, Attempt: 1}, reply(7, 0), Outcome{Unsent: true}},
		{"failed", failed, reply(7, 0), Outcome{Unsent: true}},
		{"excluded", excluded, reply(7, 0), Outcome{Unsent: true}},
	} {
		if got := w.Answer(step.slot, step.r); got != step.want {
			t.Errorf("%s: %+v, want %+v", step.name, got, step.want)
		}
	}
	e := w.Reply(a)
	if e == nil || e.ReplySize != 1 || !bytes.Equal(w.Extension(e), bytes.Repeat([]byte{1}, 8)) || !w.Answered(a) {
		t.Errorf("Reply = %+v", e)
	}
	if e := w.Reply(b); e == nil || e.ReplySize != 3 || w.Extension(e) != nil || e.Target != 2 {
		t.Errorf("Reply = %+v", e)
	}
	if w.Reply(failed) != nil || w.Answered(failed) || w.Reply(Slot{Target: 1, TTL: 3, Attempt: 1}) != nil {
		t.Error("an answer from nowhere")
	}
	var sizes []uint32
	var roles []Role
	for e := range w.Entries {
		sizes, roles = append(sizes, e.ReplySize), append(roles, e.Role)
	}
	if want := []uint32{1, 2, 3, 4, 6}; !equal(sizes, want) {
		t.Errorf("Entries = %v, want %v", sizes, want)
	}
	if want := []Role{First, Duplicate, First, Duplicate, First}; !equal(roles, want) {
		t.Errorf("roles %v, want %v", roles, want)
	}
	w.Close(0, true)
	if w.Deadline() == 0 || !w.Halted() {
		t.Error("closed with deadline 0, which means open")
	}
	w.Reset()
	checkEmpty(t, w)
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func checkEmpty(t *testing.T, w *Window) {
	t.Helper()
	if w.Len() != 0 || w.Deadline() != 0 || w.Halted() {
		t.Errorf("after Reset: %d targets, deadline %d, halted %t", w.Len(), w.Deadline(), w.Halted())
	}
	for range w.Entries {
		t.Error("after Reset: an entry")
	}
	s := w.Shape()
	slot := Slot{}
	for ; int(slot.Target) < s.Targets; slot.Target++ {
		for slot.Flow = 0; int(slot.Flow) < s.Flows; slot.Flow++ {
			if w.Touched(slot.Target, slot.Flow) || w.State(slot.Target, slot.Flow) != 0 {
				t.Errorf("after Reset: target %d is known", slot.Target)
			}
			for slot.TTL = s.FirstTTL; slot.TTL <= s.LastTTL; slot.TTL++ {
				for slot.Attempt = 0; int(slot.Attempt) < s.Attempts; slot.Attempt++ {
					if w.Sent(slot) != 0 || w.Answered(slot) {
						t.Errorf("after Reset: %+v is used", slot)
					}
				}
			}
		}
	}
	if !w.Keep(0, reply(1, 20), Late) || !w.Keep(0, reply(1, 0), Late) || w.Keep(0, reply(1, 0), Late) {
		t.Error("after Reset: the room for unlinked entries has changed")
	}
}

// Each slot has words of its own.
func TestSlotsAreApart(t *testing.T) {
	w := New(small)
	for round := range 2 {
		n := int64(0)
		walk := func(f func(Slot, int64)) {
			n = 0
			for target := range uint32(small.Targets) {
				for flow := range uint16(small.Flows) {
					for ttl := small.FirstTTL; ttl <= small.LastTTL; ttl++ {
						for attempt := range uint8(small.Attempts) {
							n++
							f(Slot{Target: target, Flow: flow, TTL: ttl, Attempt: attempt}, n)
						}
					}
				}
			}
		}
		walk(func(s Slot, n int64) { w.Stamp(s, n) })
		walk(func(s Slot, n int64) { w.Answer(s, reply(uint32(n), 0)) })
		walk(func(s Slot, n int64) {
			if w.Sent(s) != n || w.Reply(s) == nil || w.Reply(s).ReplySize != uint32(n) {
				t.Errorf("round %d: %+v: stamp %d, want %d", round, s, w.Sent(s), n)
			}
		})
		w.Reset()
	}
}

// Touched reports a target to which only further attempts were sent.
func TestTouched(t *testing.T) {
	w := New(small)
	w.Stamp(Slot{Target: 1, TTL: 2}, Failed)
	if w.Touched(1, 0) {
		t.Error("touched by a probe that failed")
	}
	w.Stamp(Slot{Target: 1, TTL: 2, Attempt: 1}, 5)
	if !w.Touched(1, 0) || w.Touched(1, 1) || w.Touched(0, 0) {
		t.Error("not touched by a second attempt, or others are")
	}
}

// If no room is configured, no unlinked reply is stored, and none counts as lost.
func TestKeepNothing(t *testing.T) {
	s := small
	s.Unlinked = 0
	w := New(s)
	if !w.Keep(0, reply(1, 4), Duplicate) {
		t.Error("counted as lost")
	}
	for range w.Entries {
		t.Error("kept")
	}
}

// The arena holds an entry for every slot and every unlinked reply, across the boundaries of its
// chunks.
func TestArenaFull(t *testing.T) {
	s := Shape{Targets: 2 * chunk / 32, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1, Unlinked: 5}
	w := New(s)
	for i := range s.Unlinked + 1 {
		if kept := w.Keep(0, reply(9, 0), Late); kept != (i < s.Unlinked) {
			t.Errorf("unlinked reply %d: kept %t", i, kept)
		}
	}
	for target := range uint32(s.Targets) {
		for ttl := uint8(1); ttl <= 32; ttl++ {
			slot := Slot{Target: target, TTL: ttl}
			w.Stamp(slot, 1)
			if out := w.Answer(slot, reply(target*32+uint32(ttl), 0)); out != (Outcome{}) {
				t.Fatalf("%+v: %+v", slot, out)
			}
		}
	}
	if e := w.Reply(Slot{Target: uint32(s.Targets - 1), TTL: 32}); e.ReplySize != uint32(s.Targets*32) {
		t.Errorf("last entry is %+v", e)
	}
}

func TestSet(t *testing.T) {
	s := NewSet(small)
	var live []*Window
	for id := range uint64(Live) {
		w := New(small)
		w.Open(id + 2)
		s.Put(w)
		live = append(live, w)
	}
	for id := range uint64(Live + 6) {
		w := s.Get(id)
		if (w != nil) != (id >= 2 && id < 2+Live) || w != nil && w.ID != id {
			t.Errorf("Get(%d) = %v", id, w)
		}
		at, target := s.At(id*3 + 2)
		if at != w || at != nil && target != 2 {
			t.Errorf("At(%d) = %v, %d", id*3+2, at, target)
		}
	}
	n := 0
	for range s.All {
		n++
	}
	for range s.All {
		n++
		break
	}
	if n != Live+1 {
		t.Errorf("All gives %d", n)
	}
	s.Remove(live[1])
	if s.Get(3) != nil {
		t.Error("still there")
	}
	w := New(small)
	w.Open(3 + Live)
	s.Put(w)
	defer func() {
		if recover() == nil {
			t.Error("two windows in one place")
		}
	}()
	w = New(small)
	w.Open(4 + Live)
	s.Put(w)
}

func TestWindowAllocs(t *testing.T) {
	w := New(Shape{Targets: 1000, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1, ExtensionOctets: 1 << 20})
	r := reply(1, 12)
	i := uint32(0)
	w.Stamp(Slot{TTL: 1}, 1) // allocates the plane
	if n := testing.AllocsPerRun(20_000, func() {
		s := Slot{Target: i / 32 % 1000, TTL: 1 + uint8(i%32)}
		i++
		w.Stamp(s, 1)
		w.Answer(s, r)
		w.Answer(s, r)
	}); n != 0 { // an allocation of a chunk now and then is far below one per run
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStamp(b *testing.B) {
	w := New(Shape{Targets: 50_000, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1})
	for i := range uint32(50_000 * 32) {
		w.Stamp(Slot{Target: i / 32, TTL: 1 + uint8(i%32)}, 1)
	}
	b.ReportAllocs()
	for i := uint32(0); b.Loop(); i++ {
		x := i * 2654435761 // spread, as the schedule spreads them
		w.Stamp(Slot{Target: x % 50_000, TTL: 1 + uint8(x>>27)}, int64(i))
	}
}

// A shared window closes when its last part closes, at the latest deadline of all parts.
func TestShare(t *testing.T) {
	const parts = 8
	w := New(Shape{Targets: 1, FirstTTL: 1, LastTTL: 1, Flows: 1, Attempts: 1})
	for round := range 100 {
		w.Open(uint64(round))
		w.Share(parts)
		var all sync.WaitGroup
		for i := range parts {
			all.Go(func() {
				if w.Deadline() != 0 {
					t.Error("closed before the last part")
				}
				w.Close(int64(100+(i*5+round)%parts), i == round%(2*parts))
			})
		}
		all.Wait()
		if d := w.Deadline(); d != 100+parts-1 || w.Halted() != (round%(2*parts) < parts) {
			t.Fatalf("round %d: deadline %d, halted %t", round, d, w.Halted())
		}
		w.Reset()
	}
}

// Every (target, TTL) has a slot of its own. A diagonal holds one slot of each target, side by
// side.
func TestLanes(t *testing.T) {
	for _, s := range []Shape{
		{Targets: 1, FirstTTL: 1, LastTTL: 1}, {Targets: 7, FirstTTL: 3, LastTTL: 9}, {Targets: 1024, FirstTTL: 1, LastTTL: 63},
	} {
		s.Flows, s.Attempts = 1, 1
		w, seen := New(s), map[int]bool{}
		for diagonal := range s.TTLs() {
			for target := range uint32(s.Targets) {
				ttl := w.TTL(diagonal, target)
				i := w.index(Slot{Target: target, TTL: ttl})
				if i != diagonal*s.diagonalSlots()+int(target) || seen[i] || ttl < s.FirstTTL || ttl > s.LastTTL {
					t.Fatalf("%+v: diagonal %d, target %d: TTL %d at %d", s, diagonal, target, ttl, i)
				}
				seen[i] = true
			}
		}
	}
}
