package probe

import (
	"math/bits"
	"net/netip"
	"slices"
)

// Facts is the content of a reply, without a pointer, so that the garbage collector does not scan
// arrays of it. Fields that the packet does not have (those of a quotation in an echo reply, for
// example) are zero. Kind and HasQuote show which fields are valid.
type Facts struct {
	Probe // the probe that it answers, as authenticated

	Stamp     int64  // kernel receive time, ns since the Unix epoch
	Responder Addr   // source address of the reply
	ReplySize uint32 // octets of the IP packet, as its header states
	MTU       uint32 // next-hop MTU of packet_too_big and frag_needed, else 0

	// QuotedSize is the size of the quoted IP packet in octets, as the
	// quoted header states it.
	QuotedSize uint32
	QuotedLen  uint16 // octets quoted, from the quoted IP header on
	QuotedID   uint16 // IPv4 only
	ReplyID    uint16 // IPv4 only

	Kind    Kind
	Valid   Validity
	Mangled Mangled // quoted fields that differ from the sent ones

	Protocol uint8 // IP protocol number of the reply
	Type     uint8 // ICMP type, 0 for TCP and UDP
	Code     uint8 // ICMP code, 0 for TCP and UDP
	TCPFlags uint8 // 0 unless Protocol is ProtoTCP
	ReplyTTL uint8 // TTL or hop limit as received
	ReplyTOS uint8 // TOS or traffic class as received

	HasQuote  bool
	QuotedTTL uint8
	QuotedTOS uint8
}

// Reply is a decoded packet that answers a probe.
type Reply struct {
	Facts

	// Ext is the RFC 4884 extension structure, header included, or nil. It
	// aliases the receiver's buffer: valid until the sink returns.
	Ext []byte
}

// Source returns the source address of the reply. An IPv4-mapped address is IPv4 in an answer to an
// IPv4 probe only: some routers answer IPv6 probes from ::ffff:a.b.c.d.
func (f *Facts) Source() netip.Addr {
	if f.Responder.Is4() && f.Target.Is6() {
		return netip.AddrFrom16(f.Responder)
	}
	return f.Responder.Netip()
}

// HasHop reports whether the reply shows the interface at a TTL. Other replies show only that the
// target was reached.
func (f *Facts) HasHop() bool {
	return f.Kind != KindUDPReply && f.Kind != KindPureACK
}

// Kind classifies a reply by its type, code and flags, never by its source.
type Kind uint8

// The kinds. KindOther is any ICMP message without a kind of its own.
const (
	KindOther Kind = iota
	KindTTLExceeded
	KindReassemblyExceeded
	KindPortUnreach
	KindHostUnreach
	KindNetUnreach
	KindProtoUnreach
	KindAdmin // communication administratively prohibited, of any kind
	KindUnreach
	KindFragNeeded
	KindPacketTooBig
	KindParameterProblem
	KindEchoReply
	KindSYNACK
	KindRST
	KindPureACK
	KindUDPReply
)

var kindNames = [...]string{
	KindOther:              "other",
	KindTTLExceeded:        "ttl_exceeded",
	KindReassemblyExceeded: "reassembly_exceeded",
	KindPortUnreach:        "port_unreach",
	KindHostUnreach:        "host_unreach",
	KindNetUnreach:         "net_unreach",
	KindProtoUnreach:       "proto_unreach",
	KindAdmin:              "admin",
	KindUnreach:            "unreach",
	KindFragNeeded:         "frag_needed",
	KindPacketTooBig:       "packet_too_big",
	KindParameterProblem:   "parameter_problem",
	KindEchoReply:          "echo_reply",
	KindSYNACK:             "syn_ack",
	KindRST:                "rst",
	KindPureACK:            "pure_ack",
	KindUDPReply:           "udp_reply",
}

// String returns the name used in records.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "other"
}

// ParseKind is the inverse of String; ok is false for an unknown name.
func ParseKind(s string) (k Kind, ok bool) {
	for i, name := range kindNames {
		if name == s {
			return Kind(i), true
		}
	}
	return KindOther, false
}

// IsUnreach reports whether the reply means that the path ends here before the target. That is
// any unreachable except a port unreachable and those about the packet size.
func (k Kind) IsUnreach() bool { return k >= KindHostUnreach && k <= KindUnreach }

