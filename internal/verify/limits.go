package verify

import (
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
)

// Limits is whether the TTLs that trace-ext records list as rate limited, and the routers in the
// summary, really are.
type Limits struct {
	Named uint64 `json:"named"` // (target, TTL) listed in the results
	Right uint64 `json:"right"` // listed, and the node there has a limit
	Acted uint64 `json:"acted"` // listed, and the limit suppressed an answer at that very TTL
	// Refused is (target, TTL) at which limits suppressed answers.
	Refused uint64 `json:"refused"`

	Routers      uint64 `json:"routers"`       // listed in the summary
	RoutersRight uint64 `json:"routers_right"` // listed, and has a limit
}

// limitedTTL judges a listed TTL towards dst.
func (c *checker) limitedTTL(dst probe.Addr, ttl uint8) {
	c.limits.Named++
	right, acted := false, false
	for _, i := range c.flows {
		f := &c.asked.flows[i]
		for _, s := range c.asked.at(f, ttl) {
			acted = acted || isLimit(s.fate)
		}
		for _, k := range c.hopsOf(f, ttl) {
			right = right || k.Limited
		}
	}
	if right {
		c.limits.Right++
	} else {
		c.example("rate limit", "%s TTL %d: who sits there has none", dst, ttl)
	}
	if acted {
		c.limits.Acted++
	}
}

func isLimit(f netsim.Fate) bool { return f == netsim.RouterLimited || f == netsim.HostLimited }

// limitsReport counts the answers that limits suppressed. It returns nil if the results list no
// limit and none was reached.
func (c *checker) limitsReport() *Limits {
	if c.tool != Masstrace {
		return nil
	}
	for f := range c.asked.each {
		for probes := c.asked.probes[f.from:f.to]; len(probes) > 0; {
			n := sameTTL(probes)
			if slices.ContainsFunc(probes[:n], func(s sent) bool { return isLimit(s.fate) }) {
				c.limits.Refused++
			}
			probes = probes[n:]
		}
	}
	c.namedRouters()
	if c.limits == (Limits{}) {
		return nil
	}
	return &c.limits
}

// limitAt is a router that the summary names, at one TTL.
type limitAt struct {
	addr netip.Addr
	ttl  uint8
}

// namedRouters judges the routers in the summary, by the truth at their listed TTLs on the probed
// paths. It walks the paths once for all of them.
func (c *checker) namedRouters() {
	if c.summary == nil || len(c.summary.LimitedRouters) == 0 {
		return
	}
	limited := make(map[limitAt]bool) // of the routers that were met
	listed := make(map[limitAt]bool)
	ttls := make(map[uint8]bool)
	for _, r := range c.summary.LimitedRouters {
		for _, ttl := range r.TTLs {
			listed[limitAt{r.Addr, uint8(ttl)}], ttls[uint8(ttl)] = true, true
		}
	}
	for f := range c.asked.each {
		if len(limited) == len(listed) {
			break
		}
		for ttl := range ttls {
			for _, hop := range c.hopsOf(f, ttl) {
				at := limitAt{hop.Addr, ttl}
				if _, met := limited[at]; !met && listed[at] {
					limited[at] = hop.Limited
				}
			}
		}
	}
	for _, r := range c.summary.LimitedRouters {
		c.limits.Routers++
		if slices.ContainsFunc(r.TTLs, func(ttl int) bool { return limited[limitAt{r.Addr, uint8(ttl)}] }) {
			c.limits.RoutersRight++
		} else {
			c.example("limited router", "%s has no limit, or is not at TTLs %v", r.Addr, r.TTLs)
		}
	}
}

// hopsOf returns the hops that probes of a flow can meet at a TTL, at the begin and at the end of
// the run. The result is valid until the next call.
func (c *checker) hopsOf(f *flow, ttl uint8) []netsim.Hop {
	in := c.asked.netsimFlow(f)
	c.hops = c.truth.AppendHops(c.hops[:0], &in, ttl)
	if c.asked.changes {
		in = c.asked.netsimFlowAt(f, c.asked.last)
		c.hops = c.truth.AppendHops(c.hops, &in, ttl)
	}
	return c.hops
}
