package verify

import (
	"slices"

	"github.com/masstrace/masstrace/netsim"
	"github.com/masstrace/masstrace/output"
)

// Limits says whether the TTLs that trace-ext records call rate limited are.
type Limits struct {
	Named uint64 `json:"named"` // (target, TTL) that the results name
	Right uint64 `json:"right"` // of them, who sits there has a limit
	Acted uint64 `json:"acted"` // of them, the limit kept an answer back at that very TTL
	// Refused is (target, TTL) at which limits kept answers back.
	Refused uint64 `json:"refused"`
}

// limitedTTL judges one of them.
func (c *checker) limitedTTL(e *output.TraceExt, ttl uint8) {
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
		c.example("rate limit", "%s TTL %d: who sits there has none", e.Dst, ttl)
	}
	if acted {
		c.limits.Acted++
	}
}

func isLimit(f netsim.Fate) bool { return f == netsim.RouterLimited || f == netsim.HostLimited }

// limitsReport counts what limits kept back; nil if nobody names any and nothing
// was.
func (c *checker) limitsReport() *Limits {
	if c.format != Masstrace {
		return nil
	}
	for i := range c.asked.flows {
		f := &c.asked.flows[i]
		for probes := c.asked.probes[f.from:f.to]; len(probes) > 0; {
			n := sameTTL(probes)
			if slices.ContainsFunc(probes[:n], func(s sent) bool { return isLimit(s.fate) }) {
				c.limits.Refused++
			}
			probes = probes[n:]
		}
	}
	if c.limits == (Limits{}) {
		return nil
	}
	return &c.limits
}
