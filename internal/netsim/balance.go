package netsim

import "time"

// flow is the header fields that balancers may hash.
type flow struct {
	src, dst addr
	first    uint32 // first four octets of the transport header
	label    uint32 // IPv6 flow label
	id       uint16 // identifier of an ICMP echo, else 0
	proto    uint8
	tos      uint8
}

// flowHash holds the hashes that most balancers use, and the fields that the others hash.
type flowHash struct {
	flow, more, dst, pair uint64

	ports uint64 // the fields of hashPorts
	label uint32
	at    int64 // the time, in ns since the first valid probe
}

func (m *model) hashFlow(f *flow, at int64) flowHash {
	pair := mix(f.src.hi^saltFlow, f.src.lo)
	pair = mix(pair^f.dst.hi, f.dst.lo^m.seed)
	ports := uint64(f.first)<<16 | uint64(f.id)
	h := mix(pair^uint64(f.proto), ports)
	return flowHash{
		flow:  h,
		more:  mix(h^saltMore, uint64(f.label)<<8|uint64(f.tos)),
		dst:   mix(f.dst.hi^saltHost, f.dst.lo^m.seed),
		pair:  pair,
		ports: ports,
		label: f.label,
		at:    at,
	}
}

// fields is the header fields that a per-flow balancer hashes.
type fields uint8

const (
	// Ports are those, or the ICMP type, code, checksum and identifier.
	hashFlow  fields = iota // addresses, protocol, ports
	hashMore                // the same, TOS and flow label
	hashPorts               // ports
	hashLabel               // flow label
)

// balance is how a router chooses among branches.
type balance struct {
	salt     uint64
	balancer balancer
	fields   fields // of a perFlow balancer
	// ratio is the largest share of a branch divided by the smallest; 0 if all are equal.
	ratio uint8
}

// drawBalance draws the kind of a balancer and the shares of its branches.
func (m *model) drawBalance(h uint64, six family) (b balance) {
	switch {
	case m.flow.hit(h):
		b.balancer = perFlow
		if m.more.hit(h >> 32) {
			b.fields = hashMore
		}
		m.drawFields(&b, mix(h, saltFields), six)
	case m.flowOrDst.hit(h):
		b.balancer = perDestination
	default:
		b.balancer = perPacket
	}
	if h = mix(h, saltWeights); m.weighted.hit(h) {
		b.ratio = uint8(2 + pick(h, maxRatio-1))
	}
	return b
}

// drawFields draws whether a per-flow balancer hashes few fields only.
func (m *model) drawFields(b *balance, h uint64, six family) {
	switch {
	case !m.labelOnly.hit(h):
	case m.addresses.hit(h):
		b.balancer = perAddresses
	case m.portsOnly.hit(h):
		b.fields = hashPorts
	case bool(six):
		b.fields = hashLabel
	}
}

// choose returns the branch that a packet takes among n; packet is a hash of its number.
func (m *model) choose(b *balance, h *flowHash, packet uint64, n int) int {
	var x uint64
	switch b.balancer {
	case perPacket:
		x = packet
	case perDestination:
		x = h.dst
	case perAddresses:
		x = h.pair
	default:
		switch b.fields {
		case hashFlow:
			x = h.flow
		case hashMore:
			x = h.more
		case hashPorts:
			x = mix(saltFields, h.ports)
		case hashLabel:
			x = mix(saltFields, uint64(h.label))
		}
	}
	salt := b.salt
	if n := m.remapsUntil(b, h.at); n > 0 {
		salt = mix(salt, saltRemap+n)
	}
	x = mix(salt, x)
	if b.ratio > 1 {
		return b.pick(x, n)
	}
	return pick(x, n)
}

// remapsUntil returns how often the balancer has remapped its flows at a time. With
// Config.RemapEvery each balancer has moments of its own.
func (m *model) remapsUntil(b *balance, at int64) uint64 {
	c := &m.cfg
	switch {
	case !c.Remap.reached(at) || !m.remaps(b):
		return 0
	case c.RemapEvery == 0:
		return 1
	}
	return c.Remap.turns(at, c.RemapEvery, mix(b.salt, saltRemap-1))
}

// remaps reports whether the balancer remaps its flows at Config.Remap.
func (m *model) remaps(b *balance) bool {
	return b.balancer != perPacket && m.remapped.hit(mix(b.salt, saltRemap))
}

// maxRatio is the greatest ratio between the shares of two branches.
const maxRatio = 10

// weight returns the weight of branch i among n. Weights grow evenly from the first branch to the
// last, which has ratio times as much.
func (b *balance) weight(i, n int) int {
	if b.ratio < 2 || n < 2 {
		return 1
	}
	return n - 1 + i*(int(b.ratio)-1)
}

// pick returns a branch by its weight.
func (b *balance) pick(x uint64, n int) int {
	total := 0
	for i := range n {
		total += b.weight(i, n)
	}
	left := pick(x, total)
	for i := range n {
		if left -= b.weight(i, n); left < 0 {
			return i
		}
	}
	return n - 1
}

// fixed reports whether all packets to a destination from a source take the same branch.
func (b *balance) fixed() bool { return b.balancer == perDestination || b.balancer == perAddresses }

// Moment is a time of a run, counted from the first valid probe. The zero Moment is never.
type Moment int64 // ns, plus 1

// After returns the moment that is d after the first valid probe.
func After(d time.Duration) Moment { return Moment(d) + 1 }

// reached reports whether the moment has come at a time, in ns since the first valid probe.
func (m Moment) reached(at int64) bool { return m > 0 && at >= int64(m)-1 }

// turns returns how often something has happened that happens every so often from the moment on, for
// the first time within one period. h decides when that is.
func (m Moment) turns(at int64, every time.Duration, h uint64) uint64 {
	phase := int64(h % uint64(every))
	return uint64(at-int64(m)+1+phase) / uint64(every)
}

// String returns the time, or never.
func (m Moment) String() string {
	if m <= 0 {
		return "never"
	}
	return time.Duration(m - 1).String()
}

// clock counts the time of a run.
type clock struct {
	start   int64
	running bool
}

// at returns the time since the first valid probe. fate is of the packet at the time now.
func (c *clock) at(now int64, fate Fate) int64 {
	if !c.running {
		if !fate.Valid() {
			return 0
		}
		c.start, c.running = now, true
	}
	return now - c.start
}
