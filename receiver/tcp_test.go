package receiver

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
)

var update = flag.Bool("update", false, "write testdata/tcp_flags.txt")

// tcp returns a segment to the flow of p, from the port that it probes.
func tcp(c *codec.Codec, p probe.Probe, seq, ack uint32, flags byte, options ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, 33434)
	b = binary.BigEndian.AppendUint16(b, c.Flow(p.Target, p.Flow).Value)
	b = binary.BigEndian.AppendUint32(b, seq)
	b = binary.BigEndian.AppendUint32(b, ack)
	// The checksum is invalid.
	b = append(b, byte(20+len(options))<<2, flags, 0xfa, 0xf0, 0xde, 0xad, 0, 0)
	return append(b, options...)
}

// numbers returns the sequence number and the acknowledgement of a probe.
func numbers(packet []byte) (seq, ack uint32) {
	b := packet[20:]
	if packet[0]>>4 == 6 {
		b = packet[40:]
	}
	return binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
}

// answered puts a segment into a packet from the target of p.
func answered(p probe.Probe, segment []byte) []byte {
	if p.Target.Is4() {
		return ip4(p.Target, 6, nil, segment)
	}
	return ip6(p.Target, 6, nil, segment)
}

// TestTCPFlags tries every set of flags, with numbers as RFC 9293 has them for an answer. It
// writes the verdicts down.
func TestTCPFlags(t *testing.T) {
	names := []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"}
	var text strings.Builder
	for flags := range 256 {
		set := []string{}
		for i, name := range names {
			if flags>>i&1 == 1 {
				set = append(set, name)
			}
		}
		fmt.Fprintf(&text, "%3d %-31s", flags, strings.Join(set, ","))
		for _, m := range []probe.Method{probe.TCPSYN, probe.TCPACK} {
			said := ""
			for _, is4 := range []bool{true, false} {
				p := asked(is4)
				c := newCodec(t, m)
				d, heard := newDecoder(t, c, layers.LinkTypeRaw)
				seq, ack := numbers(sent(c, p))
				segment := tcp(c, p, ack, seq+1, byte(flags))
				if m == probe.TCPACK {
					segment = tcp(c, p, ack, seq, byte(flags))
				}
				var r probe.Reply
				word := fmt.Sprintf("%+v", verdictsOf(heard, 0))
				if d.isReply(answered(p, segment), &r) {
					word = r.Kind.String()
					if r.Probe != p || r.Valid != probe.Strong || int(r.TCPFlags) != flags || r.Protocol != 6 || r.Type != 0 || r.Code != 0 || r.HasQuote {
						t.Errorf("%v, flags %#02x: %+v", m, flags, r)
					}
				} else if heard.Unrelated.Load() == 1 {
					word = "unrelated"
				}
				if said != "" && word != said {
					t.Errorf("%v, flags %#02x: %s over IPv6, %s over IPv4", m, flags, word, said)
				}
				said = word
			}
			fmt.Fprintf(&text, " %v=%s", m, said)
		}
		text.WriteByte('\n')
	}
	golden := filepath.Join("testdata", "tcp_flags.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != text.String() {
		t.Errorf("%s differs (%v); see with -update:\n%s", golden, err, text.String())
	}
}

