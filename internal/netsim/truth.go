package netsim

import (
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"time"
)

// Truth computes the truth about a network without sending a packet. It only reads and may be used
// concurrently.
type Truth struct{ m *model }

// NewTruth returns the truth about the network that cfg describes.
func NewTruth(cfg Config) (*Truth, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("simulated network: %w", err)
	}
	return &Truth{m: newModel(cfg)}, nil
}

// Config returns the configuration of the network.
func (t *Truth) Config() Config { return t.m.cfg }

// Flow is the fields that decide a probe's path, except its TTL.
type Flow struct {
	Src, Dst netip.Addr
	Label    uint32 // IPv6 flow label
	First    uint32 // transport octets 0 to 3: ports; ICMP type, code, checksum
	ID       uint16 // identifier of an ICMP echo
	Protocol uint8
	TOS      uint8
	At       time.Duration // since the first valid probe: balancers and routes may change
}

// PortFlow returns a flow of UDP (17) or TCP (6).
func PortFlow(protocol uint8, src, dst netip.Addr, sport, dport uint16) Flow {
	return Flow{Src: src, Dst: dst, Protocol: protocol, First: uint32(sport)<<16 | uint32(dport)}
}

// EchoFlow returns a flow of ICMP echo requests with that identifier and
// checksum.
func EchoFlow(src, dst netip.Addr, id, checksum uint16) Flow {
	f := Flow{Src: src, Dst: dst, ID: id, Protocol: protoICMP, First: 8 << 24}
	if !dst.Unmap().Is4() {
		f.Protocol, f.First = protoICMPv6, 128<<24
	}
	f.First |= uint32(checksum)
	return f
}

func (f *Flow) internal() flow {
	return flow{src: addrOf(f.Src), dst: addrOf(f.Dst), first: f.First, label: f.Label,
		id: f.ID, proto: f.Protocol, tos: f.TOS}
}

// Hop is the node that a probe meets at a TTL. Hops are comparable.
type Hop struct {
	Addr   netip.Addr // the address that answers, or would answer
	Target bool       // Addr is the target; else a router
	// Dist is the number of routers on the way, including Addr.
	Dist uint8
	// Fate is Answered, or the cause of a permanent silence. An Answered hop's reply may still
	// be lost, or refused by a limit if Limited is set.
	Fate   Fate
	Answer Answer // NoAnswer unless Fate is Answered; for TCP, in the state LISTEN
	Code   uint8  // of an ICMP error
	// Limited is set if a token bucket may refuse the answer.
	Limited bool
	Loop    bool // the probe was in a loop of two routers
	End     bool // with a greater TTL a probe gets no further

	// RTT is the smallest round-trip time, RTTMax the largest.
	RTT, RTTMax time.Duration
	ReplyTTL    uint8

	// Of ICMP errors: the quoted TTL, the octets quoted of a probe of 1500, and the fields
	// whose quoted value differs from the value sent.
	QuotedTTL uint8
	QuotedLen uint16
	Mangled   Mangle
	// Labels is the number of labels of an RFC 4950 stack. Interface is set if there is an RFC
	// 5837 object, Legacy if RFC 4884's length field is not set.
	Labels            uint8
	Interface, Legacy bool
}

// AppendHops appends all hops that probes of the flow may meet at a TTL from 1 to 255. That is
// one hop, or several if there are per-packet balancers on the way.
func (t *Truth) AppendHops(hops []Hop, f *Flow, ttl uint8) []Hop {
	return t.appendWays(hops, f, ttl, perPacket)
}

// AppendPossible appends all hops that probes of any flow with the source, destination and protocol
// of f may meet at a TTL.
func (t *Truth) AppendPossible(hops []Hop, f *Flow, ttl uint8) []Hop {
	return t.appendWays(hops, f, ttl, perFlow)
}

// AppendEnds appends the end of the flow's path, which all TTLs above its length show: the target,
// an unreachable, a firewall, a loop, or silence.
func (t *Truth) AppendEnds(hops []Hop, f *Flow) []Hop { return t.AppendHops(hops, f, 255) }

