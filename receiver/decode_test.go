package receiver

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
)

// verdicts are Stats as plain numbers, and how many frames were replies.
type verdicts struct{ replies, malformed, unrelated, checksum, source, tag, conflict uint64 }

func verdictsOf(s *account.Live, replies uint64) verdicts {
	return verdicts{
		replies, s.Malformed.Load(), s.Unrelated.Load(), s.Rejected.Checksum.Load(),
		s.Rejected.Source.Load(), s.Rejected.Tag.Load(), s.Rejected.Conflict.Load(),
	}
}

var (
	reply     = verdicts{replies: 1}
	malformed = verdicts{malformed: 1}
	unrelated = verdicts{unrelated: 1}
	checksum  = verdicts{checksum: 1}
	badSource = verdicts{replies: 1, source: 1} // likewise
	garbled   = verdicts{replies: 1, tag: 1}    // which tells the matcher something
	conflict  = verdicts{conflict: 1}
)

// frameTest is a frame and its verdicts.
type frameTest struct {
	name  string
	frame []byte // an IP packet unless it is Ethernet
	want  verdicts
	check func(r *probe.Reply) bool
}

func strong(r *probe.Reply) bool { return r.Valid == probe.Strong && r.Mangled == 0 }

// names returns a check that the reply is weak, or strong, and names these fields.
func names(v probe.Validity, m probe.Mangled) func(*probe.Reply) bool {
	return func(r *probe.Reply) bool { return r.Valid == v && r.Mangled == m }
}

func runFrames(t *testing.T, m probe.Method, link layers.LinkType, tests []frameTest) {
	t.Helper()
	d, heard := newDecoder(t, newCodec(t, m), link)
	for _, tt := range tests {
		before, n := verdictsOf(heard, 0), uint64(0)
		r := probe.Reply{Ext: []byte{1}, Facts: probe.Facts{MTU: 9, QuotedID: 9, Mangled: 0xffff}} // dirty on purpose
		if d.isReply(tt.frame, &r) {
			n = 1
		}
		got := verdictsOf(heard, n)
		got = verdicts{
			n, got.malformed - before.malformed, got.unrelated - before.unrelated, got.checksum - before.checksum,
			got.source - before.source, got.tag - before.tag, got.conflict - before.conflict,
		}
		if got != tt.want {
			t.Errorf("%v: %s: %+v, want %+v", m, tt.name, got, tt.want)
			continue
		}
		if n == 1 && tt.check != nil && !tt.check(&r) {
			t.Errorf("%v: %s: %+v", m, tt.name, r)
		}
	}
}

