package verify

import (
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
)

// Limits checks whether the TTLs that trace-ext records call rate limited, and the
// routers that the summary names, are.
type Limits struct {
	Named uint64 `json:"named"` // (target, TTL) that the results name
	Right uint64 `json:"right"` // of them, who sits there has a limit
	Acted uint64 `json:"acted"` // of them, the limit kept an answer back at that very TTL
	// Refused is (target, TTL) at which limits kept answers back.
	Refused uint64 `json:"refused"`

	Routers      uint64 `json:"routers"`       // that the summary names
	RoutersRight uint64 `json:"routers_right"` // of them, those that have a limit
}

// limitedTTL judges a TTL towards dst.
func (c *checker) limitedTTL(dst probe.Addr, ttl uint8) {
	c.limits.Named++
	right, acted := false, false
	for _, i := range c.flows {
		f := &c.asked.flows[i]
		for _, s := range c.asked.at(f, ttl) {
			acted = acted || isLimit(s.fate)
		}
		in := c.asked.netsimFlow(f)
		c.hops = c.truth.AppendHops(c.hops[:0], &in, ttl)
		for k := range c.hops {
			right = right || c.hops[k].Limited
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

// limitsReport counts answers that limits held back. It returns nil if the results name no
// limits, and no answer was held back.
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

// namedRouters judges the routers of the summary: by the routers at their TTLs, on the
// probed paths.
func (c *checker) namedRouters() {
	if c.summary == nil {
		return
	}
	for i := range c.summary.LimitedRouters {
		r := &c.summary.LimitedRouters[i]
		c.limits.Routers++
		if slices.ContainsFunc(r.TTLs, func(ttl int) bool { return c.limitAt(r.Addr, uint8(ttl)) }) {
			c.limits.RoutersRight++
		} else {
			c.example("limited router", "%s has no limit, or is not at TTLs %v", r.Addr, r.TTLs)
		}
	}
}

// limitAt reports whether the router at addr, which some path has at that TTL, has
// a limit.
func (c *checker) limitAt(addr netip.Addr, ttl uint8) bool {
	for f := range c.asked.each {
		in := c.asked.netsimFlow(f)
		c.hops = c.truth.AppendHops(c.hops[:0], &in, ttl)
		for k := range c.hops {
			if c.hops[k].Addr == addr {
				return c.hops[k].Limited
			}
		}
	}
	return false
}
