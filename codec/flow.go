package codec

import (
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/probe"
)

// Flow values of a target: value of flow f = low + (h + f) mod size, where h
// is a hash of the target under the seed. If one of them is a port to avoid,
// the target is hashed again, so that one port in use changes only the targets
// that would have met it, and the same seed gives the others the same flows.
type ports struct {
	low   uint16
	size  uint32
	flows uint32
	avoid [1 << 16 / 64]uint64
}

// rehash bounds the search for a place without ports to avoid.
const rehash = 32

func (p *ports) init(cfg Config) error {
	low, high := cfg.PortLow, cfg.PortHigh
	if low == 0 && high == 0 {
		low, high = 0x8000, 0xffff
	}
	if low == 0 || low > high {
		return fmt.Errorf("source ports %d to %d are no range", low, high)
	}
	p.low, p.size, p.flows = low, uint32(high-low)+1, uint32(cfg.Flows)
	if cfg.Flows < 1 || p.flows > p.size {
		return fmt.Errorf("%d flows do not fit into source ports %d to %d", cfg.Flows, low, high)
	}
	for _, port := range append([]uint16{0xffff}, cfg.Avoid...) {
		p.avoid[port/64] |= 1 << (port % 64)
	}
	for h := range p.size {
		if p.free(h) {
			return nil
		}
	}
	return errors.New("every source port of the range is in use")
}

func (p *ports) value(h, flow uint32) uint16 { return p.low + uint16((h+flow)%p.size) }

// free reports whether none of the flows from h on is a port to avoid.
func (p *ports) free(h uint32) bool {
	for f := range p.flows {
		v := p.value(h, f)
		if p.avoid[v/64]&(1<<(v%64)) != 0 {
			return false
		}
	}
	return true
}

// flowBase is the hash that the flow values of one target start from.
type flowBase struct {
	port  uint32 // below ports.size
	label uint32
}

// base returns the flow base of target: a pure function of seed and target.
func (c *Codec) base(target *probe.Addr) flowBase {
	var port, label uint32
	for try := range uint16(rehash) {
		a, b := c.seed.hash(target, try)
		port, label = uint32(a%uint64(c.ports.size)), uint32(b>>32)
		if c.ports.free(port) {
			return flowBase{port, label}
		}
	}
	for !c.ports.free(port) { // a crowded range: the next free place
		port = (port + 1) % c.ports.size
	}
	return flowBase{port, label}
}

// flow returns the values of one flow of the target whose base is b. Labels of
// neighbouring flows differ in many bits: the multiplier is odd.
func (c *Codec) flow(b flowBase, index uint16) probe.Flow {
	label := (b.label + uint32(index)*0x9e3779b1) >> 12
	if label == 0 {
		label = 1
	}
	return probe.Flow{Value: c.ports.value(b.port, uint32(index)), Label: label}
}

// Flow returns what load balancers may hash of the probes of (target, index).
func (c *Codec) Flow(target probe.Addr, index uint16) probe.Flow {
	return c.flow(c.base(&target), index)
}

// flowOf returns the index of the flow of the target with base b whose value is
// v; ok is false if none is.
func (c *Codec) flowOf(b flowBase, v uint16) (index uint16, ok bool) {
	p := &c.ports
	offset := uint32(v) - uint32(p.low)
	if offset >= p.size {
		return 0, false
	}
	i := (offset + p.size - b.port) % p.size
	return uint16(i), i < p.flows
}
