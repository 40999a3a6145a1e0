package window

import (
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// Every base flow is in exactly one extent, in order.
func TestExtents(t *testing.T) {
	next := uint16(0)
	for extent := range extents {
		if firstFlow(extent) != next {
			t.Fatalf("extent %d begins with flow %d, want %d", extent, firstFlow(extent), next)
		}
		for i := range int(unitsOf(extent)) * unit {
			if e, k := extentOf(next); e != extent || k != i {
				t.Fatalf("flow %d is number %d of extent %d, want %d of %d", next, k, e, i, extent)
			}
			next++
		}
	}
	if next != probe.BaseFlows {
		t.Errorf("the extents have %d flows, want %d", next, probe.BaseFlows)
	}
}

// treeKey names a cell.
type treeKey struct {
	row, attempt int
	flow         uint16
}

func randKey(r *rand.Rand, rows, lanes int) treeKey {
	k := treeKey{r.IntN(rows), r.IntN(lanes), uint16(r.IntN(12))}
	switch r.IntN(6) {
	case 0:
		k.flow = uint16(r.IntN(probe.BaseFlows))
	case 1:
		k.flow = uint16(r.IntN(probe.Flows))
	}
	return k
}

// A tree is compared with a map. Cells differ, stay where they are, and run out only when there
// are too few.
func TestTreeModel(t *testing.T) {
	const rows, lanes, cells = 40, 4, 6000
	r := rand.New(rand.NewPCG(1, 2))
	tree := newTree(rows, lanes, cells)
	for round := range 20 {
		want, owner, full := map[treeKey]int{}, map[int]treeKey{}, false
		for range 3000 {
			k := randKey(r, rows, lanes)
			before, known := want[k]
			if got := tree.find(k.row, k.attempt, k.flow); known && got != before {
				t.Fatalf("round %d: %+v is in cell %d, want %d", round, k, got, before)
			}
			cell := tree.place(k.row, k.attempt, k.flow)
			switch {
			case cell < 0:
				full = true
				if known {
					t.Fatalf("%+v lost its cell %d", k, before)
				}
				continue
			case known && cell != before:
				t.Fatalf("%+v moved from cell %d to %d", k, before, cell)
			}
			if o, taken := owner[cell]; taken && o != k || cell >= cells || cell >= tree.cellsUsed() {
				t.Fatalf("cell %d of %d is that of %+v and %+v", cell, tree.cellsUsed(), o, k)
			}
			want[k], owner[cell] = cell, k
		}
		if !full || tree.cellsUsed() < cells/2 {
			t.Fatalf("round %d: full %t with %d cells", round, full, tree.cellsUsed())
		}
		checkRuns(t, tree, rows, lanes, want)
		tree.reset(rows)
		for k := range want {
			if cell := tree.find(k.row, k.attempt, k.flow); cell >= 0 {
				t.Fatalf("%+v is in cell %d after reset", k, cell)
			}
		}
	}
}

// checkRuns holds that runs yields every cell in use, in the order of flows, and none twice.
func checkRuns(t *testing.T, tree *tree, rows, lanes int, want map[treeKey]int) {
	t.Helper()
	total, found := 0, 0
	for row := range rows {
		for attempt := range lanes {
			last := -1
			for run := range tree.runs(row, attempt) {
				for i := range run.n {
					k := treeKey{row, attempt, run.flow + uint16(i)}
					if int(k.flow) <= last || tree.find(row, attempt, k.flow) != run.cell+i {
						t.Fatalf("%+v comes after flow %d, with cell %d", k, last, run.cell+i)
					}
					if _, ok := want[k]; ok {
						found++
					}
					last = int(k.flow)
					total++
				}
			}
		}
	}
	if found != len(want) || total != tree.cellsUsed() {
		t.Fatalf("runs have %d of %d cells, and %d of %d in all", found, len(want), total, tree.cellsUsed())
	}
}

// If there is no room for one extent, smaller ones are still found.
func TestPool(t *testing.T) {
	p := pool{most: 10}
	for _, tt := range []struct{ n, keep, want uint32 }{{4, 0, 1}, {8, 0, 0}, {4, 3, 0}, {4, 2, 5}, {1, 2, 0}, {1, 1, 9}, {2, 0, 0}, {1, 0, 10}, {1, 0, 0}} {
		if got := p.take(tt.n, tt.keep); got != tt.want {
			t.Errorf("%d units, %d to keep: %d, want %d", tt.n, tt.keep, got, tt.want)
		}
	}
}
