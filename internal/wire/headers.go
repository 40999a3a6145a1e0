package wire

import "encoding/binary"

// An IPv4 header (RFC 791 §3.1). Offsets are octets from its first octet.
//
//	0        1    2       4   6      8    9          10        12   16
//	| 4, IHL | TOS | length | ID | frag | TTL | protocol | checksum | src | dst
const (
	V4TOS      = 1
	V4Length   = 2
	V4ID       = 4
	V4Fragment = 6 // flags (3 bits) and offset (13 bits)
	V4TTL      = 8
	V4Protocol = 9
	V4Checksum = 10
	V4Src      = 12
	V4Dst      = 16
	V4Len      = 20 // without options
)

// An IPv6 header (RFC 8200 §3). The first 32 bits are version (4), traffic
// class (8) and flow label (20).
//
//	0              4         6             7           8     24
//	| 6, class, label | length | next header | hop limit | src | dst
const (
	V6Length   = 4 // octets after this header
	V6Next     = 6
	V6HopLimit = 7
	V6Src      = 8
	V6Dst      = 24
	V6Len      = 40
)

// A UDP header (RFC 768).
const (
	UDPSrcPort  = 0
	UDPDstPort  = 2
	UDPLength   = 4
	UDPChecksum = 6
	UDPLen      = 8
)

// A TCP header (RFC 9293 §3.1). The upper 4 bits of octet TCPOffset are its
// length with options, in 32-bit words.
//
//	0     2     4          8                 12       13      14       16         18
//	| src | dst | sequence | acknowledgement | offset | flags | window | checksum | urgent
const (
	TCPSrcPort  = 0
	TCPDstPort  = 2
	TCPSeq      = 4
	TCPAck      = 8
	TCPOffset   = 12
	TCPFlags    = 13
	TCPWindow   = 14
	TCPChecksum = 16
	TCPLen      = 20 // without options
)

// TCP flags, in the octet TCPFlags.
const (
	FlagFIN = 1 << iota
	FlagSYN
	FlagRST
	FlagPSH
	FlagACK
	FlagURG
	FlagECE
	FlagCWR
)

// The TCP option that states the maximum segment size (RFC 9293 §3.2): kind,
// length, and the size in 16 bits.
const (
	OptionMSS    = 2
	OptionMSSLen = 4
)

// An ICMP header (RFC 792, RFC 4443 §2.1) and the fields that echo messages add. Errors hold the
// quotation at ICMPLen. If an extension structure follows it, an octet states its length (RFC
// 4884 §4). That is ICMPv4QuoteWords (in 32-bit words) or ICMPv6QuoteWords (in 64-bit words).
const (
	ICMPType         = 0
	ICMPCode         = 1
	ICMPChecksum     = 2
	EchoID           = 4
	EchoSeq          = 6
	ICMPv4QuoteWords = 5
	ICMPv6QuoteWords = 4
	ICMPMTU4         = 6 // 16 bits, fragmentation needed (RFC 1191 §4)
	ICMPMTU6         = 4 // 32 bits, packet too big (RFC 4443 §3.2)
	ICMPLen          = 8
)

// ICMP types (IANA registries "ICMP Type Numbers" and "ICMPv6 type Numbers").
const (
	ICMPv4EchoReply        = 0
	ICMPv4Unreachable      = 3
	ICMPv4SourceQuench     = 4
	ICMPv4Redirect         = 5
	ICMPv4Echo             = 8
	ICMPv4TimeExceeded     = 11
	ICMPv4ParameterProblem = 12

	ICMPv6Unreachable      = 1
	ICMPv6PacketTooBig     = 2
	ICMPv6TimeExceeded     = 3
	ICMPv6ParameterProblem = 4
	ICMPv6Echo             = 128
	ICMPv6EchoReply        = 129
	ICMPv6Redirect         = 137
)

// MinTransport is how many octets of the transport header every router must quote: 64 bits (RFC
// 792).
const MinTransport = 8

// MinMTU6 is the smallest MTU of a link that carries IPv6 (RFC 8200 §5).
const MinMTU6 = 1280

// Fragment is the field of a fragment header with the fragment's offset (RFC 8200 §4.5), without
// its reserved bits.
type Fragment uint16

// Offset returns the octets of the packet before this fragment.
func (f Fragment) Offset() int { return int(f &^ 1) }

// SkipExtensions skips the IPv6 extension headers that a packet may have before its transport
// header. These are hop-by-hop options 0, routing 43, fragment 44 and destination options 60 (RFC
// 8200 §4). It returns the protocol after them and its octets. part is the fragment of a packet.
// It is zero for a whole packet, which may also be in a single fragment (RFC 6946). ok is false
// if a header is cut.
func SkipExtensions(next uint8, b []byte) (protocol uint8, rest []byte, part Fragment, ok bool) {
	for {
		size := 8
		switch next {
		case 0, 43, 60:
			if len(b) < 2 {
				return next, nil, 0, false
			}
			size = 8 * (int(b[1]) + 1)
		case 44:
			if len(b) < 8 {
				return next, nil, 0, false
			}
			part = Fragment(binary.BigEndian.Uint16(b[2:]) &^ 6)
		default:
			return next, b, part, true
		}
		if len(b) < size {
			return next, nil, 0, false
		}
		next, b = b[0], b[size:]
		if part.Offset() != 0 {
			return next, b, part, true
		}
	}
}
