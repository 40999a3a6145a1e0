package commands

import (
	"encoding"
	"net/netip"
	"reflect"
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

// One syntax reads all values of a kind.
func TestNumbers(t *testing.T) {
	for _, tt := range []struct {
		value encoding.TextUnmarshaler
		text  string
		want  any
	}{
		{new(rate), "1.5k", rate(1500)}, {new(rate), "10Kpps", rate(10_000)}, {new(rate), "100/s", rate(100)}, {new(rate), "0", rate(0)},
		{new(rateOrAuto), "AUTO", autoRate}, {new(rateOrAuto), "1m", rateOrAuto(1e6)},
		{new(bandwidth), "10Mbit/s", bandwidth(1e7)}, {new(bandwidth), "10Mbps", bandwidth(1e7)},
		{new(byteSize), "64M", byteSize(64 << 20)}, {new(byteSize), "64 MiB", nil}, {new(byteSize), "1.5GiB", byteSize(3 << 29)}, {new(byteSize), "1KB", byteSize(1024)},
		{new(count), "10k", count(10_000)}, {new(count), "1.5", nil}, {new(number), "18446744073709551615", number(1<<64 - 1)},
		{new(number), "18446744073709551616", nil}, {new(number), "1k", nil},
		{new(timespan), "1d", timespan(24 * time.Hour)}, {new(timespan), "2", timespan(2 * time.Second)},
		{new(ttl), "63", ttl(63)}, {new(ttl), "64", nil}, {new(port), "65535", port(65535)}, {new(port), "65536", nil}, {new(port), "http", nil},
		{new(tos), "0x20", tos(32)}, {new(tos), "256", nil}, {new(portRange), "53", portRange{53, 53}}, {new(portRange), "2-1", nil},
		{new(source), "::ffff:192.0.2.1", source{netip.MustParseAddr("192.0.2.1")}}, {new(source), "fe80::1%lo", nil}, {new(source), "224.0.0.1", nil},
		{new(wait), "2s,3,10", wait{Max: 2 * time.Second, Here: 3, Near: 10}}, {new(wait), "500ms", wait{Max: 500 * time.Millisecond}},
		{new(wait), "2,3,4,5", nil}, {new(wait), "0", nil}, {new(wait), "25h", nil}, {new(wait), "2,-1", nil},
	} {
		err := tt.value.UnmarshalText([]byte(tt.text))
		got := reflect.ValueOf(tt.value).Elem().Interface()
		if tt.want == nil && err == nil || tt.want != nil && (err != nil || got != tt.want) {
			t.Errorf("%T: %q is %v, %v; want %v", got, tt.text, got, err, tt.want)
		}
	}
}
