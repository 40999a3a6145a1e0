package window

import (
	"iter"
	"math/bits"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/memory"
	"github.com/masstrace/masstrace/internal/probe"
)

// tree finds the cells of flows that are allocated where they are needed. A cell is a number: an
// index into an array of its user. A row holds the cells of one (target, TTL), or of one target.
// Lanes divide a row further, by attempt.
//
// The cells of a row and lane are in extents of consecutive numbers:
//
//	extent     0    1      2       3       4        5         6         7
//	flows   0–7  8–15  16–31   32–63  64–127  128–255   256–511  512–1023
//
// Each variation of flows (see probe.Variation) has eight such extents of its own. A word names an
// extent or a block of words: 1 + the number of its first unit, or 0 for none. Each row of a lane
// has a word for extent 0, and one for a block, if the row has further extents:
//
//	word of the block    0                     1 … 7
//	names                block of variations   extents 1 … 7
//
// So one load leads to a cell of the first eight flows, and two lead to one of the others. Three
// lead to a cell of a variation. The rest is arithmetic.
//
// The sender that owns a row allocates in it. It stores each word once, after it has reserved the
// extent or block that the word names. All goroutines load words. Words and cells that
// are not in use are zero.
type tree struct {
	rows  int
	lanes []atomic.Pointer[lane]
	words []atomic.Uint32 // of all blocks

	cells, blocks pool
}

// lane holds the rows of one attempt.
type lane []rowWords

// rowWords are the words of a row: for its extent 0, and its block.
type rowWords struct{ first, block atomic.Uint32 }

const (
	unit    = 8 // cells, or words, that are allocated together
	extents = 8

	// units of words of a block of variations
	variedUse = (int(probe.Variations) - 1) * extents / unit
)

// extentOf returns the extent of a base flow, and the number of the flow in it.
func extentOf(base uint16) (extent, i int) {
	extent = bits.Len16(base / unit)
	return extent, int(base - firstFlow(extent))
}

// firstFlow returns the first flow of an extent.
func firstFlow(extent int) uint16 {
	return uint16(1) << (extent + 2) &^ 7 // 0 for extent 0
}

// unitsOf returns how many units of cells an extent has.
func unitsOf(extent int) uint32 { return 1 << max(extent-1, 0) }

// pool counts units in use.
type pool struct {
	used atomic.Uint32
	most uint32
}

// take reserves n consecutive units, and returns 1 + the number of the first. It returns 0 if fewer than
// keep would be left. Any goroutine may call it.
func (p *pool) take(n, keep uint32) uint32 {
	for {
		used := p.used.Load()
		if n+keep > p.most-used {
			return 0
		}
		if p.used.CompareAndSwap(used, used+n) {
			return used + 1
		}
	}
}

// kept returns how many units are kept for repeats when an attempt takes some: a part of 1/keptParts.
// Without repeats, a balancer of packets cannot be told from one of flows, and its links would be false.
// So a full window refuses new flows first.
func (t *tree) kept(p *pool, attempt int) uint32 {
	if attempt >= firstRepeat || len(t.lanes) <= firstRepeat {
		return 0
	}
	return p.most / keptParts
}

const (
	// firstRepeat is the first attempt that repeats a probe that was answered. Only strategy
	// multipath has windows on demand, and such attempts.
	firstRepeat = 2
	keptParts   = 5
)

// newTree returns a tree without cells, with room for a number of them.
func newTree(rows, lanes, cells int) *tree {
	t := &tree{rows: rows, lanes: make([]atomic.Pointer[lane], lanes)}
	// A block leads to one extent at least. If it leads to few, and to variations, there may be
	// room for cells and none for blocks.
	t.cells.most, t.blocks.most = uint32(cells/unit), uint32(cells/unit)
	t.words = memory.Make[atomic.Uint32](int(t.blocks.most) * unit)
	return t
}

// The memory of a tree in octets: rowOctets for each row of a lane, and cellOctets for each cell
// besides the cell.
const (
	rowOctets  = 8
	cellOctets = 4
)

// find returns the cell of a flow, or -1 if it has none.
func (t *tree) find(row, attempt int, flow uint16) int {
	base, v := probe.SplitFlow(flow)
	extent, i := extentOf(base)
	word := t.extent(row, attempt, v, extent)
	if word == nil {
		return -1
	}
	if first := word.Load(); first != 0 {
		return int(first-1)*unit + i
	}
	return -1
}