// Path returns AppendHops of each TTL from 1 to the end of the longest way, at most last.
func (t *Truth) Path(f *Flow, last uint8) [][]Hop {
	var path [][]Hop
	for ttl := range last {
		hops := t.AppendHops(nil, f, ttl+1)
		path = append(path, hops)
		if !slices.ContainsFunc(hops, func(h Hop) bool { return !h.End }) {
			break
		}
	}
	return path
}

// appendWays enumerates the ways of a packet. It takes all branches at per-packet balancers and at
// balancers of the kind all.
func (t *Truth) appendWays(hops []Hop, f *Flow, ttl uint8, all balancer) []Hop {
	m, in := t.m, f.internal()
	if ttl == 0 || reachOf(in.dst) == martian {
		return hops
	}
	p, h := m.plan(in.dst), m.hashFlow(&in, int64(f.At))
	m.reroute(&p, int64(f.At))
	m.enterFrom(&p, in.src)
	first := len(hops)
	add := func(w way) {
		hop := t.hop(&p, &in, &w)
		if !slices.Contains(hops[first:], hop) {
			hops = append(hops, hop)
		}
	}
	var (
		tl     tail
		base   int64
		starts = uint64(1) // bit n: a segment may begin after n routers
		room   = m.cfg.MaxHops - 1
	)
	for level := range levels {
		prefix := p.prefix(level)
		g := m.segment(level, prefix, p.six, 0, room)
		n := node{prefix: prefix, level: uint8(level), six: p.six}
		rest := room - g.most()
		if p.vantage != 0 {
			m.further(&g, &n, &p)
		}
		from, to := m.branches(&g.balance, &h, int(g.width), all)
		var next uint64
		inside := 0
		if g.layers != 0 {
			next = m.spread(&g, &h, starts, ttl, all, func(slot uint16, place, dist int) {
				n.slot = slot
				add(m.expired(&p, n, dist, base+g.delayAt(place), ttl))
			})
			from, to = 0, 0
		} else {
			inside = g.branchLen(from)
		}
		for b := from; b < to; b++ {
			length := int(g.before+g.after) + g.branchLen(b)
			for set := starts; set != 0; set &= set - 1 {
				pos := bits.TrailingZeros64(set)
				if int(ttl) > pos+length {
					next |= 1 << (pos + length)
				} else if int(ttl) > pos {
					slot, place := g.slot(int(ttl)-pos-1, b, g.branchLen(b))
					n.slot = slot
					add(m.expired(&p, n, int(ttl), base+g.delayAt(place), ttl))
				}
			}
		}
		tl.add(n, &g, int(g.before+g.after)+inside, from, inside, base)
		base, room, starts = base+g.delay, rest, next
		done := false
		for set := starts; set != 0; set &= set - 1 {
			var w way
			if w, done = m.stopped(&p, level, &tl, bits.TrailingZeros64(set), in.proto, ttl); done {
				add(w)
			}
		}
		if done || starts == 0 {
			return hops
		}
	}
	for set := starts; set != 0; set &= set - 1 {
		add(m.arrived(&p, &tl, bits.TrailingZeros64(set), base, &in, ttl))
	}
	return hops
}

// hop describes the end of a way.
func (t *Truth) hop(p *plan, f *flow, w *way) Hop {
	m := t.m
	hop := Hop{Target: w.target, Dist: uint8(w.dist), Fate: w.fate, Loop: w.loop, End: w.end,
		RTT: time.Duration(w.base)}
	hop.RTTMax = hop.RTT + m.cfg.Jitter
	if m.cfg.Spikes > 0 {
		hop.RTTMax += m.cfg.Spike
	}
	var tr traits
	if w.target {
		hop.Addr, tr = p.dst.netip(), m.hostTraits(p)
		if w.fate == Answered {
			// For TCP the flags matter, which are not part of a flow: assume a SYN.
			kind := uint8(f.first >> 24)
			w.answer = m.hostAnswer(p, f.proto, uint16(f.first), kind, flagSYN)
		}
		hop.Limited = w.answer == PortUnreach && m.limitsItself(p)
	} else {
		hop.Addr, tr = m.routerAddr(p, w).netip(), m.routerTraits(w.node)
		hop.Limited = m.limitedRouter(w.node)
	}
	if w.fate != Answered {
		hop.Limited = false
		return hop
	}
	hop.Answer, hop.ReplyTTL = w.answer, tr.replyTTL(w.dist)
	if !w.answer.IsError() {
		return hop
	}
	_, hop.Code = icmpType(w.answer, w.code, p.six)
	hop.QuotedTTL = w.quotedTTL(&tr)
	long := packet{raw: longest[:], ip: headerLen(p.six), six: p.six}
	hop.QuotedLen = uint16(tr.quotedLen(&long))
	hop.Labels, hop.Interface, hop.Legacy = tr.labels, tr.iface, tr.quote == quoteOld
	if w.boxed {
		hop.Mangled = p.mangle(f)
	}
	return hop
}

