package compare

import (
	"fmt"
	"slices"

	"github.com/masstrace/masstrace/internal/record"
)

// count counts the rows that did not change.
func (c *comparison) count(changed func(i int) bool) {
	for i := range c.rows {
		r := &c.rows[i]
		var heard [2]bool
		for k := range heard {
			heard[k] = slices.ContainsFunc(c.paths(r, k), func(p path) bool { return p.hops > 0 })
		}
		switch {
		case changed(i):
		case !heard[0] && !heard[1]:
			c.result.NoAnswer++
		case !heard[0]:
			c.result.Appeared++
		case !heard[1]:
			c.result.Vanished++
		case c.differs(r):
			c.result.OtherBranch++
		default:
			c.result.Same++
		}
	}
}

// differs reports whether different addresses answered at some TTL.
func (c *comparison) differs(r *row) (differs bool) {
	for ttl := uint8(1); ttl <= mostTTL; ttl++ {
		c.pair(r, ttl, func(a, b id) { differs = differs || a != b })
	}
	return differs
}

// ends compares the ends of paths.
func (c *comparison) ends() {
	for i := range c.rows {
		r := &c.rows[i]
		var found [2][]end
		var reached [2]bool
		for k := range found {
			for _, p := range c.paths(r, k) {
				reached[k] = reached[k] || p.reached
				if p.end != 0 && !slices.Contains(found[k], p.end) {
					found[k] = append(found[k], p.end)
				}
			}
		}
		switch {
		case reached[0] && len(found[1]) == 0:
			c.result.ReachedOld++
		case reached[1] && len(found[0]) == 0:
			c.result.ReachedNew++
		}
		if len(found[0]) == 0 || len(found[1]) == 0 || slices.ContainsFunc(found[0], func(e end) bool { return slices.Contains(found[1], e) }) {
			continue
		}
		c.result.Verdicts = append(c.result.Verdicts, Verdict{Target: c.addr(r.target), Old: found[0][0].String(), New: found[1][0].String()})
	}
}

// String returns the name of an end.
func (e end) String() string {
	reason := record.StopReason(e >> 8)
	if reason == record.StopUnreach {
		return fmt.Sprintf("%v %d", reason, e&0xff)
	}
	return reason.String()
}
