package compare

import (
	"net/netip"

	"github.com/masstrace/masstrace/internal/record"
)

// row is a target that both scans asked, with its paths in each.
type row struct {
	target id
	at     [2]uint32 // index of the first path in each scan
	n      [2]uint16 // paths
}

// Builder gathers the records of two scans. It is used by one goroutine at a time.
type Builder struct {
	by    By
	names *names
	scans [2]scan

	targets bool // see Config
}

// NewBuilder returns a Builder without records.
func NewBuilder(by By) *Builder {
	n, p := newNames(), newPoints()
	return &Builder{by: by, names: n, scans: [2]scan{{names: n, points: p}, {names: n, points: p}}}
}

// AddOld adds a record of the old scan.
func (b *Builder) AddOld(r record.Record) { b.scans[0].add(r) }

// AddNew adds a record of the new scan.
func (b *Builder) AddNew(r record.Record) { b.scans[1].add(r) }

// comparison is the state of Result.
type comparison struct {
	*Builder
	rows   []row
	result *Result
}

// Result compares the scans. No record may be added after it.
func (b *Builder) Result() *Result {
	c := &comparison{Builder: b, result: &Result{By: b.by}}
	for i := range b.scans {
		b.scans[i].sort()
	}
	c.join()
	c.changes()
	c.ends()
	c.shifts()
	c.sets()
	c.groups()
	return c.result
}

// join finds the targets of both scans.
func (c *comparison) join() {
	var at [2]int
	for at[0] < len(c.scans[0].paths) || at[1] < len(c.scans[1].paths) {
		order := 0
		switch {
		case at[0] == len(c.scans[0].paths):
			order = 1
		case at[1] == len(c.scans[1].paths):
			order = -1
		default:
			order = c.names.compare(c.scans[0].paths[at[0]].target, c.scans[1].paths[at[1]].target)
		}
		var r row
		for i := range at {
			if i == 0 && order <= 0 || i == 1 && order >= 0 {
				r.at[i], r.n[i] = uint32(at[i]), c.scans[i].same(at[i])
				r.target = c.scans[i].paths[at[i]].target
				at[i] += int(r.n[i])
			}
		}
		switch {
		case order < 0:
			c.result.OnlyOld++
		case order > 0:
			c.result.OnlyNew++
		default:
			c.rows = append(c.rows, r)
		}
	}
	c.result.Compared = len(c.rows)
}

// same returns the number of paths from index i on that have the same target.
func (s *scan) same(i int) uint16 {
	n := 1
	for i+n < len(s.paths) && s.paths[i+n].target == s.paths[i].target && n < 1<<16-1 {
		n++
	}
	return uint16(n)
}

// paths returns the paths of a row in a scan.
func (c *comparison) paths(r *row, i int) []path {
	return c.scans[i].paths[r.at[i] : r.at[i]+uint32(r.n[i])]
}

// pair calls f with the addresses that answered at a TTL, for each pair of flows of a row. A node
// of a multipath record is a pair of equal addresses, if the other scan has it too.
func (c *comparison) pair(r *row, ttl uint8, f func(a, b id)) {
	old, fresh := c.paths(r, 0), c.paths(r, 1)
	for i, j := 0, 0; i < len(old) && j < len(fresh); i, j = i+1, j+1 {
		if old[i].nodes || fresh[j].nodes {
			c.sameNodes(old, fresh, ttl, f)
			return
		}
		if a, b := c.scans[0].answer(&old[i], ttl), c.scans[1].answer(&fresh[j], ttl); a != 0 && b != 0 {
			f(a, b)
		}
	}
	if len(old) != len(fresh) {
		c.sameNodes(old, fresh, ttl, f)
	}
}

// sameNodes calls f with each address at a TTL that both scans have.
func (c *comparison) sameNodes(old, fresh []path, ttl uint8, f func(a, b id)) {
	for i := range old {
		x := c.scans[0].of(&old[i])
		for k, at := range x.ttls {
			if at != ttl {
				continue
			}
			for j := range fresh {
				if c.scans[1].has(&fresh[j], ttl, x.ids[k]) {
					f(x.ids[k], x.ids[k])
				}
			}
		}
	}
}

// answer returns the address that answered at a TTL, or 0.
func (s *scan) answer(p *path, ttl uint8) id {
	h := s.of(p)
	if len(h.ttls) == 0 || ttl < h.ttls[0] {
		return 0
	}
	for k := min(int(ttl-h.ttls[0]), len(h.ttls)-1); k >= 0 && h.ttls[k] >= ttl; k-- {
		if h.ttls[k] == ttl {
			return h.ids[k]
		}
	}
	return 0
}

// has reports whether an address answered at a TTL.
func (s *scan) has(p *path, ttl uint8, a id) bool {
	h := s.of(p)
	for k, at := range h.ttls {
		if at == ttl && h.ids[k] == a {
			return true
		}
	}
	return false
}

// addr returns the address of a number.
func (c *comparison) addr(i id) netip.Addr { return c.names.addrs[i].Netip() }
