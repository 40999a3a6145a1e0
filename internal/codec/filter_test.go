package codec

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcap"

	"github.com/masstrace/masstrace/internal/probe"
)

// ip returns an IP packet without checksums and with some octets between the
// header and the rest: options in IPv4, extension headers in IPv6.
func ip(src, dst probe.Addr, protocol uint8, between, rest []byte) []byte {
	body := append(append([]byte(nil), between...), rest...)
	if src.Is4() {
		b := make([]byte, 20, 20+len(body))
		b[0] = 4<<4 | uint8(5+len(between)/4)
		binary.BigEndian.PutUint16(b[2:], uint16(20+len(body)))
		b[8], b[9] = 60, protocol
		copy(b[12:], src.Octets())
		copy(b[16:], dst.Octets())
		return append(b, body...)
	}
	b := make([]byte, 40, 40+len(body))
	b[0], b[6], b[7] = 6<<4, protocol, 60
	binary.BigEndian.PutUint16(b[4:], uint16(len(body)))
	copy(b[8:], src[:])
	copy(b[24:], dst[:])
	return append(b, body...)
}

// message returns an ICMP message of that type.
func message(icmpType, code uint8, rest []byte) []byte {
	return append([]byte{icmpType, code, 0, 0, 0, 0, 0, 0}, rest...)
}

func udp(src, dst uint16) []byte {
	b := make([]byte, 16)
	binary.BigEndian.PutUint16(b, src)
	binary.BigEndian.PutUint16(b[2:], dst)
	b[5] = 16
	return b
}

// sample is a packet and whether the filter of a UDP, an ICMP and a TCP run is
// to let it through.
type sample struct {
	name           string
	packet         []byte
	udp, icmp, tcp bool
}

func (s *sample) wanted(m probe.Method) bool {
	return map[probe.Method]bool{probe.UDP: s.udp, probe.ICMP: s.icmp, probe.TCPSYN: s.tcp, probe.TCPACK: s.tcp}[m]
}

// segment returns a TCP header of 20 octets and data.
func segment(src, dst uint16, flags uint8, data int) []byte {
	b := make([]byte, 20+data)
	binary.BigEndian.PutUint16(b, src)
	binary.BigEndian.PutUint16(b[2:], dst)
	b[12], b[13] = 5<<4, flags
	return b
}