func TestDecodeError4(t *testing.T) {
	for _, m := range []probe.Method{probe.UDP, probe.ICMP} {
		packet := sent(newCodec(t, m), asked(true))
		q := quoted(packet, 0)
		good := errorFrom(q, nil)
		options := []byte{7, 7, 4, 1, 2, 3, 4, 0} // record route
		odd := []byte{1, 130, 2, 200, 1, 0, 0, 0} // no-op, and invalid lengths
		withOptions := func(o []byte) []byte {
			return append(append(append([]byte{byte(4<<4 | (20+len(o))/4)}, q[1:20]...), o...), q[20:]...)
		}
		second := probe.MangledIPID
		first := probe.MangledCsum
		if m == probe.ICMP {
			first = probe.MangledSeq
		}
		firstAt := map[probe.Method]int{probe.UDP: 26, probe.ICMP: 26}[m]
		foreign := resum4(with(q, 12, 192, 0, 2, 99))
		otherTTL := asked(true)
		otherTTL.TTL = 10
		other := sent(newCodec(t, m), otherTTL)
		runFrames(t, m, layers.LinkTypeRaw, []frameTest{
			{"time exceeded", good, reply, func(r *probe.Reply) bool {
				want := probe.Facts{
					Probe: asked(true), Responder: router4, ReplySize: uint32(len(good)), QuotedSize: uint32(len(packet)),
					QuotedLen: uint16(len(packet)), QuotedID: binary.BigEndian.Uint16(packet[4:]), ReplyID: 0x1234,
					Kind: probe.KindTTLExceeded, Valid: probe.Strong, Protocol: 1, Type: 11, ReplyTTL: 55, ReplyTOS: 0xc0,
					HasQuote: true, QuotedTTL: 1,
				}
				return r.Facts == want && r.Ext == nil
			}},
			{"28 octets quoted", errorFrom(quoted(packet, 28), nil), reply, strong},
			{"27 octets quoted", errorFrom(quoted(packet, 27), nil), malformed, nil},
			{"nothing quoted", ip4(router4, 1, nil, icmp4(11, 0, 0, nil)), malformed, nil},
			{"quotes IPv6", ip4(router4, 1, nil, icmp4(11, 0, 0, with(q, 0, 0x65))), malformed, nil},
			{"MPLS", errorFrom(q, mpls()), reply, func(r *probe.Reply) bool { return strong(r) && bytes.Equal(r.Ext, mpls()) }},
			{"MPLS, no length stated", ip4(router4, 1, nil, icmp4(11, 0, 0, append(padded(q, 128), mpls()...))), reply,
				func(r *probe.Reply) bool { return bytes.Equal(r.Ext, mpls()) }},
			{"frag needed", ip4(router4, 1, nil, icmp4(3, 4, 1400, q)), reply, func(r *probe.Reply) bool { return r.MTU == 1400 }},
			{"octets behind the packet", padded(good, len(good)+9), reply, strong},
			{"options", ip4(router4, 1, options, icmp4(11, 0, 0, q)), reply, strong},
			{"odd options", ip4(router4, 1, odd, icmp4(11, 0, 0, q)), reply, strong},
			{"40 octets of options", ip4(router4, 1, make([]byte, 40), icmp4(11, 0, 0, q)), reply, strong},
			{"options quoted", errorFrom(withOptions(options), nil), reply, func(r *probe.Reply) bool {
				return r.Valid == probe.Strong && r.QuotedLen == uint16(len(packet)+8)
			}},
			{"odd options quoted", errorFrom(withOptions(odd), nil), reply, func(r *probe.Reply) bool { return r.Valid == probe.Strong }},
			{"IHL quoted too large", errorFrom(with(q, 0, 0x4f), nil), malformed, nil},
			{"IHL quoted too small", errorFrom(with(q, 0, 0x44), nil), malformed, nil},
			{"length quoted swapped", errorFrom(resum4(with(q, 2, packet[3], packet[2])), nil), reply, names(probe.Strong, probe.MangledLen)},
			{"length quoted zero", errorFrom(resum4(with(q, 2, 0, 0)), nil), reply, names(probe.Strong, probe.MangledLen)},
			{"length quoted too small", errorFrom(resum4(with(q, 2, 0, 8)), nil), reply, names(probe.Strong, probe.MangledLen)},
			{"quoted header checksum wrong", errorFrom(with(q, 10, 1, 2), nil), reply, strong},
			{"TOS quoted", errorFrom(resum4(with(q, 1, 0x48)), nil), reply, names(probe.Strong, probe.MangledTOS)},
			{"IP header checksum", with(good, 10, good[10]^1), checksum, nil},
			{"IP header checksum, of others", with(errorFrom(resum4(with(q, 9, 47)), nil), 10, 0, 0), unrelated, nil},
			{"ICMP checksum", with(good, 22, good[22]^1), checksum, nil},
			{"ICMP checksum, of others", with(errorFrom(resum4(with(q, 9, 47)), nil), 22, 0, 0), unrelated, nil},
			{"ICMP checksum, malformed", with(errorFrom(quoted(packet, 27), nil), 22, 0, 0), malformed, nil},
			{"ICMP checksum before the tag", with(errorFrom(with(with(q, firstAt, 1, 2), 4, 3, 4), nil), 22, 0, 0), checksum, nil},
			{"first tag", errorFrom(with(q, firstAt, q[firstAt]^0x55), nil), reply, names(probe.Weak, first)},
			{"second tag", errorFrom(resum4(with(q, 4, q[4]^0x55)), nil), reply, names(probe.Weak, second)},
			{"both tags", errorFrom(resum4(with(with(q, 4, q[4]^0x55), firstAt, q[firstAt]^0x55)), nil), garbled, nil},
			{"tags of two TTLs", errorFrom(resum4(with(q, 4, other[4], other[5])), nil), conflict, nil},
			{"foreign source and one tag", errorFrom(with(foreign, 4, q[4]^0x55), nil), badSource, nil},
			{"protocol", errorFrom(resum4(with(q, 9, 6)), nil), unrelated, nil},
			{"fragment", resum4(with(good, 6, 0, 9)), unrelated, nil},
			{"first fragment", resum4(with(good, 6, 0x20, 0)), unrelated, nil},
			{"don't fragment", resum4(with(good, 6, 0x40, 0)), reply, strong},
			{"length 0", resum4(with(good, 2, 0, 0)), malformed, nil},
			{"length below the header", resum4(with(good, 2, 0, 19)), malformed, nil},
			{"length above what is there", resum4(with(good, 2, 0xff, 0xff)), malformed, nil},
			{"IHL 4", with(good, 0, 0x44), malformed, nil},
			{"TCP", resum4(with(good, 9, 6)), unrelated, nil},
			{"version 5", with(good, 0, 0x55), unrelated, nil},
			{"nothing", nil, malformed, nil},
		})
	}
}

