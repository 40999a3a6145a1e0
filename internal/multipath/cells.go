package multipath

import (
	"math/bits"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
)

// cell is what is known of one (flow, TTL):
//
//	bits 0–10   number of the address that answered; 0: none
//	bits 11–12  attempts asked; 3: refused, so that it is never asked again
//	bit 13      an attempt is under way
//	bit 14      the path of the flow ends here
//	bit 15      the answer that ends it is weak
type cell uint16

const (
	cellNode    cell = 1<<11 - 1
	cellAttempt cell = 1 << 11
	cellAsked   cell = 3 << 11
	cellPending cell = 1 << 13
	cellEnds    cell = 1 << 14
	cellWeak    cell = 1 << 15

	cellRefused = cellAsked

	maxNodes = int(cellNode)
)

func (c cell) node() int      { return int(c & cellNode) }
func (c cell) asked() int     { return int(c & cellAsked / cellAttempt) }
func (c cell) pending() bool  { return c&cellPending != 0 }
func (c cell) answered() bool { return c&cellNode != 0 }

// silent reports whether the cell was asked and no answer is awaited any more.
func (c cell) silent() bool {
	return c&(cellNode|cellPending) == 0 && c&cellAsked != 0 && c&cellAsked != cellRefused
}

// row is a TTL.
type row struct {
	pending uint16 // probes under way, without repeats
	nodes   uint16 // addresses found, when it was last settled
	later   uint16 // flows from here on were asked after the balancer had moved flows; 0: none
	room    uint16 // flows from here on found no room in the window; 0: none was refused
	sole    uint16 // flows that it needs beside the diamond of a per-packet balancer, see settleAgain
	// reported is the number of branches in front of the row that Known has got.
	reported uint8
	flags    rowFlags
}

type rowFlags uint16

const (
	rowChecked     rowFlags = 1 << iota // the balancer in front of the row was judged
	rowPacket                           // it is a per-packet one
	rowMoved                            // it moved flows
	rowSampled                          // the balancers in front were asked again
	rowVaried                           // and their fields were varied
	rowConfirmed                        // all its flows were asked again
	rowKnown                            // its one node is the only one, as other targets have shown
	rowWarned                           // other targets are warned of its per-packet balancer
	rowSoleSampled                      // flows in front of the balancer after it were asked again
	rowSole                             // the balancer after it needs certainty that it has one node
	rowHides                            // silent flows may be those of another branch
	rowToldLimit                        // other targets know whether its routers limit their answers
	rowLimits                           // they do, as other targets have shown
	rowLinked                           // so is the link to its one node, as other targets have shown
	rowCertain                          // other targets know that it has one node for certain
	rowFew                              // no more flows can be asked in it, and those are too few
)

// table holds the cells of a target: one line of stride flows for each TTL. Both grow as needed.
type table struct {
	cells  []cell
	rows   []row // from the first TTL
	first  uint8
	stride int
	flows  int // flows that have a cell asked are below it
	addrs  []probe.Addr
	index  []uint16 // hash table of addrs, once there are many
}

const (
	minStride  = 8
	fewAddrs   = 16 // up to here addrs has no index
	indexSpace = 2  // index entries for an address
)

func (t *table) reset(first uint8) {
	*t = table{
		cells: t.cells[:0], rows: t.rows[:0], addrs: t.addrs[:0], index: t.index[:0],
		first: first, stride: minStride,
	}
	const most = 4096 // a wide target leaves no more memory than this to the next one
	if cap(t.cells) > most {
		*t = table{first: first, stride: minStride}
	}
}

// last returns the highest TTL with a line.
func (t *table) last() uint8 { return t.first + uint8(len(t.rows)) - 1 }

func (t *table) row(ttl uint8) *row { return &t.rows[ttl-t.first] }

func (t *table) has(ttl uint8) bool { return ttl >= t.first && int(ttl-t.first) < len(t.rows) }

// line returns the cells of a TTL, by flow.
func (t *table) line(ttl uint8) []cell {
	if !t.has(ttl) {
		return nil
	}
	at := int(ttl-t.first) * t.stride
	return t.cells[at : at+min(t.flows, t.stride)]
}

func (t *table) get(flow uint16, ttl uint8) cell {
	if !t.has(ttl) || int(flow) >= t.stride {
		return 0
	}
	return t.cells[int(ttl-t.first)*t.stride+int(flow)]
}

// at returns the cell of a flow and a TTL, and makes it if need be.
func (t *table) at(flow uint16, ttl uint8) *cell {
	t.reserve(int(flow)+1, ttl)
	return &t.cells[int(ttl-t.first)*t.stride+int(flow)]
}

func (t *table) reserve(flows int, ttl uint8) {
	t.flows = max(t.flows, flows)
	if flows > t.stride {
		t.widen(1 << bits.Len(uint(flows-1)))
	}
	if lines := int(ttl-t.first) + 1; lines > len(t.rows) {
		old := len(t.cells)
		t.rows = append(t.rows, make([]row, lines-len(t.rows))...)
		t.cells = slices.Grow(t.cells, lines*t.stride-old)[:lines*t.stride]
		clear(t.cells[old:])
	}
}

// widen moves the lines apart, from the last one on.
func (t *table) widen(stride int) {
	n := len(t.rows) * stride
	t.cells = slices.Grow(t.cells, max(0, n-len(t.cells)))[:n]
	for i := len(t.rows) - 1; i >= 0; i-- {
		line := t.cells[i*stride : (i+1)*stride]
		copy(line, t.cells[i*t.stride:(i+1)*t.stride])
		clear(line[t.stride:])
	}
	t.stride = stride
}

// number returns the number of an address, from 1. It is 0 if there are too many.
func (t *table) number(a probe.Addr) int {
	if len(t.addrs) <= fewAddrs {
		for i := range t.addrs {
			if t.addrs[i] == a {
				return i + 1
			}
		}
	} else if n := t.index[t.slot(a)]; n != 0 {
		return int(n)
	}
	if len(t.addrs) == maxNodes {
		return 0
	}
	t.addrs = append(t.addrs, a)
	switch n := len(t.addrs); {
	case n <= fewAddrs:
	case n == fewAddrs+1 || n*indexSpace > len(t.index):
		t.index = make([]uint16, 2*indexSpace<<(bits.Len(uint(n))-1))
		for i := range t.addrs {
			t.index[t.slot(t.addrs[i])] = uint16(i + 1)
		}
	default:
		t.index[t.slot(a)] = uint16(n)
	}
	return len(t.addrs)
}

// slot returns where the index has the address, or its free place. The hash need not resist an
// attacker: the index is small, and its addresses answered probes of one target.
func (t *table) slot(a probe.Addr) int {
	h := uint64(0)
	for i := 0; i < len(a); i += 8 {
		for _, b := range a[i : i+8] {
			h = h<<8 | uint64(b)
		}
		h *= 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	mask := len(t.index) - 1
	i := int(h>>20) & mask
	for t.index[i] != 0 && t.addrs[t.index[i]-1] != a {
		i = (i + 1) & mask
	}
	return i
}
