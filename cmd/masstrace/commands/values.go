package commands

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
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

// portRange is a value of the form LOW-HIGH.
type portRange struct{ low, high uint16 }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *portRange) UnmarshalText(text []byte) error {
	first, second, isRange := strings.Cut(string(text), "-")
	if !isRange {
		second = first
	}
	low, errLow := strconv.ParseUint(first, 10, 16)
	high, errHigh := strconv.ParseUint(second, 10, 16)
	if errLow != nil || errHigh != nil || low < 1 || low > high {
		return fmt.Errorf("%q is not LOW-HIGH within 1 to 65535", text)
	}
	r.low, r.high = uint16(low), uint16(high)
	return nil
}

// rate is in packets a second.
type rate float64

// autoRate stands for --rate auto: no other rate is negative.
const autoRate rate = -1

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *rate) UnmarshalText(text []byte) error {
	if string(text) == "auto" {
		*r = autoRate
		return nil
	}
	v, err := scaled(string(text), 1000)
	*r = rate(v)
	return err
}

// most returns the rate, or the upper limit of auto.
func (r rate) most(limit rate) float64 {
	switch {
	case r != autoRate:
		return float64(r)
	case limit == 0:
		return 100_000
	}
	return float64(limit)
}

// bandwidth is in bits a second.
type bandwidth float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *bandwidth) UnmarshalText(text []byte) error {
	v, err := scaled(string(text), 1000)
	if err == nil && v <= 0 {
		err = fmt.Errorf("%q must be more than 0", text)
	}
	*b = bandwidth(v)
	return err
}

// byteSize is in octets.
type byteSize uint64

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *byteSize) UnmarshalText(text []byte) error {
	v, err := scaled(string(text), 1024)
	*b = byteSize(v)
	return err
}

// scaled reads a number that may end in K, M, G or T.
func scaled(text string, unit float64) (float64, error) {
	digits, factor := text, 1.0
	if n := len(text); n > 0 {
		if i := strings.IndexByte("KMGT", text[n-1]&^0x20); i >= 0 {
			digits = text[:n-1]
			for range i + 1 {
				factor *= unit
			}
		}
	}
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(v >= 0) || v*factor > 1<<60 {
		return 0, fmt.Errorf("%q is not a number, also with K, M, G or T", text)
	}
	return v * factor, nil
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

// timespan is a time: a number of seconds, or one with a unit as time.ParseDuration takes it.
type timespan time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *timespan) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if seconds, numberErr := strconv.ParseFloat(string(text), 64); numberErr == nil {
		if math.Abs(seconds) > maxSeconds || math.IsNaN(seconds) {
			return fmt.Errorf("%q is too long", text)
		}
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil {
		return fmt.Errorf("%q is not a time: a number of seconds, or one with a unit, such as 500ms, 90s or 2h", text)
	}
	*t = timespan(d)
	return nil
}

// maxSeconds is less than the longest time.Duration.
const maxSeconds = 1e9
