package multipath

import (
	"sync"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

func key(last byte) knownKey {
	return knownKey{near: probe.Addr4From([4]byte{10, 0, 0, 1}), far: probe.Addr4From([4]byte{10, 0, 0, last}), ttl: 3}
}

func TestKnown(t *testing.T) {
	type report struct {
		width       int
		set, prefix uint32
	}
	tests := []struct {
		name    string
		reports []report
		width   int // 0: does not count
	}{
		{"nothing", nil, 0},
		{"one prefix", []report{{1, 7, 1}, {1, 7, 1}}, 0},
		{"two prefixes", []report{{1, 7, 1}, {1, 7, 2}}, 1},
		{"more branches replace fewer", []report{{1, 7, 1}, {1, 7, 2}, {2, 9, 3}, {2, 9, 4}}, 2},
		{"fewer do not replace more", []report{{2, 9, 3}, {2, 9, 4}, {1, 7, 1}, {1, 7, 2}}, 2},
		{"a single liar cannot add a branch", []report{{1, 7, 1}, {1, 7, 2}, {3, 66, 9}, {3, 66, 9}}, 0},
		{"and what is true comes back", []report{{1, 7, 1}, {3, 66, 9}, {1, 7, 1}, {1, 7, 2}}, 1},
		{"two liars of one prefix", []report{{4, 66, 9}, {4, 66, 9}, {4, 66, 9}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := NewKnown(0)
			for _, r := range tt.reports {
				k.report(key(9), finding{width: r.width, set: r.set, prefix: r.prefix})
			}
			if e := k.get(key(9)); e.isShown() != (tt.width > 0) || e.isShown() && int(e.width) != tt.width {
				t.Errorf("%+v; want width %d", e, tt.width)
			}
			if e := k.get(key(8)); e.isShown() {
				t.Error("knows a node that nothing was reported of")
			}
		})
	}
}

// TestKnownDoubt counts no entry with fewer branches than a search has seen, until searches have finished
// as many.
func TestKnownDoubt(t *testing.T) {
	k := NewKnown(1 << 16)
	counts := func(want int) {
		t.Helper()
		if e := k.get(key(9)); e.isShown() != (want > 0) || e.isShown() && int(e.width) != want {
			t.Errorf("%+v; want width %d", e, want)
		}
	}
	k.report(key(9), finding{width: 1, set: 7, prefix: 1})
	k.report(key(9), finding{width: 1, set: 7, prefix: 2})
	counts(1)
	k.doubt(key(9), 1) // no contradiction
	counts(1)
	k.doubt(key(9), 2)
	counts(0)
	k.report(key(9), finding{width: 1, set: 7, prefix: 3})
	k.report(key(9), finding{width: 1, set: 7, prefix: 4})
	counts(0)
	k.report(key(9), finding{width: 2, set: 9, prefix: 3})
	k.report(key(9), finding{width: 2, set: 9, prefix: 4})
	counts(2)
	k.doubt(key(8), 2) // before any report
	k.report(key(8), finding{width: 1, set: 7, prefix: 1})
	k.report(key(8), finding{width: 1, set: 7, prefix: 2})
	if e := k.get(key(8)); e.isShown() {
		t.Errorf("%+v; want the doubt", e)
	}
	k.warn(key(9))
	k.doubt(key(9), 3)
	if e := k.get(key(9)); !e.isUnsteady() {
		t.Errorf("%+v; want the warning", e)
	}
}

// TestKnownIsFull fills a small table from several goroutines.
func TestKnownIsFull(t *testing.T) {
	k := NewKnown(1 << 16)
	var wg sync.WaitGroup
	for g := range uint32(4) {
		wg.Go(func() {
			for i := range 20_000 {
				n := key(byte(i))
				n.near[12] = byte(i >> 8)
				k.report(n, finding{width: 1, set: 1, prefix: g})
				k.get(n)
			}
		})
	}
	wg.Wait()
}

// TestSearchBorrows searches many targets behind the same routers, with and without borrowing.
// With it nothing is false, nearly as much is found, and fewer probes are sent.
func TestSearchBorrows(t *testing.T) {
	const targets = 300
	network := func(i uint64) *network {
		n := newNetwork(5)
		at := n.diamond(n.chain(n.diamond(n.chain(0, 3), 1, 1), 2), 2, 2, 2)
		n.done(n.chain(at, 3))
		n.rand.Uint64()
		for r := range n.routers {
			if n.routers[r].end {
				n.routers[r].addr = probe.Addr4From([4]byte{192, byte(i >> 8), byte(i), 1})
			}
		}
		return n
	}
	var probes, nodes, links [2]int
	all, allLinks, borrowed := 0, 0, 0
	for pass := range 2 {
		cfg := testConfig()
		if pass == 1 {
			cfg.Known, cfg.Borrow = NewKnown(1<<20), true
		}
		tr := newTrial(t, cfg)
		for i := range uint64(targets) {
			n := network(i)
			want := n.truth()
			tr.run(t, n, 10)
			f, notes := tr.judge(want)
			if len(notes) > 0 {
				t.Fatalf("false: %q", notes)
			}
			probes[pass] += tr.search.Probes()
			nodes[pass] += f.nodes
			links[pass] += f.links
			if pass == 0 {
				all += len(want.nodes)
				allLinks += len(want.links)
			}
			for _, b := range tr.out.Balancers {
				switch {
				case b.State != record.BalancerComplete, b.Borrowed && pass == 0:
					t.Errorf("%+v", b)
				case b.Borrowed:
					borrowed++
				}
			}
		}
	}
	t.Logf("probes %v a target, nodes %v of %d, links %v of %d, %d borrowed balancers",
		[2]int{probes[0] / targets, probes[1] / targets}, nodes, all, links, allLinks, borrowed)
	if probes[1]*10 > probes[0]*7 {
		t.Errorf("borrowing takes %d probes instead of %d", probes[1], probes[0])
	}
	if nodes[1]*100 < all*99 || links[1]*100 < allLinks*98 || borrowed < targets {
		t.Errorf("nodes %d of %d, links %d of %d, %d borrowed", nodes[1], all, links[1], allLinks, borrowed)
	}
}

// TestSearchBorrowsSilence asks one flow at a silent router, if other targets have shown that all paths meet at
// the next router. Where several follow, it asks two as without borrowing.
func TestSearchBorrowsSilence(t *testing.T) {
	for _, branches := range []int{1, 3} {
		cfg := testConfig()
		cfg.Attempts, cfg.Known, cfg.Borrow = 1, NewKnown(1<<20), true
		tr := newTrial(t, cfg)
		var asked [2]int // at the silent router, by the first target and by a later one
		behind(t, tr, 50, func(_ int, n *network) {
			n.done(n.chain(n.diamond(n.chain(0, 4), even(branches, 1)...), 2))
			n.routers[3].silent = true
		}, func(i int) {
			first, repeats := tr.asked(4)
			asked[min(i, 1)] = first + repeats
		})
		want := [2]int{starFlows, 1}
		if branches > 1 {
			want[1] = starFlows
		}
		if asked != want {
			t.Errorf("%d branches: %d flows, want %d", branches, asked, want)
		}
	}
}

// TestSearchLendsNoSilence lends no branches of a router one of whose branches does not answer.
// Otherwise later targets would take the other one for the only one.
func TestSearchLendsNoSilence(t *testing.T) {
	cfg := testConfig()
	cfg.Attempts, cfg.Known, cfg.Borrow = 1, NewKnown(1<<20), true
	tr := newTrial(t, cfg)
	var key knownKey
	behind(t, tr, 200, func(_ int, n *network) {
		veiled["a silent branch"](n)
		n.routers[3].packet = true
		key = knownKey{near: n.routers[3].addr, far: n.routers[6].addr, ttl: 5}
	}, func(i int) {
		for _, node := range tr.out.Nodes {
			if node.TTL == 5 && node.Borrowed {
				t.Fatalf("target %d: %+v", i, node)
			}
		}
		if e := cfg.Known.get(key); e.isShown() {
			t.Fatalf("target %d: the branch is lent", i)
		}
	})
}

// TestKnownWarn keeps a warning, which other targets report before or after.
func TestKnownWarn(t *testing.T) {
	for _, name := range []string{"first", "last"} {
		k, key := NewKnown(1<<16), knownKey{near: ip(1), far: ip(2), ttl: 3}
		if name == "first" {
			k.warn(key)
		}
		k.report(key, finding{width: 1, set: 7, prefix: 1})
		k.report(key, finding{width: 1, set: 7, prefix: 2})
		if name == "last" {
			k.warn(key)
		}
		if e := k.get(key); !e.isUnsteady() {
			t.Errorf("%s: %+v; want a warning", name, e)
		}
	}
}
