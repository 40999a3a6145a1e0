package codec

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Flags of segments.
const (
	syn = wire.FlagSYN
	ack = wire.FlagACK
	rst = wire.FlagRST
)

// answerTo returns how a port without a connection answers the probe in packet:
// RFC 9293 §3.10.7.1 for a closed one, §3.10.7.2 for one that listens.
func answerTo(packet []byte, listens bool) (Segment, probe.Kind) {
	b := packet[20:]
	if packet[0]>>4 == 6 {
		b = packet[40:]
	}
	s := Segment{SrcPort: binary.BigEndian.Uint16(b[2:]), DstPort: binary.BigEndian.Uint16(b)}
	seq, acked := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	switch {
	case b[13]&ack != 0:
		s.Seq, s.Flags = acked, rst
		return s, probe.KindRST
	case listens:
		s.Seq, s.Ack, s.Flags = 0x12345678, seq+1, syn|ack
		return s, probe.KindSYNACK
	default:
		s.Ack, s.Flags = seq+1, rst|ack
		return s, probe.KindRST
	}
}

// TestTCPAnswerRoundTrip sends every probe to a port that listens and to one
// that is closed.
func TestTCPAnswerRoundTrip(t *testing.T) {
	for i, k := range tcpKinds {
		c := newCodec(t, testConfig(k.method))
		r := newRand(uint64(120 + i))
		for range effort.Count(20_000, 1_000_000) {
			p := randProbe(r, c, k.is4)
			for _, listens := range []bool{true, false} {
				s, kind := answerTo(encode(c, p), listens)
				f := probe.Facts{Responder: p.Target, Kind: kind, Mangled: 0xffff}
				if v := c.TCPAnswer(&s, &f); v != Accepted || f.Probe != p || f.Valid != probe.Strong || f.Mangled != 0 || f.Kind != kind {
					t.Fatalf("%s: verdict %d, %+v; want %+v", k, v, f, p)
				}
			}
		}
	}
}