// EndsPath reports whether an answer ends a path: the target answers, or a router or firewall reports
// that the target cannot be reached.
func (k Kind) EndsPath() bool {
	switch k {
	case KindTTLExceeded, KindReassemblyExceeded, KindFragNeeded, KindPacketTooBig, KindParameterProblem, KindOther:
		return false
	}
	return true
}

// Proof returns how much the reply proves about the probe that it answers. Of two replies to one
// probe, the one with the greater proof is the hop. Two tags, or the 32-bit tag of TCP, prove most.
// The seal alone proves less, and a single tag of 16 bits proves least. Each rewritten field takes
// something away.
func (f *Facts) Proof() uint8 {
	const fields = 16 // more than there are
	proof := uint8(fields - bits.OnesCount16(uint16(f.Mangled)))
	switch {
	case f.OneTag():
		return proof
	case f.Valid == Weak:
		return proof + fields + 1
	}
	return proof + 2*(fields+1)
}

// OneTag reports whether nothing but a single tag of 16 bits identifies the probe. A random
// quotation carries a valid one by chance, once in 65,536 for each possible probe.
func (f *Facts) OneTag() bool {
	return f.Valid == Weak && f.HasHop() &&
		!(f.Mangled&(MangledCsum|MangledSeq) != 0 && (f.Kind == KindEchoReply || f.Target.Is6()))
}

// Validity is the degree of certainty that the reply answers one of our probes.
type Validity uint8

// The validities. Unverified is for a replay without the key. A Garbled packet does not count as a
// reply: it quotes or answers a probe of this target and flow, but no tag is valid. It only shows
// that a device rewrites the fields that carry tags, or that an attacker forges them. It is in no
// record.
const (
	Unverified Validity = iota
	Weak
	Strong
	Garbled
)

var validityNames = [...]string{Unverified: "unverified", Weak: "weak", Strong: "strong", Garbled: "garbled"}

// String returns the name used in records.
func (v Validity) String() string { return validityNames[v] }

// ParseValidity is the inverse of String; ok is false for an unknown name.
func ParseValidity(s string) (v Validity, ok bool) {
	for i, name := range validityNames {
		if name == s && Validity(i) != Garbled {
			return Validity(i), true
		}
	}
	return Unverified, false
}

// Mangled is a set of quoted fields that a device on the path rewrote.
type Mangled uint16

// The fields, in the order in which records list them.
const (
	MangledIPID    Mangled = 1 << iota // IPv4 identification
	MangledCsum                        // UDP, TCP or ICMP checksum
	MangledLen                         // total or payload length
	MangledLabel                       // IPv6 flow label
	MangledTOS                         // TOS or traffic class
	MangledSource                      // source address
	MangledID                          // ICMP identifier
	MangledSeq                         // ICMP or TCP sequence number
	MangledPayload                     // payload: octets 8 and up of the transport part
)

var mangledNames = [...]string{"ipid", "csum", "len", "label", "tos", "src", "id", "seq", "payload"}

// Has reports whether all of f is in m.
func (m Mangled) Has(f Mangled) bool { return m&f == f }

// tags are the fields that carry a tag.
const tags = MangledCsum | MangledSeq | MangledIPID | MangledPayload

// Vouches reports whether the checksum of a quotation is unchanged. Then no device on the path up
// to the reply's TTL rewrites it.
func (f *Facts) Vouches() bool { return f.HasQuote && !f.Mangled.Has(MangledCsum) }

// Short reports whether a reply is identified by one tag because its quotation, or its copy of the
// payload, ends before the other. The 48 octets that every router quotes over IPv6 do.
func (f *Facts) Short() bool { return f.Valid == Weak && f.Mangled&tags == 0 }

// WrongTag returns the names of the tags that are there and not valid.
func (f *Facts) WrongTag() Mangled { return f.Mangled & tags }

// ParseMangled is the inverse of AppendNames; ok is false for an unknown name.
func ParseMangled(names []string) (m Mangled, ok bool) {
	for _, s := range names {
		i := slices.Index(mangledNames[:], s)
		if i < 0 {
			return 0, false
		}
		m |= 1 << i
	}
	return m, true
}

// AppendNames appends the names of the fields in m, in order.
func (m Mangled) AppendNames(names []string) []string {
	for i, name := range mangledNames {
		if m&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}