func samples(t *testing.T) []sample {
	u, i := newCodec(t, testConfig(probe.UDP)), newCodec(t, testConfig(probe.ICMP))
	us4, us6 := u.source, u.source6
	router4, router6 := addr("20.255.0.1"), addr("2600:ff::1")
	p4, p6 := probe.Probe{Target: addr("20.1.2.3"), TTL: 5}, probe.Probe{Target: addr("2600:9::42"), TTL: 5}
	udp4, udp6, icmp4, icmp6 := encode(u, p4), encode(u, p6), encode(i, p4), encode(i, p6)
	flow4, flow6 := u.Flow(p4.Target, 0).Value, u.Flow(p6.Target, 0).Value
	hopByHop := []byte{58, 0, 1, 4, 0, 0, 0, 0}
	tcp := segment(0x8200, 0x8200, 0, 0)
	options := append(segment(33434, flow4, ack, 0), 1, 1, 1, 1) // 24 octets
	options[12] = 6 << 4
	options6 := append(segment(33434, flow6, ack, 0), 1, 1, 1, 1)
	options6[12] = 6 << 4
	return []sample{
		{"v4 time exceeded, UDP", ip(router4, us4, 1, nil, message(11, 0, udp4)), true, false, false},
		{"v4 time exceeded, ICMP", ip(router4, us4, 1, nil, message(11, 0, icmp4)), false, true, false},
		{"v4 time exceeded, UDP, 28 octets", ip(router4, us4, 1, nil, message(11, 0, udp4[:28])), true, false, false},
		{"v4 time exceeded with options", ip(router4, us4, 1, []byte{1, 1, 1, 0}, message(11, 0, udp4)), true, false, false},
		{"v4 time exceeded, TCP", ip(router4, us4, 1, nil, message(11, 0, ip(us4, p4.Target, 6, nil, tcp))), false, false, true},
		{"v4 time exceeded to another", ip(router4, router4, 1, nil, message(11, 0, udp4)), false, false, false},
		{"v4 port unreachable", ip(p4.Target, us4, 1, nil, message(3, 3, udp4)), true, false, false},
		{"v4 parameter problem", ip(router4, us4, 1, nil, message(12, 0, udp4)), true, false, false},
		{"v4 redirect", ip(router4, us4, 1, nil, message(5, 1, udp4)), false, false, false},
		{"v4 echo", ip(router4, us4, 1, nil, message(8, 0, udp4)), false, false, false},
		{"v4 echo reply", ip(p4.Target, us4, 1, nil, message(0, 0, nil)), false, true, false},
		{"v4 UDP answer", ip(p4.Target, us4, 17, nil, udp(33434, flow4)), true, false, false},
		{"v4 UDP to a low port", ip(p4.Target, us4, 17, nil, udp(33434, 4000)), false, false, false},
		{"v4 UDP from DNS", ip(p4.Target, us4, 17, nil, udp(53, flow4)), false, false, false},
		{"v4 TCP", ip(p4.Target, us4, 6, nil, tcp), false, false, false},
		{"v4 SYN-ACK", ip(p4.Target, us4, 6, nil, segment(33434, flow4, syn|ack, 0)), false, false, true},
		{"v4 SYN-ACK with IP options", ip(p4.Target, us4, 6, []byte{1, 1, 1, 0}, segment(33434, flow4, syn|ack, 0)), false, false, true},
		{"v4 RST", ip(p4.Target, us4, 6, nil, segment(33434, flow4, rst, 0)), false, false, true},
		{"v4 RST with words", ip(p4.Target, us4, 6, nil, segment(33434, flow4, rst, 9)), false, false, true},
		{"v4 pure ACK", ip(p4.Target, us4, 6, nil, segment(33434, flow4, ack, 0)), false, false, true},
		{"v4 pure ACK with options", ip(p4.Target, us4, 6, nil, options), false, false, true},
		{"v4 pure ACK with all options", ip(p4.Target, us4, 6, []byte{1, 1, 1, 0}, options), false, false, true},
		{"v4 download", ip(p4.Target, us4, 6, nil, segment(33434, flow4, ack, 1400)), false, false, false},
		{"v4 RST from elsewhere", ip(p4.Target, us4, 6, nil, segment(443, flow4, rst, 0)), false, false, false},
		{"v4 RST to a low port", ip(p4.Target, us4, 6, nil, segment(33434, 4000, rst, 0)), false, false, false},
		{"v4 RST to another", ip(p4.Target, router4, 6, nil, segment(33434, flow4, rst, 0)), false, false, false},
		{"own v4 RST", ip(us4, p4.Target, 6, nil, segment(flow4, 33434, rst, 0)), false, false, false},
		{"own v4 UDP probe", udp4, false, false, false},
		{"own v4 ICMP probe", icmp4, false, false, false},
		{"own ICMP error", ip(us4, router4, 1, nil, message(3, 3, udp4)), false, false, false},

		{"v6 time exceeded, UDP", ip(router6, us6, 58, nil, message(3, 0, udp6)), true, true, true},
		{"v6 time exceeded, ICMP", ip(router6, us6, 58, nil, message(3, 0, icmp6)), true, true, true},
		{"v6 time exceeded behind options", ip(router6, us6, 0, hopByHop, message(3, 0, udp6)), true, true, true},
		{"v6 time exceeded to another", ip(router6, router6, 58, nil, message(3, 0, udp6)), false, false, false},
		{"v6 unreachable", ip(p6.Target, us6, 58, nil, message(1, 4, udp6)), true, true, true},
		{"v6 packet too big", ip(router6, us6, 58, nil, message(2, 0, udp6)), true, true, true},
		{"v6 parameter problem", ip(router6, us6, 58, nil, message(4, 1, udp6)), true, true, true},
		{"v6 echo", ip(router6, us6, 58, nil, message(128, 0, nil)), false, false, false},
		{"v6 echo reply", ip(p6.Target, us6, 58, nil, message(129, 0, nil)), false, true, false},
		{"v6 neighbour solicitation", ip(router6, us6, 58, nil, message(135, 0, us6[:])), false, false, false},
		{"v6 UDP answer", ip(p6.Target, us6, 17, nil, udp(33434, flow6)), true, false, false},
		{"v6 UDP to a low port", ip(p6.Target, us6, 17, nil, udp(33434, 4000)), false, false, false},
		{"v6 TCP", ip(p6.Target, us6, 6, nil, tcp), false, false, false},
		{"v6 SYN-ACK", ip(p6.Target, us6, 6, nil, segment(33434, flow6, syn|ack, 0)), false, false, true},
		{"v6 RST-ACK", ip(p6.Target, us6, 6, nil, segment(33434, flow6, rst|ack, 0)), false, false, true},
		{"v6 pure ACK", ip(p6.Target, us6, 6, nil, segment(33434, flow6, ack, 0)), false, false, true},
		{"v6 pure ACK with options", ip(p6.Target, us6, 6, nil, options6), false, false, true},
		{"v6 download", ip(p6.Target, us6, 6, nil, segment(33434, flow6, ack, 1400)), false, false, false},
		{"v6 RST from elsewhere", ip(p6.Target, us6, 6, nil, segment(443, flow6, rst, 0)), false, false, false},
		{"own v6 RST", ip(us6, p6.Target, 6, nil, segment(flow6, 33434, rst, 0)), false, false, false},
		{"own v6 UDP probe", udp6, false, false, false},
		{"own v6 ICMP probe", icmp6, false, false, false},
	}
}