func TestTCPAnswer(t *testing.T) {
	target, elsewhere := addr("20.1.2.3"), addr("20.1.2.4")
	p := probe.Probe{Target: target, Flow: 1, TTL: 9, Attempt: 2}
	tests := []struct {
		name   string
		method probe.Method
		edit   func(s *Segment, f *probe.Facts)
		want   Verdict
		probe  probe.Probe
	}{
		{"SYN: RST without ACK", probe.TCPSYN, func(s *Segment, f *probe.Facts) { s.Flags, f.Kind = rst, probe.KindRST }, Accepted, p},
		{"SYN: RST without ACK or number", probe.TCPSYN, func(s *Segment, f *probe.Facts) { s.Flags, s.Ack, f.Kind = rst, 0, probe.KindRST }, Garbled, p},
		{"SYN: pure ACK", probe.TCPSYN, func(s *Segment, f *probe.Facts) { s.Flags, f.Kind = ack, probe.KindPureACK }, Accepted, p},
		{"SYN: acknowledges less", probe.TCPSYN, func(s *Segment, _ *probe.Facts) { s.Ack-- }, Garbled, p},
		{"SYN: acknowledges more", probe.TCPSYN, func(s *Segment, _ *probe.Facts) { s.Ack++ }, Garbled, p},
		{"SYN: tag in the sequence number", probe.TCPSYN, func(s *Segment, _ *probe.Facts) { s.Seq, s.Ack = s.Ack-1, 0 }, Garbled, p},
		{"SYN: other port", probe.TCPSYN, func(s *Segment, _ *probe.Facts) { s.SrcPort++ }, Unrelated, p},
		{"SYN: no flow", probe.TCPSYN, func(s *Segment, _ *probe.Facts) { s.DstPort += 2 }, Unrelated, p},
		{"SYN: other flow", probe.TCPSYN, func(s *Segment, _ *probe.Facts) { s.DstPort-- }, Garbled, p},
		{"SYN: from elsewhere", probe.TCPSYN, func(_ *Segment, f *probe.Facts) { f.Responder = elsewhere }, Unrelated, p},
		{"SYN: from ourselves", probe.TCPSYN, func(_ *Segment, f *probe.Facts) { f.Responder = addr("45.1.2.3") }, Unrelated, p},
		{"SYN run, IPv6", probe.TCPSYN, func(_ *Segment, f *probe.Facts) { f.Responder = addr("2600::1") }, Unrelated, p},
		{"UDP run", probe.UDP, func(*Segment, *probe.Facts) {}, Unrelated, p},
		{"ICMP run", probe.ICMP, func(*Segment, *probe.Facts) {}, Unrelated, p},

		{"ACK: RST-ACK as for a segment without ACK", probe.TCPACK, func(s *Segment, _ *probe.Facts) { s.Flags, s.Seq, s.Ack = rst|ack, 0, s.Seq }, Accepted, p},
		{"ACK: RST-ACK with both", probe.TCPACK, func(s *Segment, _ *probe.Facts) { s.Flags, s.Ack = rst|ack, s.Seq }, Accepted, p},
		{"ACK: RST-ACK with the sequence number alone", probe.TCPACK, func(s *Segment, _ *probe.Facts) { s.Flags, s.Ack = rst|ack, 1 }, Accepted, p},
		{"ACK: RST, acknowledgement without flag", probe.TCPACK, func(s *Segment, _ *probe.Facts) { s.Seq, s.Ack = 0, s.Seq }, Garbled, p},
		{"ACK: one more", probe.TCPACK, func(s *Segment, _ *probe.Facts) { s.Seq++ }, Garbled, p},
		{"ACK: pure ACK", probe.TCPACK, func(s *Segment, f *probe.Facts) { s.Flags, s.Ack, f.Kind = ack, s.Seq, probe.KindPureACK }, Accepted, p},
		{"ACK: pure ACK of something else", probe.TCPACK, func(s *Segment, f *probe.Facts) { s.Flags, s.Ack, f.Kind = ack, 7, probe.KindPureACK }, Garbled, p},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCodec(t, testConfig(tt.method))
			maker := c
			if tt.method < probe.TCPSYN {
				maker = newCodec(t, testConfig(probe.TCPSYN))
			}
			s, kind := answerTo(encode(maker, p), true)
			f := probe.Facts{Responder: target, Kind: kind, Mangled: 0xffff, Probe: probe.Probe{TTL: 3, Attempt: 3}}
			tt.edit(&s, &f)
			v := c.TCPAnswer(&s, &f)
			if v != tt.want || v == Accepted && (f.Probe != tt.probe || f.Valid != probe.Strong || f.Mangled != 0) {
				t.Errorf("verdict %d, %+v", v, f)
			}
		})
	}
}

// TestTCPOwnResets tries the resets that our own kernel sends for the SYN-ACKs of random targets,
// and of our own host. No such reset is an answer. If our own host is the target, its SYN-ACK is
// an answer.
func TestTCPOwnResets(t *testing.T) {
	for i, k := range tcpKinds[:2] {
		c := newCodec(t, testConfig(k.method))
		own := c.Source(k.is4)
		r := newRand(uint64(125 + i))
		for n := range effort.Count(5000, 100_000) {
			p := randProbe(r, c, k.is4)
			if n%2 == 0 {
				p.Target = own
			}
			answer, kind := answerTo(encode(c, p), true)
			reset := Segment{SrcPort: answer.DstPort, DstPort: answer.SrcPort, Seq: answer.Ack, Flags: rst}
			f := probe.Facts{Responder: own, Kind: probe.KindRST}
			if v := c.TCPAnswer(&reset, &f); v != Unrelated {
				t.Fatalf("%s: verdict %d, %+v", k, v, f)
			}
			f = probe.Facts{Responder: own, Kind: kind}
			if v := c.TCPAnswer(&answer, &f); (v == Accepted) != (p.Target == own) || v == Accepted && f.Probe != p {
				t.Fatalf("%s: verdict %d, %+v for %+v", k, v, f, p)
			}
		}
	}
}