// longest is a probe of the greatest length. Only its length is used.
var longest [maxPacket]byte

// AddrKind is the simulator's use of an address.
type AddrKind uint8

// The kinds of addresses.
const (
	Elsewhere AddrKind = iota // a target's, or unused
	RouterAddr
	NoiseAddr // a source of noise only
	NATAddr   // only in quotations of rewritten probes
)

// Place is the place of a router.
type Place struct {
	Prefix netip.Prefix // of the targets after its segment
	Level  uint8
	Slot   uint16
}

// Locate maps an address back to its place. An address in the routers' ranges that belongs to no
// router is Elsewhere.
func (t *Truth) Locate(a netip.Addr) (AddrKind, Place) {
	in := addrOf(a)
	if in.is4() {
		switch n, ok := index4(in.v4()); {
		case ok && n >= nat4:
			return NATAddr, Place{}
		case ok && n >= noise4:
			return NoiseAddr, Place{}
		}
	} else if in.hi>>32 == noise6>>32 {
		return NoiseAddr, Place{}
	} else if in.hi>>32 == nat6>>32 {
		return NATAddr, Place{}
	}
	n, ok := nodeAt(in)
	if !ok || !t.m.exists(n) {
		return Elsewhere, Place{}
	}
	return RouterAddr, Place{Prefix: n.netipPrefix(), Level: n.level, Slot: n.slot}
}

// Router returns the address from which the router in a record answers.
func (t *Truth) Router(r *Record) netip.Addr {
	p := t.m.planAt(r.src, r.dst, r.At)
	n := node{prefix: p.prefix(int(r.Level)), level: r.Level, entry: p.entry(int(r.Level)), slot: r.Slot, six: p.six}
	return t.m.routerAddr(&p, &way{node: n, answer: r.Answer}).netip()
}

func (n node) netipPrefix() netip.Prefix {
	if n.six {
		a := addr{hi: n.prefix << (64 - bits6[n.level])}
		return netip.PrefixFrom(netip.AddrFrom16(a.bytes()), int(bits6[n.level]))
	}
	v := uint32(n.prefix << (32 - bits4[n.level]))
	return netip.PrefixFrom(addr4(v).netip(), int(bits4[n.level]))
}

// exists reports whether the node's segment has its slot.
func (m *model) exists(n node) bool {
	if !m.hasEntry(n) {
		return false
	}
	p := plan{six: n.six, key: n.prefix << (48 - bits4[n.level])}
	if n.six {
		p.key = n.prefix << (48 - bits6[n.level])
	}
	p.via = p.key
	room := m.cfg.MaxHops - 1
	for level := range int(n.level) {
		g := m.segment(level, p.prefix(level), n.six, 0, room)
		room -= g.most()
	}
	g := m.segment(int(n.level), n.prefix, n.six, 0, room)
	if n.entry != 0 {
		g = m.entrySegment(&g, n)
	}
	if n.slot <= uint16(g.before+g.after) {
		return true
	}
	if g.layers != 0 {
		return g.inFabric(int(n.slot))
	}
	first, branch := firstInDia, maxBranch
	if g.end {
		first, branch = firstInDiaEnd, maxBranchEnd
	}
	i := int(n.slot) - first
	return i >= 0 && i/branch < int(g.width) && i%branch < g.branchLen(i/branch)
}
