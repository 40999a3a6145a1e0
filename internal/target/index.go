package target

import (
	"errors"
	"math"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/masstrace/masstrace/internal/permute"
)

// An index numbers the targets of one family. There are two kinds of address:
//
//   - singles: listed by themselves, always targets;
//   - the pool: all others, ranges from which hashed hosts are drawn.
//
// The space is divided into runs, in order. A run may be any number of successive granules that
// lie completely in the pool, or singles of successive granules without a pool. Otherwise it is one
// granule with a gap or a single in it. Targets are numbered run by run, within a run granule by
// granule, within a granule singles first.
//
// A span of the pool makes at most three runs (its first granule, the complete ones, its last). A
// single makes at most one, and long lists of singles make few. So memory is proportional to the
// number of lines.
type index struct {
	hosts   *permute.Family // a permutation for each granule
	shift   uint            // a granule has 2ˢʰⁱᶠᵗ addresses
	rule    HostRule
	listed  []span // ranges of the list, excluded or not; for rules that count
	per     uint64 // targets of a granule, if it has that many addresses
	whole   uint64 // targets of a granule without gaps and singles
	total   uint64
	pool    []poolSpan
	singles []u128

	// One element for each run, in separate slices, so that a search loads only the one that it
	// compares. bases and runs have one more element, which ends the last run.
	starts []u128   // first address of its first granule
	bases  []uint64 // number of its first target
	runs   []run

	byStart, byBase guide
}

type poolSpan struct {
	span
	before u128 // addresses in the pool before lo
}

// A run takes half a cache line. The number of its granules is not stored: it is the number of its
// targets divided by x.whole if the run is whole, otherwise 1.
type run struct {
	before u128   // addresses in the pool before the run
	span   uint32 // index of the first span of the pool that is not before the run
	single uint32 // index of the first single that is not before the run
	whole  bool
	alone  bool  // singles of any number of granules, without a pool
	edges  edges // edges of the granule, or of each granule
}

// mostAlone is how many singles a run has at most, so that a search within it stays short.
const mostAlone = 256

var errTooMany = errors.New("more than 2⁶³−1 targets: list fewer addresses, or choose larger granules or fewer targets in each")

// build indexes the remaining ranges and singles (includes minus excludes), both canonical.
func (x *index) build(remaining []span, singles []u128) error {
	x.whole = math.MaxUint64
	if x.shift < 64 {
		x.whole = uint64(1) << x.shift
	}
	if x.per >= x.whole && x.rule.number == 0 { // every address is a target even if it is not listed
		x.rule = HostRule{}
		remaining, singles = slices.Collect((&Lines{spans: remaining, singles: singles, sorted: true}).all), nil
	}
	x.whole = min(x.whole-min(x.rule.number, x.whole), x.per)
	x.singles = singles
	x.fillPool(remaining)
	if len(x.pool)+len(singles) >= math.MaxUint32/3 { // each makes up to three runs
		return errTooMany
	}
	runs := 0 // counted first: growing slices would take three times the memory
	for c := (cursor{index: x}); c.more(); runs++ {
		c.next()
	}
	if runs == 0 {
		return nil
	}
	x.starts = make([]u128, 0, runs)
	x.bases = make([]uint64, 0, runs+1)
	x.runs = make([]run, 0, runs+1)
	c := cursor{index: x}
	for c.more() {
		if err := x.add(c.next()); err != nil {
			return err
		}
	}
	x.bases = append(x.bases, x.total)
	x.runs = append(x.runs, c.begin())
	x.byStart = newGuide(runs, func(i int) u128 { return x.starts[i] })
	x.byBase = newGuide(runs, func(i int) u128 { return u128{Lo: x.bases[i]} })
	return nil
}

// octets returns the memory of the index, without that of the singles.
func (x *index) octets() uint64 {
	perRun := unsafe.Sizeof(u128{}) + unsafe.Sizeof(uint64(0)) + unsafe.Sizeof(run{})
	guides := uintptr(len(x.byStart.first)+len(x.byBase.first)) * unsafe.Sizeof(uint32(0))
	return uint64(uintptr(len(x.pool))*unsafe.Sizeof(poolSpan{}) + uintptr(len(x.runs))*perRun + guides)
}

func (x *index) fillPool(remaining []span) {
	pool := subtractSingles(remaining, x.singles)
	x.pool = make([]poolSpan, len(pool))
	var before u128
	for i, s := range pool {
		x.pool[i] = poolSpan{s, before}
		before = before.Add(s.hi.Sub(s.lo)).Add(one)
	}
}