func TestDecodeError6(t *testing.T) {
	for _, m := range []probe.Method{probe.UDP, probe.ICMP} {
		packet := sent(newCodec(t, m), asked(false))
		q := quoted(packet, 0)
		good := errorFrom(q, nil)
		message := good[40:]
		protocol := q[6]
		extended := func(next byte, headers ...byte) []byte { return ip6(router6, next, headers, message) }
		quotes := func(next byte, headers ...byte) []byte {
			b := append(append(with(q[:40], 6, next), headers...), q[40:]...)
			binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
			return errorFrom(b, nil)
		}
		hop := []byte{58, 0, 5, 2, 0, 0, 1, 0}  // router alert
		odd := []byte{58, 0, 1, 99, 1, 9, 9, 9} // an option that is longer than its header
		runFrames(t, m, layers.LinkTypeRaw, []frameTest{
			{"time exceeded", good, reply, func(r *probe.Reply) bool {
				want := probe.Facts{
					Probe: asked(false), Responder: router6, ReplySize: uint32(len(good)), QuotedSize: uint32(len(packet)),
					QuotedLen: uint16(len(packet)), Kind: probe.KindTTLExceeded, Valid: probe.Strong, Protocol: 58, Type: 3,
					ReplyTTL: 55, ReplyTOS: 0x5a, HasQuote: true, QuotedTTL: 1,
				}
				return r.Facts == want && r.Ext == nil
			}},
			{"48 octets quoted", errorFrom(quoted(packet, 48), nil), reply, names(probe.Weak, 0)},
			{"47 octets quoted", errorFrom(quoted(packet, 47), nil), malformed, nil},
			{"MPLS", errorFrom(q, mpls()), reply, func(r *probe.Reply) bool { return strong(r) && bytes.Equal(r.Ext, mpls()) }},
			{"packet too big", ip6(router6, 58, nil, icmp6(router6, 2, 0, 1400, q)), reply, func(r *probe.Reply) bool { return r.MTU == 1400 }},
			{"octets behind the packet", padded(good, len(good)+9), reply, strong},
			{"hop-by-hop", extended(0, hop...), reply, strong},
			{"odd hop-by-hop", extended(0, odd...), reply, strong},
			{"routing", extended(43, 58, 0, 4, 0, 0, 0, 0, 0), reply, strong},
			{"atomic fragment", extended(44, 58, 0, 0, 0, 1, 2, 3, 4), reply, strong},
			{"destination options", extended(60, 58, 0, 1, 4, 0, 0, 0, 0), reply, strong},
			{"all four", extended(0, 43, 0, 5, 2, 0, 0, 1, 0, 60, 0, 4, 0, 0, 0, 0, 0, 44, 0, 1, 4, 0, 0, 0, 0, 58, 0, 0, 0, 1, 2, 3, 4), reply, strong},
			{"fragment", extended(44, 58, 0, 0, 8, 1, 2, 3, 4), unrelated, nil},
			{"first fragment of more", extended(44, 58, 0, 0, 1, 1, 2, 3, 4), unrelated, nil},
			{"from an IPv4-mapped address", ip6(router4, 58, nil, icmp6(router4, 3, 0, 0, q)), reply,
				func(r *probe.Reply) bool { return strong(r) && r.Source().String() == "::ffff:203.0.113.1" }},
			{"extension header cut", ip6(router6, 0, nil, []byte{58, 1, 1, 4}), malformed, nil},
			{"no next header", ip6(router6, 59, nil, message), unrelated, nil},
			{"nothing behind the header", ip6(router6, 58, nil, nil), malformed, nil},
			{"hop-by-hop quoted", quotes(0, append([]byte{protocol}, hop[1:]...)...), reply, func(r *probe.Reply) bool {
				return r.Valid == probe.Strong && r.QuotedLen == uint16(len(packet)+8)
			}},
			{"routing quoted", quotes(43, protocol, 0, 4, 0, 0, 0, 0, 0), reply, nil},
			{"atomic fragment quoted", quotes(44, protocol, 0, 0, 0, 1, 2, 3, 4), reply, nil},
			{"destination options quoted", quotes(60, protocol, 0, 1, 4, 0, 0, 0, 0), reply, nil},
			{"fragment quoted", quotes(44, protocol, 0, 0, 8, 1, 2, 3, 4), unrelated, nil},
			{"extension header cut in the quotation", errorFrom(append(with(q[:40], 6, 60), protocol, 9, 0, 0, 0, 0, 0, 0), nil), malformed, nil},
			{"length quoted swapped", errorFrom(with(q, 4, q[5], q[4]), nil), reply, names(probe.Strong, probe.MangledLen)},
			{"length quoted zero", errorFrom(with(q, 4, 0, 0), nil), reply, names(probe.Strong, probe.MangledLen)},
			{"label quoted", errorFrom(with(q, 3, q[3]^1), nil), reply, names(probe.Strong, probe.MangledLabel)},
			{"quotes IPv4", errorFrom6(with(q, 0, 0x45)), malformed, nil},
			{"ICMP checksum", with(good, 42, good[42]^1), checksum, nil},
			{"ICMP checksum, of others", with(errorFrom(with(q, 6, 47), nil), 42, 0, 0), unrelated, nil},
			{"source not in the checksum", with(good, 23, good[23]^1), checksum, nil},
			{"length above what is there", with(good, 4, 0xff, 0xff), malformed, nil},
			{"length 0", with(good, 4, 0, 0), malformed, nil},
			{"ICMPv4 in IPv6", ip6(router6, 1, nil, icmp4(11, 0, 0, q)), unrelated, nil},
			{"cut header", good[:39], malformed, nil},
		})
	}
}

