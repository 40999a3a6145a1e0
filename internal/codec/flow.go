package codec

import (
	"fmt"
	"math/bits"

	"github.com/masstrace/masstrace/internal/probe"
)

// ports gives each target its flow values. The value of flow f is low + (h + f) mod size. h is a
// hash of the target under the seed.
//
// If one of the values is a port to avoid, the target is hashed again. So a port in use changes
// only the flows of targets that would have met it. The same seed gives all others the same
// flows.
type ports struct {
	low     uint16
	size    uint32
	flows   uint32
	avoided portSet  // each h with which some flow would have a port to avoid
	tries   uint16   // how many hashes of a target are tried
	next    []uint16 // by h: the first one from there on that is not avoided
}

// portSet is a set of numbers below 2¹⁶.
type portSet [1 << 16 / 64]uint64

func (s *portSet) add(v uint32)      { s[v/64] |= 1 << (v % 64) }
func (s *portSet) has(v uint32) bool { return s[v/64]&(1<<(v%64)) != 0 }

// rehash is how many hashes of a target are tried. If flows vary, there are so many that a few ports
// to avoid leave few values of h. Then the search ends earlier.
const (
	rehash       = 32
	rehashVaried = 4
)

func (p *ports) init(cfg Config) error {
	low, high := cfg.PortLow, cfg.PortHigh
	if low == 0 && high == 0 {
		low, high = 0x8000, 0xffff
	}
	if low == 0 || low > high {
		return fmt.Errorf("source ports %d to %d are no range", low, high)
	}
	p.low, p.size = low, uint32(high-low)+1
	if cfg.Flows < 1 || cfg.Flows > int(p.size) {
		return fmt.Errorf("%d flows do not fit into source ports %d to %d", cfg.Flows, low, high)
	}
	p.flows, p.tries = uint32(cfg.Flows), rehash
	if cfg.Variations {
		p.tries = rehashVaried
	}
	var avoid portSet
	avoid.add(0xffff)
	for _, port := range cfg.Avoid {
		avoid.add(uint32(port))
	}
	return p.findAvoided(&avoid)
}

// findAvoided fills avoided. It goes through the range backwards, twice, because flows wrap at
// its end.
func (p *ports) findAvoided(avoid *portSet) error {
	free := uint32(0) // values from h on without a port to avoid
	fits := false     // some h has enough of them
	for i := range 2 * p.size {
		h := (2*p.size - 1 - i) % p.size
		free++
		if avoid.has(uint32(p.low) + h) {
			free = 0
		}
		switch {
		case i < p.size: // free is not complete yet beyond the end
		case free < p.flows:
			p.avoided.add(h)
		default:
			fits = true
		}
	}
	if !fits {
		return fmt.Errorf("%d flows need as many source ports in a row, and %d to %d has too few that are free; 65535 is never used",
			p.flows, p.low, uint32(p.low)+p.size-1)
	}
	p.findNext()
	return nil
}

// findNext fills next, with the first h from each on that is not avoided.
func (p *ports) findNext() {
	p.next = make([]uint16, p.size)
	next := uint32(0)
	for i := range 2 * p.size { // twice, because flows wrap at the end
		h := (2*p.size - 1 - i) % p.size
		if !p.avoided.has(h) {
			next = h
		}
		p.next[h] = uint16(next)
	}
}

// value returns the value of a flow below p.flows, for the hash h.
func (p *ports) value(h, flow uint32) uint16 {
	h += flow
	if h >= p.size {
		h -= p.size
	}
	return p.low + uint16(h)
}

// flowBase is the hash that the flow values of one target start from.
type flowBase struct {
	port  uint32 // below ports.size
	label uint32
}

// base returns the flow base of target: a pure function of seed and target, or its prefix.
func (c *Codec) base(target *probe.Addr) flowBase {
	if c.cfg.Prefix4 != 0 {
		shared := c.prefixOf(*target)
		target = &shared
	}
	var port, label uint32
	for try := range c.ports.tries {
		a, b := c.seed.hash(target, try, forFlow)
		hi, _ := bits.Mul64(a, uint64(c.ports.size)) // a scaled to below size
		port, label = uint32(hi), uint32(b>>32)
		if !c.ports.avoided.has(port) {
			return flowBase{port, label}
		}
	}
	return flowBase{uint32(c.ports.next[port]), label} // a crowded range
}

// prefixOf returns the first address of the prefix whose targets have the same flows.
func (c *Codec) prefixOf(a probe.Addr) probe.Addr {
	bits := c.cfg.Prefix6
	if a.Is4() {
		bits = 96 + c.cfg.Prefix4
	}
	for i := range a {
		if left := bits - 8*i; left < 8 {
			a[i] &^= 0xff >> max(left, 0)
		}
	}
	return a
}

// flow returns the values of one flow of the target with base b. The multiplier is 2³² over the
// golden ratio: its multiples lie far apart, so that labels of neighbouring flows differ.
func (c *Codec) flow(b flowBase, index uint16) probe.Flow {
	varies, labelled := probe.Unvaried, index
	if c.cfg.Variations {
		index, varies = probe.SplitFlow(index)
		if labelled = index; varies == probe.VaryLabel {
			labelled = (index + 1) % probe.BaseFlows
		}
	}
	label := (b.label + uint32(labelled)*0x9e3779b1) >> 12
	if label == 0 {
		label = 1
	}
	return probe.Flow{Value: c.ports.value(b.port, uint32(index)), Label: label, Varies: varies}
}

// Flow returns the fields of the probes of (target, index) that load balancers may hash.
func (c *Codec) Flow(target probe.Addr, index uint16) probe.Flow {
	return c.flow(c.base(&target), index)
}

// flowOf returns the index of the flow with value v, of the target with base b, without its
// variation. ok is false if there is none.
func (c *Codec) flowOf(b flowBase, v uint16) (index uint16, ok bool) {
	p := &c.ports
	offset := uint32(v) - uint32(p.low)
	if offset >= p.size {
		return 0, false
	}
	i := offset - b.port
	if offset < b.port {
		i += p.size
	}
	return uint16(i), i < p.flows
}