func TestFilter(t *testing.T) {
	const dltRaw = 12 // on Linux; layers.LinkTypeRaw is the number in files
	for _, m := range allMethods {
		filter := newCodec(t, testConfig(m)).Filter()
		for name, link := range map[string]layers.LinkType{"Ethernet": layers.LinkTypeEthernet, "raw": dltRaw} {
			t.Run(m.String()+" "+name, func(t *testing.T) {
				bpf, err := pcap.NewBPF(link, 1600, filter)
				if err != nil {
					t.Fatalf("%s: %v", filter, err)
				}
				for _, s := range samples(t) {
					want := s.wanted(m)
					frame := s.packet
					if link == layers.LinkTypeEthernet {
						frame = ethernet(s.packet)
					}
					if got := bpf.Matches(gopacket.CaptureInfo{CaptureLength: len(frame), Length: len(frame)}, frame); got != want {
						t.Errorf("%s: %t, want %t", s.name, got, want)
					}
				}
			})
		}
	}
}

func ethernet(packet []byte) []byte {
	header := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00}
	if packet[0]>>4 == 6 {
		header[12], header[13] = 0x86, 0xdd
	}
	return append(header, packet...)
}

// TestFilterOneFamily sees that a run of one family does not capture the other.
func TestFilterOneFamily(t *testing.T) {
	for _, is4 := range []bool{true, false} {
		cfg := testConfig(probe.ICMP)
		if is4 {
			cfg.Source6 = netip.Addr{}
		} else {
			cfg.Source4 = netip.Addr{}
		}
		filter := newCodec(t, cfg).Filter()
		bpf, err := pcap.NewBPF(layers.LinkTypeEthernet, 1600, filter)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		for _, s := range samples(t) {
			frame := ethernet(s.packet)
			want := s.icmp && strings.HasPrefix(s.name, "v4") == is4
			if got := bpf.Matches(gopacket.CaptureInfo{CaptureLength: len(frame), Length: len(frame)}, frame); got != want {
				t.Errorf("IPv4 %t, %s: %t, want %t", is4, s.name, got, want)
			}
		}
	}
}

// The filter of one target accepts what the filter of all accepts, if it answers a probe to that
// target. Packets with extension headers are accepted for all IPv6 targets.
func TestFilterTo(t *testing.T) {
	for _, m := range allMethods {
		c := newCodec(t, testConfig(m))
		for _, tt := range []struct{ target, family string }{
			{"20.1.2.3", "v4"}, {"20.1.2.4", "none"}, {"2600:9::42", "v6"}, {"2600:9::43", "none"}, {"2601:9::42", "none"},
		} {
			target := addr(tt.target)
			bpf, err := pcap.NewBPF(layers.LinkTypeEthernet, 1600, c.FilterTo(target))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range samples(t) {
				want := s.wanted(m) && (strings.HasPrefix(s.name, tt.family) || target.Is6() && strings.HasSuffix(s.name, "behind options"))
				frame := ethernet(s.packet)
				if got := bpf.Matches(gopacket.CaptureInfo{CaptureLength: len(frame), Length: len(frame)}, frame); got != want {
					t.Errorf("%v to %v: %s: %t, want %t", m, target, s.name, got, want)
				}
			}
		}
	}
}