func TestDecodeTCP(t *testing.T) {
	const syn, rst, ack = 2, 4, 16
	many := slices.Repeat([]byte{8, 2}, 20) // more options than gopacket has room for
	for _, is4 := range []bool{true, false} {
		p := asked(is4)
		c := newCodec(t, probe.TCPSYN)
		seq, _ := numbers(sent(c, p))
		opens := func(options ...byte) []byte { return tcp(c, p, 7, seq+1, syn|ack, options...) }
		from := func(source probe.Addr, segment []byte) []byte {
			if is4 {
				return ip4(source, 6, nil, segment)
			}
			return ip6(source, 6, nil, segment)
		}
		router, own := router6, probe.AddrFrom(source6)
		if is4 {
			router, own = router4, probe.AddrFrom(source4)
		}
		kind := func(k probe.Kind) func(*probe.Reply) bool {
			return func(r *probe.Reply) bool { return r.Kind == k && r.Probe == p && strong(r) }
		}
		opened := kind(probe.KindSYNACK)
		good := answered(p, opens())
		runFrames(t, probe.TCPSYN, layers.LinkTypeRaw, []frameTest{
			{"SYN-ACK", good, reply, func(r *probe.Reply) bool {
				want := probe.Facts{
					Probe: p, Responder: p.Target, ReplySize: uint32(len(good)), Kind: probe.KindSYNACK, Valid: probe.Strong,
					Protocol: 6, TCPFlags: syn | ack, ReplyTTL: 55, ReplyTOS: 0x5a,
				}
				if is4 {
					want.ReplyTOS, want.ReplyID = 0xc0, 0x1234
				}
				return r.Facts == want && r.Ext == nil
			}},
			{"options", answered(p, opens(2, 4, 5, 180, 1, 3, 3, 7, 4, 2, 1, 1)), reply, opened},
			{"many options", answered(p, opens(many...)), reply, opened},
			{"an option of length 0", answered(p, opens(2, 0, 0, 0)), reply, opened},
			{"an option beyond the header", answered(p, opens(2, 40, 0, 0)), reply, opened},
			{"data", answered(p, append(opens(), "hello"...)), reply, opened},
			{"octets behind the packet", padded(good, len(good)+6), reply, opened},
			{"RST-ACK", answered(p, tcp(c, p, 0, seq+1, rst|ack)), reply, kind(probe.KindRST)},
			{"of an earlier probe", answered(p, tcp(c, p, 8, seq+1, ack)), reply, func(r *probe.Reply) bool {
				return r.Kind == probe.KindPureACK && !r.HasHop() && r.Probe == p && strong(r)
			}},
			{"acknowledges something else", answered(p, tcp(c, p, 7, seq+2, syn|ack)), garbled, nil},
			{"from a router", from(router, opens()), unrelated, nil},
			{"our own", from(own, opens()), unrelated, nil},
			{"another port", answered(p, with(opens(), 1, 0x9b)), unrelated, nil},
			{"another flow", answered(p, with(opens(), 2, 0, 53)), unrelated, nil},
			{"SYN", answered(p, tcp(c, p, 7, seq+1, syn)), unrelated, nil},
			{"header cut", answered(p, opens()[:19]), malformed, nil},
			{"header beyond the packet", answered(p, with(opens(), 12, 0x60)), malformed, nil},
			{"header too short", answered(p, with(opens(), 12, 0x40)), malformed, nil},
			{"nothing", answered(p, nil), malformed, nil},
		})
		runFrames(t, probe.UDP, layers.LinkTypeRaw, []frameTest{{"in a UDP run", good, unrelated, nil}})
		runFrames(t, probe.ICMP, layers.LinkTypeRaw, []frameTest{{"in an ICMP run", good, unrelated, nil}})
		if is4 {
			runFrames(t, probe.TCPSYN, layers.LinkTypeRaw, []frameTest{
				{"IP header checksum", with(good, 10, good[10]^1), checksum, nil},
				{"IP header checksum, of others", with(ip4(router4, 6, nil, opens()), 10, 0, 0), unrelated, nil},
				{"IP options", ip4(p.Target, 6, []byte{7, 7, 4, 1, 2, 3, 4, 0}, opens()), reply, opened},
				{"fragment", resum4(with(good, 6, 0, 9)), unrelated, nil},
			})
		} else {
			runFrames(t, probe.TCPSYN, layers.LinkTypeRaw, []frameTest{
				{"hop-by-hop options", ip6(p.Target, 0, []byte{6, 0, 1, 4, 0, 0, 0, 0}, opens()), reply, opened},
				{"fragment", ip6(p.Target, 44, []byte{6, 0, 8, 1, 2, 3, 4, 5}, opens()), unrelated, nil},
			})
		}
	}
}