func errorFrom6(q []byte) []byte { return ip6(router6, 58, nil, icmp6(router6, 3, 0, 0, q)) }

// echo turns an echo request into the reply of its target.
func echo(packet []byte, responder probe.Addr) []byte {
	if packet[0]>>4 == 4 {
		m := packet[20:]
		return ip4(responder, 1, nil, icmp4(0, 0, binary.BigEndian.Uint32(m[4:]), m[8:]))
	}
	m := packet[40:]
	return ip6(responder, 58, nil, icmp6(responder, 129, 0, binary.BigEndian.Uint32(m[4:]), m[8:]))
}

func TestDecodeAnswers(t *testing.T) {
	icmp := newCodec(t, probe.ICMP)
	echo4, echo6 := echo(sent(icmp, asked(true)), target4), echo(sent(icmp, asked(false)), target6)
	answers := func(is4 bool) func(*probe.Reply) bool {
		return func(r *probe.Reply) bool {
			return r.Kind == probe.KindEchoReply && r.Probe == asked(is4) && strong(r) && !r.HasQuote
		}
	}
	runFrames(t, probe.ICMP, layers.LinkTypeRaw, []frameTest{
		{"echo reply", echo4, reply, answers(true)},
		{"echo reply", echo6, reply, answers(false)},
		{"from another address", echo(sent(icmp, asked(true)), router4), reply, answers(true)},
		{"from another address", echo(sent(icmp, asked(false)), router6), reply, answers(false)},
		{"ICMP checksum", with(echo4, 22, echo4[22]^1), checksum, nil},
		{"ICMP checksum, of another identifier", with(with(echo4, 22, 1, 2), 24, 3, 4), unrelated, nil},
		{"cut", ip4(target4, 1, nil, icmp4(0, 0, 0, nil)[:7]), malformed, nil},
		{"echo request", ip4(target4, 1, nil, icmp4(8, 0, 0, sent(icmp, asked(true))[28:])), unrelated, nil},
	})
	runFrames(t, probe.UDP, layers.LinkTypeRaw, []frameTest{{"echo reply in a UDP run", echo4, unrelated, nil}})

	flow := newCodec(t, probe.UDP).Flow
	udp := func(from, to uint16, size int, stated uint16) []byte {
		b := binary.BigEndian.AppendUint16(nil, from)
		b = binary.BigEndian.AppendUint16(b, to)
		b = binary.BigEndian.AppendUint16(b, stated)
		return padded(b, size)
	}
	service := func(r *probe.Reply) bool {
		return r.Kind == probe.KindUDPReply && r.Target == r.Responder && r.Flow == 1 && r.TTL == 0 && r.Valid == probe.Weak
	}
	to4, to6 := flow(target4, 1).Value, flow(target6, 1).Value
	answer4 := ip4(target4, 17, nil, udp(33434, to4, 20, 20))
	runFrames(t, probe.UDP, layers.LinkTypeRaw, []frameTest{
		{"service", answer4, reply, service},
		{"service", ip6(target6, 17, nil, udp(33434, to6, 20, 20)), reply, service},
		{"behind an extension header", ip6(target6, 60, []byte{17, 0, 1, 4, 0, 0, 0, 0}, udp(33434, to6, 20, 20)), reply, service},
		{"IP header checksum", with(answer4, 10, 0, 0), checksum, nil},
		{"another port", ip4(target4, 17, nil, udp(33435, to4, 20, 20)), unrelated, nil},
		{"another flow", ip4(target4, 17, nil, udp(33434, to4+7, 20, 20)), unrelated, nil},
		{"from a router", ip4(router4, 17, nil, udp(33434, to4, 20, 20)), unrelated, nil},
		{"header cut", ip4(target4, 17, nil, udp(33434, to4, 7, 7)), malformed, nil},
		{"longer than its packet", ip4(target4, 17, nil, udp(33434, to4, 20, 21)), malformed, nil},
		{"shorter than its header", ip4(target4, 17, nil, udp(33434, to4, 20, 7)), malformed, nil},
		{"no length", ip6(target6, 17, nil, udp(33434, to6, 20, 0)), malformed, nil},
	})
}