// extent returns the word that names an extent, or nil if its block is missing.
func (t *tree) extent(row, attempt int, v probe.Variation, extent int) *atomic.Uint32 {
	l := t.lanes[attempt].Load()
	if l == nil {
		return nil
	}
	begin := &(*l)[row]
	if v == probe.Unvaried && extent == 0 {
		return &begin.first
	}
	block := begin.block.Load()
	if block == 0 {
		return nil
	}
	words := t.wordsOf(block)
	if v == probe.Unvaried {
		return &words[extent]
	}
	if block = words[0].Load(); block == 0 {
		return nil
	}
	return &t.wordsOf(block)[int(v-1)*extents+extent]
}

// wordsOf returns the words from those of a block on.
func (t *tree) wordsOf(block uint32) []atomic.Uint32 { return t.words[int(block-1)*unit:] }

// place returns the cell of a flow, and allocates it if necessary. It returns -1 if there is no
// room. Only the sender that owns the row calls it.
func (t *tree) place(row, attempt int, flow uint16) int {
	base, v := probe.SplitFlow(flow)
	extent, i := extentOf(base)
	word := t.extent(row, attempt, v, extent)
	if word == nil {
		if word = t.addBlock(row, attempt, v, extent); word == nil {
			return -1
		}
	}
	first := word.Load()
	if first == 0 {
		if first = t.cells.take(unitsOf(extent), t.kept(&t.cells, attempt)); first == 0 {
			return -1
		}
		word.Store(first)
	}
	return int(first-1)*unit + i
}

// addBlock allocates the lane or the blocks that have the word of an extent, and returns the word.
// It returns nil if there is no room.
func (t *tree) addBlock(row, attempt int, v probe.Variation, extent int) *atomic.Uint32 {
	if t.lanes[attempt].Load() == nil {
		fresh := lane(memory.Make[rowWords](t.rows))
		t.lanes[attempt].CompareAndSwap(nil, &fresh) // or another sender was first
	}
	if v != probe.Unvaried || extent > 0 {
		block := &(*t.lanes[attempt].Load())[row].block
		keep := t.kept(&t.blocks, attempt)
		if block.Load() == 0 && !t.name(block, 1, keep) {
			return nil
		}
		if v != probe.Unvaried {
			varied := &t.wordsOf(block.Load())[0]
			if varied.Load() == 0 && !t.name(varied, variedUse, keep) {
				return nil
			}
		}
	}
	return t.extent(row, attempt, v, extent)
}

// name allocates a block of n units of words, of which it leaves some, and stores its name in word.
func (t *tree) name(word *atomic.Uint32, n int, keep uint32) (ok bool) {
	block := t.blocks.take(uint32(n), keep)
	if block != 0 {
		word.Store(block)
	}
	return block != 0
}

// run is an extent of consecutive flows.
type run struct {
	flow    uint16 // the first
	cell, n int    // its cell, and how many flows there are
}

// runs yields the extents of a row and lane that are allocated, in the order of their flows.
func (t *tree) runs(row, attempt int) iter.Seq[run] {
	return func(yield func(run) bool) {
		for v := probe.Unvaried; v < probe.Variations; v++ {
			for extent := range extents {
				word := t.extent(row, attempt, v, extent)
				if word == nil {
					return // no block: no further extent, and no variation
				}
				first := word.Load()
				if first == 0 {
					continue
				}
				flow := v.Of(firstFlow(extent))
				if !yield(run{flow, int(first-1) * unit, int(unitsOf(extent)) * unit}) {
					return
				}
			}
		}
	}
}

// cellsUsed returns how many cells are allocated. They are the first ones.
func (t *tree) cellsUsed() int { return int(t.cells.used.Load()) * unit }

// reset gives back all cells and words. Only rows below rows may be in use. The caller has cleared
// the cells, and is the only user.
func (t *tree) reset(rows int) {
	for i := range t.lanes {
		if l := t.lanes[i].Load(); l != nil {
			clear((*l)[:rows])
		}
	}
	clear(t.words[:int(t.blocks.used.Load())*unit])
	t.blocks.used.Store(0)
	t.cells.used.Store(0)
}
