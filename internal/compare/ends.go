package compare

import (
	"fmt"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Target is a target of both scans, and what became of its path.
type Target struct {
	Addr probe.Addr
	Kind Kind
}

// Kind is what became of the path to a target.
type Kind uint8

// The kinds.
const (
	Same        Kind = iota // no difference
	OtherBranch             // a load balancer explains it, or too few targets show it
	Changed
	Appeared // nothing answered in the old scan
	Vanished // nothing answered in the new scan
	NoAnswer // nothing answered in both
	numKinds
)

var kindNames = []string{Same: "same", OtherBranch: "other_branch", Changed: "changed", Appeared: "appeared", Vanished: "vanished", NoAnswer: "no_answer"}

// String returns the name of a kind in JSON.
func (k Kind) String() string { return kindNames[k] }

// Kinds returns all kinds, in the order of their values.
func Kinds() (list []Kind) {
	for k := range numKinds {
		list = append(list, k)
	}
	return list
}

// count counts the rows by kind.
func (c *comparison) count(changed func(i int) bool) {
	var counts [numKinds]int
	for i := range c.rows {
		kind := c.kind(&c.rows[i], changed(i))
		counts[kind]++
		if c.targets {
			c.result.Targets = append(c.result.Targets, Target{c.names.addrs[c.rows[i].target], kind})
		}
	}
	r := c.result
	r.Same, r.OtherBranch, r.Appeared, r.Vanished, r.NoAnswer = counts[Same], counts[OtherBranch], counts[Appeared], counts[Vanished], counts[NoAnswer]
}

func (c *comparison) kind(r *row, changed bool) Kind {
	var heard [2]bool
	for k := range heard {
		heard[k] = slices.ContainsFunc(c.paths(r, k), func(p path) bool { return p.hops > 0 })
	}
	switch {
	case changed:
		return Changed
	case !heard[0] && !heard[1]:
		return NoAnswer
	case !heard[0]:
		return Appeared
	case !heard[1]:
		return Vanished
	case c.differs(r):
		return OtherBranch
	}
	return Same
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
		case reached[0] && !reached[1] && len(found[1]) == 0:
			c.result.ReachedOld++
		case reached[1] && !reached[0] && len(found[0]) == 0:
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