func TestDecodeEthernet(t *testing.T) {
	c := newCodec(t, probe.UDP)
	good := errorFrom(quoted(sent(c, asked(true)), 0), nil)
	good6 := errorFrom(quoted(sent(c, asked(false)), 0), nil)
	arp := with(ethernet(good), 12, 8, 6)
	runFrames(t, probe.UDP, layers.LinkTypeEthernet, []frameTest{
		{"IPv4", ethernet(good), reply, strong},
		{"IPv6", ethernet(good6), reply, strong},
		{"padded", padded(ethernet(good), 1500), reply, strong},
		{"VLAN", ethernet(good, 0x8100), reply, strong},
		{"QinQ", ethernet(good6, 0x88a8, 0x8100), reply, strong},
		{"three tags", ethernet(good, 0x88a8, 0x8100, 0x8100), reply, strong},
		{"tag cut", ethernet(good, 0x8100)[:17], malformed, nil},
		{"ARP", arp, unrelated, nil},
		{"LLC", with(arp, 12, 0, 3), unrelated, nil},
		{"LLC, longer than the frame", with(arp, 12, 5, 0), unrelated, nil},
		{"IPv6 that says IPv4", with(ethernet(good6), 12, 8, 0), malformed, nil},
		{"IPv4 that says IPv6", with(ethernet(good), 12, 0x86, 0xdd), malformed, nil},
		{"cut", ethernet(good)[:13], malformed, nil},
	})
}

