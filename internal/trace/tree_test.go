package trace

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// at returns router n at a TTL.
func at(ttl uint8, n byte) record.Interface {
	return record.Interface{TTL: ttl, Addr: probe.Addr4From([4]byte{203, 0, ttl, n})}
}

func TestTree(t *testing.T) {
	type links [][2]record.Interface
	tests := []struct {
		name  string
		links links
		want  []record.Interface // before router 1 at TTL 6
	}{
		{name: "nothing"},
		{
			name:  "one way",
			links: links{{at(6, 1), at(5, 1)}, {at(5, 1), at(4, 1)}, {at(4, 1), at(3, 1)}},
			want:  []record.Interface{at(5, 1), at(4, 1), at(3, 1)},
		},
		{
			name:  "a silent router",
			links: links{{at(6, 1), at(4, 1)}, {at(4, 1), at(3, 1)}},
			want:  []record.Interface{at(4, 1), at(3, 1)},
		},
		{
			name:  "that answered once",
			links: links{{at(6, 1), at(4, 1)}, {at(6, 1), at(5, 1)}, {at(6, 1), at(4, 1)}, {at(5, 1), at(4, 1)}},
			want:  []record.Interface{at(5, 1), at(4, 1)},
		},
		{
			name: "a balancer with two branches of two",
			links: links{{at(6, 1), at(5, 1)}, {at(6, 1), at(5, 2)}, {at(5, 1), at(4, 1)}, {at(5, 2), at(4, 2)},
				{at(4, 1), at(3, 1)}, {at(4, 2), at(3, 1)}, {at(3, 1), at(2, 1)}},
			want: []record.Interface{at(3, 1), at(2, 1)},
		},
		{
			name: "one with a silent branch",
			links: links{{at(6, 1), at(5, 1)}, {at(6, 1), at(5, 2)}, {at(5, 1), at(4, 1)}, {at(5, 2), at(3, 1)},
				{at(4, 1), at(3, 1)}},
			want: []record.Interface{at(3, 1)},
		},
		{
			name: "a branch without a known end",
			links: links{{at(6, 1), at(5, 1)}, {at(6, 1), at(5, 2)}, {at(5, 1), at(4, 1)}, {at(4, 1), at(3, 1)},
				{at(3, 1), at(2, 1)}},
		},
		{
			name: "five branches, of which two are remembered",
			links: links{{at(6, 1), at(5, 1)}, {at(6, 1), at(5, 2)}, {at(6, 1), at(5, 3)}, {at(6, 1), at(5, 4)},
				{at(6, 1), at(5, 5)}, {at(5, 1), at(4, 1)}, {at(5, 5), at(4, 1)}},
			want: []record.Interface{at(4, 1)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree := NewTree(64)
			for _, l := range tt.links {
				tree.Link(l[0], l[1])
			}
			var got []record.Interface
			tree.Before(at(6, 1), func(k record.Interface) { got = append(got, k) })
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// A tree that is too small forgets, but returns nothing false: the hops that it returns for a path
// are on that path.
func TestTreeBounded(t *testing.T) {
	tree, rng := NewTree(100), rand.New(rand.NewPCG(1, 1))
	known := 0
	for range 20_000 {
		n := byte(rng.IntN(250))
		for ttl := uint8(2); ttl <= 9; ttl++ {
			tree.Link(at(ttl, n), at(ttl-1, n))
		}
		tree.Before(at(9, byte(rng.IntN(250))), func(k record.Interface) {
			known++
		})
		ttl := uint8(9)
		tree.Before(at(9, n), func(k record.Interface) {
			if ttl--; k != at(ttl, n) {
				t.Fatalf("%v before router %d at TTL %d", k, n, ttl+1)
			}
		})
	}
	if len(tree.nodes) != 128 || unsafe.Sizeof(node{}) != NodeOctets || known == 0 {
		t.Errorf("%d nodes of %d octets, %d known", len(tree.nodes), unsafe.Sizeof(node{}), known)
	}
}

// The repetition of a routing loop is not learned. If the path up to the loop was not seen, nothing
// of the loop is learned.
func TestLearnLoops(t *testing.T) {
	const unasked = 0xff
	router := func(ttl uint8, n byte) record.Interface {
		return record.Interface{TTL: ttl, Addr: probe.Addr4From([4]byte{203, 0, 113, n})}
	}
	tests := []struct {
		name   string
		path   []byte // routers from TTL 1 on, 0 is silent
		at     record.Interface
		before []byte // routers before at, by descending TTL
	}{
		{"no loop", []byte{1, 2, 3, 4}, router(4, 4), []byte{3, 2, 1}},
		{"the way in", []byte{1, 2, 3, 4, 3, 4}, router(3, 3), []byte{2, 1}},
		{"the first round", []byte{1, 2, 3, 4, 3, 4}, router(4, 4), []byte{3, 2, 1}},
		{"the second round", []byte{1, 2, 3, 4, 3, 4}, router(5, 3), nil},
		{"beyond a loop", []byte{1, 2, 3, 4, 3, 5, 6}, router(6, 5), nil},
		{"farther beyond it", []byte{1, 2, 3, 4, 3, 5, 6}, router(7, 6), []byte{5}},
		{"the way in unseen", []byte{1, 2, unasked, 3, 4, 3, 4}, router(5, 4), nil},
		{"silence on the way in", []byte{1, 2, 0, 3, 4, 3, 4}, router(5, 4), []byte{3, 2, 1}},
		{"a loop with a silent router", []byte{1, 2, 3, 0, 3, 0, 3}, router(5, 3), nil},
		{"twice in a row", []byte{1, 2, 2, 3}, router(4, 3), []byte{2, 2, 1}},
		{"twice in a row, then a loop", []byte{1, 2, 2, 3, 2}, router(5, 2), nil},
	}
	for _, tt := range tests {
		target := probe.Addr4From([4]byte{198, 51, 100, 9})
		b := newBench(t, window.Shape{Targets: 1, FirstTTL: 1, LastTTL: 8, Flows: 1, Attempts: 1}, target)
		for i, n := range tt.path {
			slot := slotOf(0, 0, uint8(i+1), 0)
			if n == unasked {
				continue
			}
			b.Stamp(slot, 1000)
			if n != 0 {
				b.answer(slot, probe.KindTTLExceeded, router(0, n).Addr, 10, nil)
			}
		}
		a := newTestAssembler()
		a.cfg.Tree = NewTree(64)
		a.learn(b.Window)
		var got []byte
		a.cfg.Tree.Before(tt.at, func(k record.Interface) { got = append(got, k.Addr[len(k.Addr)-1]) })
		if !slices.Equal(got, tt.before) {
			t.Errorf("%s: before TTL %d %v, want %v", tt.name, tt.at.TTL, got, tt.before)
		}
	}
}

func TestTreeAllocs(t *testing.T) {
	tree := NewTree(1024)
	known := uint8(0)
	if n := testing.AllocsPerRun(100, func() {
		for ttl := uint8(2); ttl < 20; ttl++ {
			tree.Link(at(ttl, 1), at(ttl-1, 1))
		}
		tree.Before(at(19, 1), func(k record.Interface) { known = k.TTL })
	}); n != 0 || known != 1 {
		t.Errorf("%v allocations, known down to TTL %d", n, known)
	}
}

func BenchmarkTreeLink(b *testing.B) {
	tree := NewTree(1 << 16)
	b.ReportAllocs()
	for i := uint32(0); b.Loop(); i++ {
		tree.Link(at(uint8(i%30+2), byte(i)), at(uint8(i%30+1), byte(i)))
	}
}

// A trace that was followed back to a known interface gets the hops of other traces. A trace that
// went on below that interface does not.
func TestStitch(t *testing.T) {
	targets := []probe.Addr{probe.Addr4From([4]byte{198, 51, 100, 9}), probe.Addr4From([4]byte{198, 51, 101, 9})}
	b := newBench(t, window.Shape{Targets: 2, FirstTTL: 1, LastTTL: 8, Flows: 1, Attempts: 1}, targets...)
	known := window.NewStopSet(64)
	for ttl := uint8(1); ttl <= 8; ttl++ { // for targets of other prefixes
		known.Add(ttl, at(ttl, 1).Addr, probe.Addr4From([4]byte{198, 51, 102, 9}), false)
		known.Add(ttl, at(ttl, 1).Addr, probe.Addr4From([4]byte{198, 51, 103, 9}), false)
	}
	send := func(target uint32, ttl uint8, router byte) {
		slot := slotOf(target, 0, ttl, 0)
		b.Stamp(slot, 1000+int64(8-ttl))
		if router == 0 {
			return
		}
		r := probe.Reply{Facts: probe.Facts{
			Probe: probe.Probe{Target: targets[target], TTL: ttl}, Kind: probe.KindTTLExceeded,
			Responder: at(ttl, router).Addr, Valid: probe.Strong, Stamp: 2000,
		}}
		b.Answer(slot, &r)
		b.Learn(target, &r.Facts, known)
	}
	for ttl := uint8(8); ttl >= 1; ttl-- {
		router := byte(1)
		if ttl == 3 {
			router = 0 // silent
		}
		send(1, ttl, router)
	}
	send(0, 8, 2)
	send(0, 7, 2)
	send(0, 6, 1)
	a := newTestAssembler()
	a.cfg.GapLimit, a.cfg.Backward, a.cfg.Tree = 3, true, NewTree(64)
	list := traces(t, a, b)
	if want := []record.Interface{at(1, 1), at(2, 1), at(4, 1), at(5, 1)}; !slices.Equal(list[0].Inferred, want) || list[0].Met != at(6, 1) {
		t.Errorf("from %v: %v, want %v", list[0].Met, list[0].Inferred, want)
	}
	if len(list[0].Hops) != 3 || len(list[1].Inferred) > 0 || len(list[1].Hops) != 7 {
		t.Errorf("hops %d and %d, inferred %v", len(list[0].Hops), len(list[1].Hops), list[1].Inferred)
	}
	plain := newTestAssembler()
	plain.cfg.GapLimit, plain.cfg.Backward = 3, true
	if other := traces(t, plain, b); other[0].PathHash != list[0].PathHash || tallyOf(plain) != tallyOf(a) || len(other[0].Inferred) > 0 {
		t.Errorf("inferred hops are counted: %+v, %+v", tallyOf(a), tallyOf(plain))
	}
	if tallyOf(a).Known != 5 || tallyOf(a).Limited != 0 {
		t.Errorf("skipped %+v, want 5 as known", tallyOf(a))
	}
	send(0, 4, 0)
	farther := newTestAssembler()
	farther.cfg = a.cfg
	if list := traces(t, farther, b); list[0].Met.TTL != 0 || len(list[0].Inferred) > 0 || tallyOf(farther).Known != 0 || tallyOf(farther).Limited != 4 {
		t.Errorf("known from %v, inferred %v, %+v, want none, and 4 given up", list[0].Met, list[0].Inferred, tallyOf(farther))
	}
}