// add appends a run of that many granules with that many targets each.
func (x *index) add(start u128, r run, granules, targets uint64) error {
	x.starts = append(x.starts, start)
	x.bases = append(x.bases, x.total)
	x.runs = append(x.runs, r)
	over, more := bits.Mul64(granules, targets)
	if over != 0 || more > math.MaxInt64-x.total {
		return errTooMany
	}
	x.total += more
	return nil
}

// A cursor visits pool and singles together, run by run.
type cursor struct {
	*index
	span   int
	single int
	used   u128 // addresses of pool[span] that were visited
}

func (c *cursor) more() bool { return c.span < len(c.pool) || c.single < len(c.singles) }

// begin returns an empty run that begins at the cursor.
func (c *cursor) begin() run {
	r := run{before: c.used, span: uint32(c.span), single: uint32(c.single)}
	if c.span < len(c.pool) {
		r.before = c.pool[c.span].before.Add(c.used)
	} else if n := len(c.pool); n > 0 {
		last := c.pool[n-1]
		r.before = last.before.Add(last.hi.Sub(last.lo)).Add(one)
	}
	return r
}

// next moves past a run and returns it, with the number of its granules and the targets of each.
func (c *cursor) next() (start u128, r run, granules, targets uint64) {
	r = c.begin()
	var lo u128 // next address of the pool
	if c.span < len(c.pool) {
		lo = c.pool[c.span].lo.Add(c.used)
		start = lo
	}
	if c.single < len(c.singles) && (c.span == len(c.pool) || c.singles[c.single].Less(lo)) {
		start = c.singles[c.single]
	}
	low := lowBits(c.shift)
	start = start.AndNot(low)
	end := start.Or(low)
	if targets = c.skipAlone(lo.AndNot(low)); targets > 0 {
		r.alone = true
		return start, r, 1, targets
	}
	if c.span < len(c.pool) && lo == start && !c.pool[c.span].hi.Less(end) {
		r.whole, r.edges = true, edgesOf(c.shift)
		return start, r, c.skipWhole(start), c.whole
	}
	targets = uint64(c.skipSingles(end))
	rest := c.skipPart(&r, start, end)
	if x := c.index; x.rule.counts() {
		return start, r, 1, targets + x.window(start, end, x.per-min(x.per, targets)).Lo
	}
	if free := (u128{Lo: c.per - min(c.per, targets)}); free.Less(rest) {
		rest = free
	}
	return start, r, 1, targets + rest.Lo
}

// skipWhole moves past the complete granules of the current span from start on, and returns how
// many there are. The result is limited to 2⁶⁴−1, which is too many in any case.
func (c *cursor) skipWhole(start u128) uint64 {
	s := c.pool[c.span]
	n := s.hi.Sub(start)
	if s.hi.Or(lowBits(c.shift)) != s.hi { // its last granule has a gap
		n = n.Sub(lowBits(c.shift)).Sub(one)
	}
	n = n.Rsh(c.shift).Add(one)
	if c.used = c.used.Add(n.Lsh(c.shift)); s.hi.Sub(s.lo).Less(c.used) {
		c.span, c.used = c.span+1, u128{}
	}
	if n.Hi != 0 {
		return math.MaxUint64
	}
	return n.Lo
}

// skipAlone moves past the singles below pool, the first granule of the pool from here on, in whole
// granules. It returns how many there are, at most mostAlone and those of one granule.
func (c *cursor) skipAlone(pool u128) (n uint64) {
	low := lowBits(c.shift)
	for c.single < len(c.singles) {
		v := c.singles[c.single]
		if c.span < len(c.pool) && !v.Less(pool) ||
			n >= mostAlone && c.singles[c.single-1].Or(low) != v.Or(low) {
			break
		}
		c.single++
		n++
	}
	return n
}

func (c *cursor) skipSingles(end u128) int {
	from := c.single
	for c.single < len(c.singles) && !end.Less(c.singles[c.single]) {
		c.single++
	}
	return c.single - from
}

// skipPart moves past the pool up to end and returns how many addresses that were. It records in r
// whether start and end were among them.
func (c *cursor) skipPart(r *run, start, end u128) (size u128) {
	for c.span < len(c.pool) && !end.Less(c.pool[c.span].lo) {
		s := c.pool[c.span]
		lo := s.lo.Add(c.used)
		if lo == start {
			r.edges |= firstEdge
		}
		if !s.hi.Less(end) && start != end {
			r.edges |= lastEdge
		}
		if end.Less(s.hi) {
			c.used = end.Sub(s.lo).Add(one)
			return size.Add(end.Sub(lo)).Add(one)
		}
		size = size.Add(s.hi.Sub(lo)).Add(one)
		c.span, c.used = c.span+1, u128{}
	}
	return size
}