func TestLinkTypes(t *testing.T) {
	for link, ok := range map[layers.LinkType]bool{
		layers.LinkTypeEthernet: true, layers.LinkTypeRaw: true, 12: true, 14: true, layers.LinkTypeLinuxSLL: true, layers.LinkTypeIEEE802_11: false,
	} {
		if err := new(decoder).init(int(link), newCodec(t, probe.UDP), new(account.Live)); (err == nil) != ok {
			t.Errorf("link type %d: %v", link, err)
		}
	}
}

// frames returns one good frame of each sort.
func frames(t testing.TB, m probe.Method) map[string][]byte {
	c := newCodec(t, m)
	list := map[string][]byte{}
	for _, is4 := range []bool{true, false} {
		q := quoted(sent(c, asked(is4)), 0)
		family := map[bool]string{true: "4", false: "6"}[is4]
		list["error"+family] = errorFrom(q, nil)
		list["mpls"+family] = errorFrom(q, mpls())
		if m == probe.ICMP {
			list["echo"+family] = echo(sent(c, asked(is4)), asked(is4).Target)
		}
	}
	return list
}

// A frame that is cut anywhere is malformed, with any content, and never panics.
func TestDecodeCut(t *testing.T) {
	for _, m := range []probe.Method{probe.UDP, probe.ICMP} {
		d, heard := newDecoder(t, newCodec(t, m), layers.LinkTypeEthernet)
		for name, packet := range frames(t, m) {
			frame := ethernet(packet, 0x88a8, 0x8100)
			for n := range frame {
				before := heard.Malformed.Load()
				var r probe.Reply
				if d.isReply(slices.Clone(frame[:n]), &r) || heard.Malformed.Load() != before+1 {
					t.Errorf("%s cut to %d octets is not malformed", name, n)
				}
			}
		}
	}
}

// The same message shorter, and saying so, never panics and is never another
// probe's.
func TestDecodeShort(t *testing.T) {
	for _, m := range []probe.Method{probe.UDP, probe.ICMP} {
		c := newCodec(t, m)
		d, _ := newDecoder(t, c, layers.LinkTypeRaw)
		for _, is4 := range []bool{true, false} {
			q := append(padded(quoted(sent(c, asked(is4)), 0), 128), mpls()...)
			for n := range q {
				for _, word := range []uint32{0, 32 << 16, 16 << 24, 0xffffffff, 0x0101_0101} {
					frame := ip6(router6, 58, nil, icmp6(router6, 3, 0, word, q[:n]))
					if is4 {
						frame = ip4(router4, 1, nil, icmp4(11, 0, word, q[:n]))
					}
					var r probe.Reply
					if d.isReply(frame, &r) && r.Probe != asked(is4) {
						t.Fatalf("%d octets quoted: %+v", n, r.Probe)
					}
				}
			}
		}
	}
}

