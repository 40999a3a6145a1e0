package lease

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var begin = time.Unix(1e9, 0)

// Agents that work, stall, die and answer late drain the table. Every slice is done once, never by
// a lease that is older than the newest one at that time.
func TestTableModel(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		n := 1 + rng.IntN(60)
		table, now := New(n, 1), begin
		newest, done := map[uint32]uint64{}, map[uint32]bool{}
		type work struct {
			agent string
			Lease
		}
		var pending []work
		for step := 0; table.Left() > 0; step++ {
			if step > 100_000 {
				t.Fatalf("seed %d: %d slices never end", seed, table.Left())
			}
			now = now.Add(time.Duration(rng.Int64N(int64(Life / 4))))
			switch agent := fmt.Sprint("a", rng.IntN(5)); {
			case len(pending) == 0 || rng.IntN(3) == 0:
				l, ok := table.Grant(now, agent, nil)
				if !ok {
					continue
				}
				if done[l.Slice] {
					t.Fatalf("seed %d: slice %d was leased again", seed, l.Slice)
				}
				if l.Epoch <= newest[l.Slice] {
					t.Fatalf("seed %d: epochs do not rise", seed)
				}
				newest[l.Slice] = l.Epoch
				pending = append(pending, work{agent, l})
			default:
				at := rng.IntN(len(pending))
				w := pending[at]
				switch rng.IntN(6) {
				case 0: // the agent dies
				case 1:
					table.Release(w.agent, w.Lease)
				case 2:
					table.Renew(now, w.agent, w.Lease)
					continue
				default:
					err := table.Complete(now, w.agent, w.Lease)
					if err == nil && (done[w.Slice] || newest[w.Slice] != w.Epoch) {
						t.Fatalf("seed %d: took %v, newest %d, done %v", seed, w.Lease, newest[w.Slice], done[w.Slice])
					}
					if err != nil && !errors.Is(err, ErrDone) && !errors.Is(err, ErrStale) {
						t.Fatal(err)
					}
					done[w.Slice] = done[w.Slice] || err == nil
				}
				checkCounts(t, table)
				if rng.IntN(8) > 0 { // else the message comes again
					pending = append(pending[:at], pending[at+1:]...)
				}
			}
		}
		if len(done) != n {
			t.Errorf("seed %d: %d of %d slices", seed, len(done), n)
		}
	}
}

// checkCounts compares the counts of leases with the leases.
func checkCounts(t *testing.T, table *Table) {
	t.Helper()
	counts, holders := make([]int, len(table.names)), map[uint32]bool{}
	for n, h := range table.held {
		if h.by != table.slices[n].holder || h.by == 0 {
			t.Fatalf("slice %d is held by %d, and by %d", n, h.by, table.slices[n].holder)
		}
		counts[h.by]++
		holders[h.by] = true
	}
	if !slices.Equal(counts, table.counts) || len(holders) != table.Holders() {
		t.Fatalf("counts %v and %d holders, want %v and %d", table.counts, table.Holders(), counts, len(holders))
	}
}

// An agent that asks again and again, or claims leases of an earlier hub, does not get everything.
func TestTableBoundsLeases(t *testing.T) {
	table := New(100, 2)
	for n := range uint32(100) {
		table.Renew(begin, "greedy", Lease{n, 1 + uint64(n)})
		table.Grant(begin, "greedy", nil)
	}
	if n := table.Held("greedy"); n != MostHeld {
		t.Errorf("%d leases, want %d", n, MostHeld)
	}
	if _, ok := table.Grant(begin, "other", nil); !ok {
		t.Error("nothing is left for another agent")
	}
}

// An idle agent takes over the slice of an agent that is much slower than usual.
func TestTableTakesOverSlowSlices(t *testing.T) {
	table, now := New(3, 1), begin
	slow, _ := table.Grant(now, "slow", nil)
	for range 2 {
		l, _ := table.Grant(now, "fast", nil)
		now = now.Add(time.Second)
		if err := table.Complete(now, "fast", l); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := table.Grant(now, "fast", nil); ok {
		t.Fatal("took a slice over that is not late")
	}
	now = now.Add(time.Second)
	l, ok := table.Grant(now, "fast", nil)
	if !ok || l.Slice != slow.Slice {
		t.Fatalf("Grant = %v, %v; want slice %d", l, ok, slow.Slice)
	}
	if err := table.Complete(now, "slow", slow); !errors.Is(err, ErrStale) {
		t.Errorf("the late result: %v", err)
	}
	if table.Renew(now, "slow", slow) {
		t.Error("the slow agent renewed a lease that it lost")
	}
	if err := table.Complete(now, "fast", l); err != nil {
		t.Error(err)
	}
}

// A later hub takes results of an earlier hub's leases, once, and only without a newer lease.
func TestTableOfLaterHub(t *testing.T) {
	before := New(2, 1)
	first, _ := before.Grant(begin, "a", nil)
	second, _ := before.Grant(begin, "a", nil)
	table := New(2, 2)
	if err := table.Complete(begin, "a", first); err != nil {
		t.Errorf("a result of the earlier hub: %v", err)
	}
	if err := table.Complete(begin, "a", first); !errors.Is(err, ErrDone) {
		t.Errorf("the same again: %v", err)
	}
	newer, _ := table.Grant(begin, "b", nil)
	if newer.Slice != second.Slice {
		t.Fatalf("leased %v", newer)
	}
	if err := table.Complete(begin, "a", second); !errors.Is(err, ErrStale) {
		t.Errorf("an older result: %v", err)
	}
	if err := table.Complete(begin, "a", Lease{1, 99 << 32}); !errors.Is(err, ErrStale) {
		t.Errorf("an epoch of no hub: %v", err)
	}
	if err := table.Complete(begin, "a", Lease{7, 1}); !errors.Is(err, ErrRange) {
		t.Errorf("a slice of no job: %v", err)
	}
}

// An agent keeps its lease when the hub begins anew.
func TestTableAdopts(t *testing.T) {
	before := New(2, 1)
	old, _ := before.Grant(begin, "a", nil)
	table := New(2, 2)
	if !table.Renew(begin, "a", old) {
		t.Fatal("the lease of the earlier hub is not renewed")
	}
	if l, ok := table.Grant(begin, "b", nil); !ok || l.Slice == old.Slice {
		t.Errorf("Grant = %v, %v", l, ok)
	}
	if err := table.Complete(begin, "b", old); !errors.Is(err, ErrStale) {
		t.Errorf("the lease of another agent: %v", err)
	}
	if err := table.Complete(begin, "a", old); err != nil {
		t.Error(err)
	}
}

// A million slices are planned and leased in memory.
func BenchmarkTable(b *testing.B) {
	const n = 1e6
	for b.Loop() {
		table := New(n, 1)
		for range int(n) {
			l, _ := table.Grant(begin, "a", nil)
			if err := table.Complete(begin, "a", l); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/slice")
}
