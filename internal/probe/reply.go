package probe

import "slices"

// Facts is what a reply says, without a pointer, so that arenas of facts cost
// the garbage collector nothing. Fields that the packet does not have (a
// quotation's of an echo reply, say) are zero; Kind and HasQuote tell which.
type Facts struct {
	Probe // what it answers, as authenticated

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
	Mangled Mangled // quoted fields that differ from what was sent

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

// HasHop reports whether the reply shows who sits at a TTL. The others show
// only that the target was reached.
func (f *Facts) HasHop() bool {
	return f.Kind != KindUDPReply && f.Kind != KindPureACK
}

// Kind classifies a reply by its type, code and flags, never by its source.
type Kind uint8

// The kinds. KindOther is any ICMP message that none of the others names.
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

// String returns the name that stands in records.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "other"
}

// ParseKind is the inverse of String; ok is false for a name it does not know.
func ParseKind(s string) (k Kind, ok bool) {
	for i, name := range kindNames {
		if name == s {
			return Kind(i), true
		}
	}
	return KindOther, false
}

// IsUnreach reports whether the reply says that the path ends here without the
// target: any unreachable but the port's and the packet's size.
func (k Kind) IsUnreach() bool { return k >= KindHostUnreach && k <= KindUnreach }

// Validity says how sure it is that the reply answers one of our probes.
type Validity uint8

// The validities. Unverified is a replay's without the key. Garbled is no reply
// that counts: it quotes a probe of this target and flow, but no TTL, and says
// only that somebody rewrites what tags ride in, or makes them up. It stands in no
// record.
const (
	Unverified Validity = iota
	Weak
	Strong
	Garbled
)

var validityNames = [...]string{Unverified: "unverified", Weak: "weak", Strong: "strong", Garbled: "garbled"}

// String returns the name that stands in records.
func (v Validity) String() string { return validityNames[v] }

// ParseValidity is the inverse of String; ok is false for a name that no record has.
func ParseValidity(s string) (v Validity, ok bool) {
	for i, name := range validityNames {
		if name == s && Validity(i) != Garbled {
			return Validity(i), true
		}
	}
	return Unverified, false
}

// Mangled is a set of quoted fields that somebody rewrote on the way.
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
	MangledPayload                     // what follows the first 8 octets of the transport header
)

var mangledNames = [...]string{"ipid", "csum", "len", "label", "tos", "src", "id", "seq", "payload"}

// Has reports whether all of f is in m.
func (m Mangled) Has(f Mangled) bool { return m&f == f }

// tags are the fields that bear a tag.
const tags = MangledCsum | MangledSeq | MangledIPID | MangledPayload

// Vouches reports whether the checksum of a quotation came through, so that
// nobody on the way up to the reply's TTL rewrites it.
func (f *Facts) Vouches() bool { return f.HasQuote && !f.Mangled.Has(MangledCsum) }

// Alone reports whether a reply is known by one tag because its quotation ends
// before the other, as the 48 octets do that every router quotes over IPv6.
func (f *Facts) Alone() bool { return f.Valid == Weak && f.HasQuote && f.Mangled&tags == 0 }

// ParseMangled is the inverse of AppendNames; ok is false if a name is not known.
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
