package netsim

// hostFate returns whether a living target accepts packets of a protocol, to their port.
func (m *model) hostFate(p *plan, f *flow) Fate {
	h := mix(p.host, saltPort)
	var filtered bool
	switch f.proto {
	case protoUDP:
		filtered = m.filterUDP.hit(h) || m.filtersPort(p, f)
	case protoTCP:
		filtered = m.filterTCP.hit(h>>16) || m.filtersPort(p, f)
	default:
		filtered = m.filterICMP.hit(h >> 32)
	}
	if filtered {
		return FilteredHost
	}
	return Answered
}

// filtersPort reports whether a living target ignores the port of a UDP or TCP packet.
func (m *model) filtersPort(p *plan, f *flow) bool {
	return m.filterPorts.hit(mix(p.host^saltFilter, uint64(f.proto)<<16|uint64(uint16(f.first))))
}

// listens reports whether the target has a listener on a TCP port.
func (m *model) listens(p *plan, port uint16) bool {
	h := mix(p.host^saltTCP, uint64(port))
	switch port {
	case 22, 25, 53, 80, 443:
		return m.open.hit(h)
	}
	return m.other.hit(h)
}

// hostAnswer returns the answer of a living target that does not filter, without TCP state: for a
// SYN to a listener it is SYNACK. kind is the ICMP type, flags are TCP's.
func (m *model) hostAnswer(p *plan, proto uint8, dport uint16, kind, flags uint8) Answer {
	switch proto {
	case protoUDP:
		if m.udpAnswer.hit(mix(p.host^saltPort, uint64(dport))) {
			return UDPReply
		}
		return PortUnreach
	case protoTCP:
		return listenAnswer(flags, m.listens(p, dport))
	case protoICMP:
		if kind != 8 {
			return NoAnswer
		}
	case protoICMPv6:
		if kind != 128 {
			return NoAnswer
		}
	}
	return EchoReply
}

// traits define how a router or a target forms its replies.
type traits struct {
	quote  quoting
	origin uint8 // initial TTL of its packets
	back   uint8 // additional hops on the way back
	tos    uint8
	zero   bool // quotes the TTL after decrementing it
	liar   bool // quotes a TTL as if it were half as far away
	labels uint8
	iface  bool // RFC 5837 object
	hash   uint64
}

// quoting is how much of a probe an ICMP error quotes.
type quoting uint8

const (
	quoteWhole quoting = iota // as much as fits 576 (IPv4) or 1280 octets (IPv6)
	quoteShort                // IP header and 8 octets
	quoteNew                  // 128 octets and extensions, length field set (RFC 4884)
	quoteOld                  // the same with length field 0 (RFC 4884 §5)
)

func (m *model) routerTraits(n node) (t traits) {
	h := n.hash(m.seed)
	r, q := mix(h, saltTraits), mix(h, saltQuote)
	t.hash = q
	switch r & 31 {
	case 0:
		t.origin = 128
	case 1, 2, 3, 4, 5, 6, 7, 8, 9, 10:
		t.origin = 64
	default:
		t.origin = 255
	}
	if r>>5&1 == 0 {
		t.tos = 0xc0 // network control, RFC 1812 §4.3.2.5
	}
	if m.asymmetric.hit(r >> 8) {
		t.back = uint8(1 + pick(r, 3))
	}
	t.zero = m.quotedZero.hit(q >> 16)
	switch {
	case m.quoteShort.hit(q):
		t.quote = quoteShort
	case m.quoteNew.hit(q):
		t.quote = quoteNew
	case m.quoteOld.hit(q):
		t.quote = quoteOld
	default:
		return t
	}
	if t.quote == quoteShort {
		return t
	}
	l := mix(h, saltLabel)
	t.iface = m.interfaces.hit(l)
	if !t.iface || l>>32&1 == 0 {
		t.labels = uint8(1 + (l>>40)%3)
	}
	return t
}

// limitedRouter reports whether a router has a token bucket.
func (m *model) limitedRouter(n node) bool {
	return m.limited.hit(mix(n.hash(m.seed), saltLimit))
}

// limitsItself reports whether a target has a token bucket for its unreachables.
func (m *model) limitsItself(p *plan) bool { return m.limitedHost.hit(mix(p.host, saltLimit)) }

func (m *model) hostTraits(p *plan) (t traits) {
	r := mix(p.host, saltTraits)
	switch r & 31 {
	case 0:
		t.origin = 255
	case 1, 2, 3, 4, 5, 6, 7, 8, 9, 10:
		t.origin = 128
	default:
		t.origin = 64
	}
	if r>>5&3 == 0 {
		t.quote = quoteShort
	} else {
		t.tos = 0xc0
	}
	t.liar = m.liars.hit(mix(p.host, saltLiar))
	return t
}

// replyTTL returns the TTL with which a reply arrives from dist hops away.
func (t *traits) replyTTL(dist int) uint8 {
	return uint8(max(1, int(t.origin)-(dist-1)-int(t.back)))
}