func TestDecodeAllocs(t *testing.T) {
	for _, m := range []probe.Method{probe.UDP, probe.ICMP} {
		d, _ := newDecoder(t, newCodec(t, m), layers.LinkTypeEthernet)
		list := frames(t, m)
		list["hop-by-hop"] = ip6(router6, 0, []byte{58, 0, 5, 2, 0, 0, 1, 0}, list["error6"][40:])
		list["options"] = ip4(router4, 1, []byte{7, 7, 4, 1, 2, 3, 4, 0}, list["error4"][20:])
		for name, packet := range list {
			frame := ethernet(packet)
			var r probe.Reply
			if n := testing.AllocsPerRun(100, func() {
				if !d.isReply(frame, &r) {
					t.Fatalf("%s is no reply", name)
				}
			}); n != 0 {
				t.Errorf("%v, %s: %v allocations", m, name, n)
			}
		}
	}
}

// FuzzDecode decodes arbitrary frames. A frame has exactly one verdict, the same on a used
// decoder and on a new one. No reply names a probe that cannot have been sent.
func FuzzDecode(f *testing.F) {
	for _, m := range []probe.Method{probe.UDP, probe.ICMP} {
		for _, packet := range frames(f, m) {
			f.Add(packet)
			f.Add(ethernet(packet, 0x8100))
		}
	}
	used := map[string]*decoder{}
	f.Fuzz(func(t *testing.T, frame []byte) {
		for _, m := range []probe.Method{probe.UDP, probe.ICMP} {
			for _, link := range []layers.LinkType{layers.LinkTypeRaw, layers.LinkTypeEthernet} {
				key := fmt.Sprint(m, link)
				if used[key] == nil {
					used[key], _ = newDecoder(t, newCodec(t, m), link)
				}
				old := used[key]
				old.heard = new(account.Live)
				fresh, _ := newDecoder(t, old.codec.(*codec.Codec), link)
				in := slices.Clone(frame)
				var r, again probe.Reply
				n := uint64(0)
				if old.isReply(in, &r) {
					n = 1
					if r.HasHop() && (r.TTL < 1 || r.TTL > 32 || r.Attempt > 2 || r.Valid < probe.Weak) || r.Flow > 1 ||
						len(r.Ext) > len(frame) || int(r.ReplySize) > len(frame) {
						t.Fatalf("%s: %+v", key, r)
					}
				}
				if got := verdictsOf(old.heard, n); got.replies+got.malformed+got.unrelated+got.checksum+got.source+got.tag+got.conflict != 1 {
					t.Fatalf("%s: %+v", key, got)
				}
				if ok := fresh.isReply(frame, &again); ok != (n == 1) || ok && (r.Facts != again.Facts || !bytes.Equal(r.Ext, again.Ext)) {
					t.Fatalf("%s: a used decoder gives %+v, a new one %t, %+v", key, r, ok, again)
				}
				if !bytes.Equal(in, frame) {
					t.Fatalf("%s: the frame was written to", key)
				}
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, m := range []probe.Method{probe.UDP, probe.ICMP} {
		list := frames(b, m)
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for name := range list {
				if !yield(name) {
					return
				}
			}
		}) {
			b.Run(m.String()+"/"+name, func(b *testing.B) {
				d, _ := newDecoder(b, newCodec(b, m), layers.LinkTypeEthernet)
				frame := ethernet(list[name])
				var r probe.Reply
				b.ReportAllocs()
				for b.Loop() {
					if !d.isReply(frame, &r) {
						b.Fatal("no reply")
					}
				}
			})
		}
	}
}