// TestTCPAnswerConflict makes a reset with the tags of two probes.
func TestTCPAnswerConflict(t *testing.T) {
	c := newCodec(t, testConfig(probe.TCPACK))
	p := probe.Probe{Target: addr("2600:9::42"), TTL: 9}
	s, _ := answerTo(encode(c, p), false)
	p.TTL = 8
	other, _ := answerTo(encode(c, p), false)
	s.Flags, s.Ack = rst|ack, other.Seq
	f := probe.Facts{Responder: p.Target, Kind: probe.KindRST}
	if v := c.TCPAnswer(&s, &f); v != Conflict {
		t.Errorf("verdict %d, %+v", v, f)
	}
}

// TestTCPQuotedTags rewrites tags. The 32-bit tag is enough, and the identification alone is
// weak. A quotation whose tags contradict each other is rejected.
func TestTCPQuotedTags(t *testing.T) {
	p4 := probe.Probe{Target: addr("20.1.2.3"), Flow: 1, TTL: 7, Attempt: 1}
	p6 := probe.Probe{Target: addr("2600:9::42"), Flow: 1, TTL: 7, Attempt: 1}
	other := func(c *Codec, p probe.Probe) []byte { p.TTL++; return encode(c, p) }
	type edit func(b, other []byte)
	seq4 := func(b, other []byte) { copy(b[24:28], other[24:28]) }
	random4 := func(b, _ []byte) { b[24] ^= 0x55 }
	random6 := func(b, _ []byte) { b[44] ^= 0x55 }
	id0 := func(b, _ []byte) { setID(0)(b) }
	tests := []struct {
		name    string
		methods []probe.Method
		p       probe.Probe
		flows   int
		short   bool // 8 octets of transport
		edit    edit
		want    Verdict
		valid   probe.Validity
		mangled probe.Mangled
	}{
		{name: "no identification", p: p4, edit: id0, valid: probe.Strong, mangled: probe.MangledIPID},
		{name: "no identification, 1,000 flows", p: p4, flows: 1000, edit: id0, valid: probe.Strong, mangled: probe.MangledIPID},
		{name: "other identification", p: p4, edit: func(b, o []byte) { copy(b[4:6], o[4:6]) }, want: Conflict},
		{name: "other sequence number, short", p: p4, short: true, edit: seq4, want: Conflict},
		{name: "no sequence number, short", p: p4, short: true, edit: random4, valid: probe.Weak, mangled: probe.MangledSeq},
		{name: "no sequence number, 1,000 flows", p: p4, short: true, flows: 1000, edit: random4, valid: probe.Weak, mangled: probe.MangledSeq},
		{name: "no sequence number, short IPv6", p: p6, short: true, edit: random6, want: Garbled},
		{name: "neither", p: p4, short: true, edit: func(b, o []byte) { random4(b, o); id0(b, o) }, want: Garbled},
		{name: "no sequence number", methods: []probe.Method{probe.TCPSYN}, p: p4, edit: random4, valid: probe.Weak, mangled: probe.MangledSeq},
		{name: "no sequence number, IPv6", methods: []probe.Method{probe.TCPSYN}, p: p6, edit: random6, want: Garbled},
		{name: "acknowledgement alone", methods: []probe.Method{probe.TCPACK}, p: p4,
			edit: func(b, o []byte) { random4(b, o); id0(b, o) }, valid: probe.Strong, mangled: probe.MangledSeq | probe.MangledIPID},
		{name: "acknowledgement alone, IPv6", methods: []probe.Method{probe.TCPACK}, p: p6, edit: random6, valid: probe.Strong, mangled: probe.MangledSeq},
		{name: "other acknowledgement", methods: []probe.Method{probe.TCPACK}, p: p6, edit: func(b, o []byte) { copy(b[48:52], o[48:52]) }, want: Conflict},
		{name: "label", p: p6, edit: func(b, _ []byte) { b[3] ^= 1 }, valid: probe.Strong, mangled: probe.MangledLabel},
		{name: "other port of the target", p: p4, edit: func(b, _ []byte) { b[23]++ }, want: Unrelated},
		// The tag of flow 1 with the port of flow 0.
		{name: "port of another flow", p: p4, edit: func(b, _ []byte) {
			binary.BigEndian.PutUint16(b[20:], binary.BigEndian.Uint16(b[20:])-1)
		}, want: Garbled},
	}
	for _, tt := range tests {
		methods := tt.methods
		if methods == nil {
			methods = []probe.Method{probe.TCPSYN, probe.TCPACK}
		}
		for _, m := range methods {
			t.Run(m.String()+" "+tt.name, func(t *testing.T) {
				cfg := testConfig(m)
				cfg.Flows = max(cfg.Flows, tt.flows)
				c := newCodec(t, cfg)
				b := encode(c, tt.p)
				tt.edit(b, other(c, tt.p))
				n := len(b)
				if tt.short {
					n = c.template(tt.p.Target.Is4()).header + 8
				}
				q := quote(b, n)
				f := probe.Facts{Mangled: 0xffff}
				v := c.Quoted(&q, &f)
				if v != tt.want || v == Accepted && (f.Probe != tt.p || f.Valid != tt.valid || f.Mangled != tt.mangled) {
					t.Errorf("verdict %d, mangled %v, %+v", v, f.Mangled.AppendNames(nil), f)
				}
			})
		}
	}
}

