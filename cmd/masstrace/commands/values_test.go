package commands

import (
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
)

// A method has any usual name, in any case.
func TestMethod(t *testing.T) {
	for text, want := range map[string]probe.Method{
		"udp": probe.UDP, "UDP": probe.UDP, "udp-paris": probe.UDP, "icmp": probe.ICMP, "ICMP-Echo": probe.ICMP,
		"tcp": probe.TCPSYN, "TCP": probe.TCPSYN, "tcp-syn": probe.TCPSYN, "tcp_syn": probe.TCPSYN, "tcp-ack": probe.TCPACK,
	} {
		var m method
		if err := m.UnmarshalText([]byte(text)); err != nil || probe.Method(m) != want {
			t.Errorf("%q: %v, %v; want %v", text, probe.Method(m), err, want)
		}
	}
	for _, text := range []string{"", "sctp", "udp6", "tcp syn"} {
		if err := new(method).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a method", text)
		}
	}
}

// A time is a number of seconds, or has a unit.
func TestTimespan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"2": 2 * time.Second, "2s": 2 * time.Second, "500ms": 500 * time.Millisecond, "0.5": 500 * time.Millisecond,
		"1h30m": 90 * time.Minute, "0": 0, "-1": -time.Second,
	} {
		var v timespan
		if err := v.UnmarshalText([]byte(text)); err != nil || time.Duration(v) != want {
			t.Errorf("%q: %v, %v; want %v", text, time.Duration(v), err, want)
		}
	}
	for _, text := range []string{"", "s", "2 s", "2x", "1e30", "NaN", "Inf"} {
		if err := new(timespan).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a time", text)
		}
	}
}
