package commands

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
)

// shard is a value of the form I/N, I from 1: i is from 0.
type shard struct{ i, n uint64 }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *shard) UnmarshalText(text []byte) error {
	first, second, _ := strings.Cut(string(text), "/")
	i, errI := strconv.ParseUint(first, 10, 32)
	n, errN := strconv.ParseUint(second, 10, 32)
	if errI != nil || errN != nil || i < 1 || i > n {
		return fmt.Errorf("%q is not I/N with I from 1 to N", text)
	}
	s.i, s.n = i-1, n
	return nil
}

// port is a port of UDP or TCP. It is 0 if it was not given.
type port uint16

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *port) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil || v == 0 {
		return fmt.Errorf("%q is not a port, 1 to 65535", text)
	}
	*p = port(v)
	return nil
}

// confidence is a probability that a statement is right. It is 0 if it was not given.
type confidence float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *confidence) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(v >= multipath.LeastConfidence && v <= multipath.MostConfidence) {
		return fmt.Errorf("%q is not a probability from %v to %v", text, multipath.LeastConfidence, multipath.MostConfidence)
	}
	*c = confidence(v)
	return nil
}

// scope is what a confidence is about. It is empty if it was not given.
type scope string

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *scope) UnmarshalText(text []byte) error {
	if *s = scope(text); *s != plan.ScopeBalancer && *s != plan.ScopeTrace {
		return fmt.Errorf("%q is not %s or %s", text, plan.ScopeBalancer, plan.ScopeTrace)
	}
	return nil
}

// variant is a variant of the multipath detection algorithm. It is empty if it was not given.
type variant string

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *variant) UnmarshalText(text []byte) error {
	if _, err := record.ParseMDA(string(text)); err != nil {
		return fmt.Errorf("%q is not %v or %v", text, record.Lite, record.Full)
	}
	*v = variant(text)
	return nil
}

// portRange is a value of the form LOW-HIGH.
type portRange struct{ low, high uint16 }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *portRange) UnmarshalText(text []byte) error {
	first, second, isRange := strings.Cut(string(text), "-")
	if !isRange {
		second = first
	}
	var low, high port
	if low.UnmarshalText([]byte(first)) != nil || high.UnmarshalText([]byte(second)) != nil || low > high {
		return fmt.Errorf("%q is not LOW-HIGH within 1 to 65535", text)
	}
	r.low, r.high = uint16(low), uint16(high)
	return nil
}

// ttl is a TTL that a probe can have.
type ttl uint8

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *ttl) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 10, 8)
	if err != nil || v < 1 || v > probe.MaxTTL {
		return fmt.Errorf("%q is not a TTL, 1 to %d", text, probe.MaxTTL)
	}
	*t = ttl(v)
	return nil
}

// tos is a number from 0 to 255, as decimal, hexadecimal (0x) or octal (0) digits.
type tos uint8

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *tos) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 0, 8)
	if err != nil || strings.Contains(string(text), "_") {
		return fmt.Errorf("%q is not a number from 0 to 255", text)
	}
	*t = tos(v)
	return nil
}

// source is the source address of probes, or the zero Addr.
type source struct{ netip.Addr }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *source) UnmarshalText(text []byte) error {
	a, err := netip.ParseAddr(string(text))
	if err != nil {
		return fmt.Errorf("%q is not an address of IPv4 or IPv6", text)
	}
	a = a.Unmap()
	if a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
		return fmt.Errorf("%v cannot be the source of a probe", a)
	}
	s.Addr = a
	return nil
}

// addresses returns the addresses of sources; nil if there are none.
func addresses(list []source) (addrs []netip.Addr) {
	for _, s := range list {
		addrs = append(addrs, s.Addr)
	}
	return addrs
}

// hostRule is the rule that chooses the targets in a prefix.
type hostRule struct{ target.HostRule }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *hostRule) UnmarshalText(text []byte) (err error) {
	r.HostRule, err = target.ParseHostRule(string(text))
	return err
}

// hardwareAddr is an Ethernet address.
type hardwareAddr net.HardwareAddr

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *hardwareAddr) UnmarshalText(text []byte) error {
	mac, err := net.ParseMAC(string(text))
	if err != nil || len(mac) != 6 {
		return fmt.Errorf("%q is not an Ethernet address", text)
	}
	*h = hardwareAddr(mac)
	return nil
}

// method is a kind of probe, by any usual name.
type method probe.Method

// methods are the usual names, in lower case.
var methods = map[string]probe.Method{
	"udp": probe.UDP, "udp-paris": probe.UDP,
	"icmp": probe.ICMP, "icmp-echo": probe.ICMP, "icmp-paris": probe.ICMP, "icmp6": probe.ICMP, "icmpv6": probe.ICMP,
	"tcp": probe.TCPSYN, "tcp-syn": probe.TCPSYN, "syn": probe.TCPSYN,
	"tcp-ack": probe.TCPACK, "ack": probe.TCPACK,
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *method) UnmarshalText(text []byte) error {
	v, ok := methods[strings.ReplaceAll(strings.ToLower(string(text)), "_", "-")]
	if !ok {
		return fmt.Errorf("%q is not udp, icmp, tcp-syn or tcp-ack", text)
	}
	*m = method(v)
	return nil
}