// TestTCPOtherFlow rewrites the source port to that of every other flow. Then an identification
// may be valid under the wrong key by chance. The sequence number contradicts it, so that it
// gives no wrong TTL.
func TestTCPOtherFlow(t *testing.T) {
	cfg := testConfig(probe.TCPSYN)
	cfg.Flows, cfg.MaxTTL, cfg.Attempts = searched, probe.MaxTTL, probe.MaxAttempts
	c := newCodec(t, cfg)
	r := newRand(130)
	seen := map[Verdict]int{}
	for range effort.Count(20_000, 1_000_000) {
		p := randProbe(r, c, true)
		b := encode(c, p)
		other := c.Flow(p.Target, (p.Flow+1+uint16(r.IntN(searched-1)))%searched)
		binary.BigEndian.PutUint16(b[20:], other.Value)
		q := quote(b, 28)
		var f probe.Facts
		v := c.Quoted(&q, &f)
		if v == Accepted {
			t.Fatalf("%+v becomes %+v", p, f)
		}
		seen[v]++
	}
	if seen[Conflict] == 0 {
		t.Error("no identification was valid by chance: the test shows nothing")
	}
}

// TestTCPTruncated cuts quotations everywhere. 8 octets of transport are enough. A missing field
// is never reported as rewritten.
func TestTCPTruncated(t *testing.T) {
	for _, k := range tcpKinds {
		c := newCodec(t, testConfig(k.method))
		p := probe.Probe{Target: addr("2600:9::42"), TTL: 9}
		if k.is4 {
			p.Target = addr("20.1.2.3")
		}
		b := encode(c, p)
		header := c.template(k.is4).header
		for n := header; n <= len(b); n++ {
			q := quote(b, n)
			f := probe.Facts{Mangled: 0xffff}
			v := c.Quoted(&q, &f)
			switch {
			case n < header+8 && v != Malformed:
				t.Errorf("%s, %d octets: verdict %d", k, n, v)
			case n >= header+8 && (v != Accepted || f.Probe != p || f.Valid != probe.Strong || f.Mangled != 0):
				t.Errorf("%s, %d octets: verdict %d, %+v", k, n, v, f)
			}
			padded := bytes.Clone(b)
			clear(padded[n:])
			q = quote(append(padded, make([]byte, 128)...), 128)
			f = probe.Facts{Mangled: 0xffff}
			if v := c.Quoted(&q, &f); n >= header+8 && (v != Accepted || f.Probe != p || f.Valid != probe.Strong) {
				t.Errorf("%s, %d octets and zeros: verdict %d, %+v", k, n, v, f)
			}
		}
	}
}

