// Package probe holds the basic values that all stages of masstrace share: addresses, methods,
// probes and replies. Its functions only convert and classify values. It does no I/O and imports no
// other package of masstrace.
package probe

import "fmt"

// Limits of the identity that a probe carries (6 bits of TTL, 2 of attempt).
const (
	MaxTTL      = 63
	MaxAttempts = 4
)

// Method is the way of probing: the protocol of the probes and, for TCP, their flags.
type Method uint8

// The methods.
const (
	UDP Method = iota
	ICMP
	TCPSYN
	TCPACK
)

var methodNames = [...]string{UDP: "udp", ICMP: "icmp", TCPSYN: "tcp-syn", TCPACK: "tcp-ack"}

// String returns the name used by --method.
func (m Method) String() string {
	if int(m) < len(methodNames) {
		return methodNames[m]
	}
	return fmt.Sprintf("method(%d)", uint8(m))
}

// ParseMethod is the inverse of String.
func ParseMethod(s string) (Method, error) {
	for m, name := range methodNames {
		if name == s {
			return Method(m), nil
		}
	}
	return 0, fmt.Errorf("unknown method %q", s)
}

// IP protocol numbers of probes and replies (IANA).
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
)

// Protocol returns the IP protocol number of the method's probes to a.
func (m Method) Protocol(is4 bool) uint8 {
	switch {
	case m == UDP:
		return ProtoUDP
	case m == ICMP && is4:
		return ProtoICMP
	case m == ICMP:
		return ProtoICMPv6
	default:
		return ProtoTCP
	}
}

// HasSeal6 reports whether probes over IPv6 carry 64 bits of authentication besides their tags.
func (m Method) HasSeal6() bool { return m.Protocol(false) != ProtoTCP }

// Probe identifies one packet of a scan by its target, flow, TTL and attempt.
type Probe struct {
	Target  Addr
	Flow    uint16 // index of the flow, from 0
	TTL     uint8  // TTL or hop limit as sent, 1 to MaxTTL
	Attempt uint8  // from 0
}

// Flow is the header fields that a load balancer may hash besides the addresses. They are constant
// over all TTLs and attempts of one (target, flow index).
type Flow struct {
	// Value is the source port; for ICMP the identifier and the pinned
	// checksum. Never 0, never 0xffff.
	Value uint16
	// Varies is the field in which the flow differs from its base flow.
	Varies Variation
	// Label is the IPv6 flow label (20 bits), never 0; unused in IPv4.
	Label uint32
}
