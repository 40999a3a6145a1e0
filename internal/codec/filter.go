package codec

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Filter returns the capture filter (pcap-filter(7)) that accepts every answer to a probe of this
// run, and little else. It accepts ICMP errors that quote the method's protocol, and the target's
// own answers. In IPv6 it also accepts all packets with extension headers, because a filter
// cannot skip those.
func (c *Codec) Filter() string {
	var families []string
	if !c.source.IsZero() {
		// An error quotes an IPv4 header, whose protocol is octet 9.
		families = append(families, fmt.Sprintf("(ip and dst host %s and ((%s and icmp[%d] = %d)%s))",
			c.source,
			anyOf("icmp[0]", wire.ICMPv4Unreachable, wire.ICMPv4TimeExceeded, wire.ICMPv4ParameterProblem),
			wire.ICMPLen+wire.V4Protocol, c.cfg.Method.Protocol(true),
			c.answers(true)))
	}
	if !c.source6.IsZero() {
		// icmp6[n] is octet n of the message only if the message directly follows the IPv6
		// header, as the next header field shows.
		families = append(families, fmt.Sprintf("(ip6 and dst host %s and ((icmp6 and %s)%s or %s))",
			c.source6,
			anyOf("icmp6[0]", wire.ICMPv6Unreachable, wire.ICMPv6PacketTooBig, wire.ICMPv6TimeExceeded, wire.ICMPv6ParameterProblem),
			c.answers(false),
			extended()))
	}
	return strings.Join(families, " or ")
}

// FilterTo is Filter for the answers to the probes of one target: errors that quote it, and packets
// from it. A quotation with another target is never an answer to them.
func (c *Codec) FilterTo(target probe.Addr) string {
	to := "src host " + target.String()
	if octets := target.Octets(); target.Is4() {
		to += fmt.Sprintf(" or icmp[%d:4] = %#x", wire.ICMPLen+wire.V4Dst, binary.BigEndian.Uint32(octets))
	} else {
		const quoted = wire.V6Len + wire.ICMPLen + wire.V6Dst
		var words []string
		for i := 0; i < len(octets); i += 4 {
			words = append(words, fmt.Sprintf("ip6[%d:4] = %#x", quoted+i, binary.BigEndian.Uint32(octets[i:])))
		}
		to += fmt.Sprintf(" or (%s) or %s", strings.Join(words, " and "), extended())
	}
	return fmt.Sprintf("(%s) and (%s)", c.Filter(), to)
}

// extended returns the filter of IPv6 packets with extension headers.
func extended() string { return anyOf("ip6[6]", 0, 43, 44, 60) }

// answers returns the filter of the targets' own answers that are not errors.
func (c *Codec) answers(is4 bool) string {
	low, high := c.PortRange()
	switch {
	case c.cfg.Method == probe.UDP:
		return fmt.Sprintf(" or (udp src %s and dst portrange %d-%d)", c.probedPorts(), low, high)
	case c.cfg.Method != probe.ICMP:
		return fmt.Sprintf(" or (tcp src %s and dst portrange %d-%d and %s)", c.probedPorts(), low, high, bareTCP(is4))
	case is4:
		return fmt.Sprintf(" or (icmp[0] = %d)", wire.ICMPv4EchoReply)
	default:
		return fmt.Sprintf(" or (icmp6[0] = %d)", wire.ICMPv6EchoReply)
	}
}

// probedPorts returns the filter of the ports that are probed.
func (c *Codec) probedPorts() string {
	if !c.cfg.Variations {
		return fmt.Sprintf("port %d", c.cfg.DstPort)
	}
	ports := c.varied.dstPort
	return fmt.Sprintf("portrange %d-%d", slices.Min(ports[:]), slices.Max(ports[:]))
}

// bareTCP returns the filter of segments with SYN or RST, or without data. It excludes the data
// that this machine downloads to ports in the same range. tcp[n] does not work over IPv6. Fixed
// offsets do, because extension headers have a filter of their own.
func bareTCP(is4 bool) string {
	const open = wire.FlagSYN | wire.FlagRST
	if is4 {
		return fmt.Sprintf("(tcp[%d] & %d != 0 or ip[%d:2] - ((ip[0] & 0xf) << 2) - ((tcp[%d] & 0xf0) >> 2) = 0)",
			wire.TCPFlags, open, wire.V4Length, wire.TCPOffset)
	}
	return fmt.Sprintf("(ip6[%d] & %d != 0 or ip6[%d:2] - ((ip6[%d] & 0xf0) >> 2) = 0)",
		wire.V6Len+wire.TCPFlags, open, wire.V6Length, wire.V6Len+wire.TCPOffset)
}

// PortRange returns the range of flow values, both ends included.
func (c *Codec) PortRange() (low, high uint16) {
	return c.ports.low, uint16(uint32(c.ports.low) + c.ports.size - 1)
}

func anyOf(field string, values ...int) string {
	terms := make([]string, len(values))
	for i, v := range values {
		terms[i] = fmt.Sprintf("%s = %d", field, v)
	}
	return "(" + strings.Join(terms, " or ") + ")"
}