// TestReset decodes resets by gopacket. A reset is of the probe's flow, and its sequence number
// is the one that the SYN-ACK acknowledges. A quoted reset is not accepted as a probe.
func TestReset(t *testing.T) {
	c := newCodec(t, testConfig(probe.TCPSYN))
	var w witness
	r := newRand(140)
	for range effort.Count(2000, 100_000) {
		for _, is4 := range []bool{true, false} {
			p := randProbe(r, c, is4)
			answer, _ := answerTo(encode(c, p), true)
			buf := make([]byte, MaxSize)
			fill(r, buf)
			b := buf[:c.EncodeReset(buf, p)]
			if fresh := w.serialize(t, b); !bytes.Equal(fresh, b) {
				t.Fatalf("% x, gopacket writes % x", b, fresh)
			}
			first := gopacket.Decoder(layers.LayerTypeIPv6)
			if is4 {
				first = layers.LayerTypeIPv4
			}
			packet := gopacket.NewPacket(b, first, gopacket.Default)
			tcp, ok := packet.TransportLayer().(*layers.TCP)
			if !ok || packet.ErrorLayer() != nil {
				t.Fatalf("no TCP: %v", packet)
			}
			if tcp.Seq != answer.Ack || !tcp.RST || tcp.ACK || tcp.SYN || tcp.Ack != 0 || len(tcp.Payload) != 0 || len(tcp.Options) != 0 {
				t.Fatalf("%+v for %+v", tcp, answer)
			}
			if uint16(tcp.SrcPort) != answer.DstPort || uint16(tcp.DstPort) != answer.SrcPort {
				t.Fatalf("%+v for %+v", tcp, answer)
			}
			if ip, ok := packet.NetworkLayer().(*layers.IPv4); ok && (ip.Id != 0 || ip.Flags != layers.IPv4DontFragment) {
				t.Fatalf("identification %d, flags %s", ip.Id, ip.Flags)
			}
			flow := packet.NetworkLayer().NetworkFlow()
			if flow.Src().String() != c.Source(is4).String() || flow.Dst().String() != p.Target.String() {
				t.Fatalf("%v for %+v", flow, p)
			}
			q := quote(b, len(b))
			var f probe.Facts
			if v := c.Quoted(&q, &f); v == Accepted {
				t.Fatalf("a quoted reset passes for %+v", f)
			}
		}
	}
}

// FuzzTCPAnswer gives arbitrary segments. An accepted segment must bear a tag of the probe that
// it answers.
func FuzzTCPAnswer(f *testing.F) {
	codecs := map[probe.Method]*Codec{}
	for _, k := range tcpKinds {
		c := newCodec(f, testConfig(k.method))
		codecs[k.method] = c
		p := randProbe(newRand(72), c, k.is4)
		for _, listens := range []bool{true, false} {
			s, _ := answerTo(encode(c, p), listens)
			f.Add(k.method == probe.TCPSYN, p.Target[:], s.SrcPort, s.DstPort, s.Seq, s.Ack, s.Flags)
		}
	}
	f.Fuzz(func(t *testing.T, bySYN bool, from []byte, src, dst uint16, seq, ackNo uint32, flags uint8) {
		m := probe.TCPACK
		if bySYN {
			m = probe.TCPSYN
		}
		c := codecs[m]
		r := probe.Facts{Kind: probe.KindRST, Mangled: 0xffff}
		copy(r.Responder[:], from)
		s := Segment{src, dst, seq, ackNo, flags}
		if c.TCPAnswer(&s, &r) != Accepted {
			return
		}
		if r.Target != r.Responder || r.Valid != probe.Strong || !c.inRange(tau(r.TTL, r.Attempt)) || int(r.Flow) >= c.cfg.Flows {
			t.Fatalf("%+v", r)
		}
		want, _ := answerTo(encode(c, r.Probe), true)
		if want.SrcPort != src || want.DstPort != dst || bySYN && want.Ack != ackNo || !bySYN && want.Seq != seq && want.Seq != ackNo {
			t.Fatalf("%+v for %+v", s, r)
		}
	})
}