// Errors that quote TCP probes: with 8 octets of them, whole, and with MPLS.
func TestDecodeTCPErrors(t *testing.T) {
	for _, m := range []probe.Method{probe.TCPSYN, probe.TCPACK} {
		c := newCodec(t, m)
		for _, is4 := range []bool{true, false} {
			packet := sent(c, asked(is4))
			head, ports := 40, 40
			if is4 {
				head, ports = 20, 20
			}
			q := quoted(packet, 0)
			right := func(r *probe.Reply) bool {
				return r.Kind == probe.KindTTLExceeded && r.Probe == asked(is4) && strong(r) && r.TCPFlags == 0
			}
			tests := []frameTest{
				{"whole", errorFrom(q, nil), reply, right},
				{"MPLS", errorFrom(q, mpls()), reply, right},
				{"8 octets", errorFrom(quoted(packet, head+8), nil), reply, right},
				{"8 octets, MPLS", errorFrom(quoted(packet, head+8), mpls()), reply, right},
				{"7 octets", errorFrom(quoted(packet, head+7), nil), malformed, nil},
				{"source port", errorFrom(with(q, ports, 0, 53), nil), unrelated, nil},
				{"MSS clamped", errorFrom(with(q, len(q)-1, 0x50), nil), reply, names(probe.Strong, probe.MangledPayload)},
			}
			if is4 {
				tests = append(tests, frameTest{"identification", errorFrom(resum4(with(q, 4, 0, 0)), nil), reply, names(probe.Strong, probe.MangledIPID)})
			}
			runFrames(t, m, layers.LinkTypeRaw, tests)
		}
	}
}

func TestDecodeTCPAllocs(t *testing.T) {
	many := slices.Repeat([]byte{8, 2}, 20)
	for _, is4 := range []bool{true, false} {
		c := newCodec(t, probe.TCPSYN)
		d, _ := newDecoder(t, c, layers.LinkTypeEthernet)
		p := asked(is4)
		seq, _ := numbers(sent(c, p))
		for name, packet := range map[string][]byte{
			"answer": answered(p, tcp(c, p, 7, seq+1, 18, many...)),
			"error":  errorFrom(quoted(sent(c, p), 0), mpls()),
		} {
			frame := ethernet(packet)
			var r probe.Reply
			if n := testing.AllocsPerRun(100, func() {
				if !d.isReply(frame, &r) {
					t.Fatalf("%s is no reply", name)
				}
			}); n != 0 {
				t.Errorf("%s: %v allocations", name, n)
			}
		}
	}
}

// FuzzDecodeTCP is FuzzDecode for TCP runs.
func FuzzDecodeTCP(f *testing.F) {
	methods := []probe.Method{probe.TCPSYN, probe.TCPACK}
	for _, m := range methods {
		c := newCodec(f, m)
		for _, is4 := range []bool{true, false} {
			p := asked(is4)
			seq, ack := numbers(sent(c, p))
			f.Add(errorFrom(quoted(sent(c, p), 0), mpls()))
			f.Add(answered(p, tcp(c, p, 7, seq+1, 18, 2, 4, 5, 180)))
			f.Add(answered(p, tcp(c, p, ack, 0, 4)))
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		for _, m := range methods {
			d, heard := newDecoder(t, newCodec(t, m), layers.LinkTypeRaw)
			r := probe.Reply{Facts: probe.Facts{Mangled: 0xffff}}
			n := uint64(0)
			if d.isReply(frame, &r) && r.Valid != probe.Garbled {
				n = 1
				if r.HasHop() && (r.TTL < 1 || r.TTL > 32 || r.Attempt > 2) || r.Valid < probe.Weak || r.Flow > 1 ||
					r.Protocol == 6 && (r.Responder != r.Target || r.Valid != probe.Strong) {
					t.Fatalf("%v: %+v", m, r)
				}
			}
			if v := verdictsOf(heard, n); v.replies+v.malformed+v.unrelated+v.checksum+v.source+v.tag+v.conflict != 1 {
				t.Fatalf("%v: %+v", m, v)
			}
		}
	})
}
