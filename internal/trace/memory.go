package trace

import "slices"

// The largest parts of the memory of a collector, in octets. A flow includes its group and its
// places in maps. A probe includes the room for others.
const (
	flowOctets  = 768
	probeOctets = 48
	hopOctets   = 160
)

// longFlow is the number of probes of a flow after which its trace should end: its record is one line.
const longFlow = 1 << 16

// Long reports whether a flow became that long since the last call.
func (c *Collector) Long() bool {
	long := c.long
	c.long = false
	return long
}

// Octets returns how much memory the collector uses, about.
func (c *Collector) Octets() int { return c.octets }

// Middle returns a time. The last packets of half of the groups came then or earlier. It takes time
// in proportion to the number of groups, and a logarithm.
func (c *Collector) Middle() int64 {
	last := make([]int64, 0, len(c.groups))
	for _, g := range c.groups {
		last = append(last, g.last)
	}
	if len(last) == 0 {
		return 0
	}
	slices.Sort(last)
	return last[len(last)/2]
}

// mostSources is how many sources of probes are known one by one. Beyond, every source counts as
// one that got a reply.
const mostSources = 1 << 18

// answer notes that a source got a reply.
func (c *Collector) answer(f *flowOf) {
	if len(c.sources) < mostSources {
		c.sources[f.Source] = true
	}
}

// isProber reports whether a source is one that got a reply.
func (c *Collector) isProber(f *flowOf) bool {
	return len(c.sources) >= mostSources || c.sources[f.Source]
}

// release subtracts the memory of the flows of a group that is removed.
func (c *Collector) release(g *collected) {
	for _, flow := range g.flows {
		f := c.byIndex[flow]
		c.octets -= flowOctets + len(f.probes)*probeOctets
		for i := range f.probes {
			if hop := f.probes[i].hop; hop != nil {
				c.octets -= hopOctets + len(hop.Ext)
			}
		}
	}
}
