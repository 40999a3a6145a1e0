package codec

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// rewrite is a change that a device may make to one field of a quotation.
type rewrite struct {
	name string
	on   func(k kind) bool // where it applies
	do   func(r *rand.Rand, q *wire.Quotation)
	want probe.Mangled // the name of the field; 0 if it has none
	lost bool          // the quotation must be rejected
	flow bool          // it may become that of another flow, and is then rejected
}

func anywhere(kind) bool  { return true }
func onV4(k kind) bool    { return k.is4 }
func onV6(k kind) bool    { return !k.is4 }
func onUDP(k kind) bool   { return k.method == probe.UDP }
func onTCP(k kind) bool   { return k.isTCP() }
func onSYN(k kind) bool   { return k.method == probe.TCPSYN }
func onPorts(k kind) bool { return k.method != probe.ICMP }
func onICMP(k kind) bool  { return k.method == probe.ICMP }
func sealed(k kind) bool  { return !k.isTCP() }

// set returns a rewrite of the 16-bit transport field at offset at.
func set(at int, f func(r *rand.Rand, v uint16) uint16) func(*rand.Rand, *wire.Quotation) {
	return func(r *rand.Rand, q *wire.Quotation) {
		v := binary.BigEndian.Uint16(q.Transport[at:])
		binary.BigEndian.PutUint16(q.Transport[at:], f(r, v))
	}
}

// set32 is set for a field of 32 bits.
func set32(at int, f func(r *rand.Rand, v uint32) uint32) func(*rand.Rand, *wire.Quotation) {
	return func(r *rand.Rand, q *wire.Quotation) {
		v := binary.BigEndian.Uint32(q.Transport[at:])
		binary.BigEndian.PutUint32(q.Transport[at:], f(r, v))
	}
}

// whole rewrites a segment that is quoted whole, and leaves others alone.
func whole(f func(r *rand.Rand, b []byte)) func(*rand.Rand, *wire.Quotation) {
	return func(r *rand.Rand, q *wire.Quotation) {
		if len(q.Transport) > wire.TCPFlags && q.Transport[wire.TCPFlags] != 0 {
			f(r, q.Transport)
		}
	}
}

func random(r *rand.Rand, _ uint16) uint16  { return uint16(r.Uint32()) }
func zero(*rand.Rand, uint16) uint16        { return 0 }
func ones(*rand.Rand, uint16) uint16        { return 0xffff }
func next(_ *rand.Rand, v uint16) uint16    { return v + 1 }
func before(_ *rand.Rand, v uint16) uint16  { return v - 1 }
func swapped(_ *rand.Rand, v uint16) uint16 { return bits.ReverseBytes16(v) }
func delta(r *rand.Rand, v uint16) uint16   { return ^wire.Fold(uint64(^v) + 1 + r.Uint64N(0xfffe)) }

func id(f func(*rand.Rand, uint16) uint16) func(*rand.Rand, *wire.Quotation) {
	return func(r *rand.Rand, q *wire.Quotation) { q.ID = f(r, q.ID) }
}

var rewrites = []rewrite{
	// TestQuotedTTLAboveSent tries a quoted TTL above the one sent.
	{name: "quoted TTL", on: anywhere, do: func(r *rand.Rand, q *wire.Quotation) { q.TTL = uint8(r.IntN(2)) }},
	{name: "id 0", on: onV4, do: id(zero), want: probe.MangledIPID},
	{name: "id 0xffff", on: onV4, do: id(ones), want: probe.MangledIPID},
	{name: "id +1", on: onV4, do: id(next), want: probe.MangledIPID},
	{name: "id swapped", on: onV4, do: id(swapped), want: probe.MangledIPID},
	{name: "id random", on: onV4, do: id(random), want: probe.MangledIPID},
	{name: "length", on: anywhere, do: func(r *rand.Rand, q *wire.Quotation) { q.Size = r.IntN(1 << 16) }, want: probe.MangledLen},
	{name: "TOS", on: anywhere, do: func(r *rand.Rand, q *wire.Quotation) { q.TOS = uint8(r.Uint32()) }, want: probe.MangledTOS},
	{name: "label 0", on: onV6, do: func(_ *rand.Rand, q *wire.Quotation) { q.Label = 0 }, want: probe.MangledLabel},
	{name: "label", on: onV6, do: func(r *rand.Rand, q *wire.Quotation) { q.Label = r.Uint32() >> 12 }, want: probe.MangledLabel},
	{name: "source", on: anywhere, do: func(r *rand.Rand, q *wire.Quotation) { q.Src = randTarget(r, q.Is4) }, want: probe.MangledSource},
	{name: "target", on: anywhere, do: func(r *rand.Rand, q *wire.Quotation) { q.Dst = randTarget(r, q.Is4) }, lost: true},
	{name: "target +1", on: anywhere, do: func(_ *rand.Rand, q *wire.Quotation) { q.Dst[15]++ }, lost: true},
	{name: "sport random", on: onPorts, do: set(wire.UDPSrcPort, random), lost: true},
	{name: "sport +1", on: onPorts, do: set(wire.UDPSrcPort, next), lost: true},
	{name: "sport -1", on: onPorts, do: set(wire.UDPSrcPort, before), lost: true},
	{name: "dport", on: onPorts, do: set(wire.UDPDstPort, random), lost: true},
	{name: "UDP length", on: onUDP, do: set(wire.UDPLength, random), want: probe.MangledLen},
	{name: "UDP checksum 0", on: onUDP, do: set(wire.UDPChecksum, zero), want: probe.MangledCsum},
	{name: "UDP checksum 0xffff", on: onUDP, do: set(wire.UDPChecksum, ones), want: probe.MangledCsum},
	{name: "UDP checksum adjusted", on: onUDP, do: set(wire.UDPChecksum, delta), want: probe.MangledCsum},
	{name: "UDP checksum random", on: onUDP, do: set(wire.UDPChecksum, random), want: probe.MangledCsum},
	{name: "type and code", on: onICMP, do: set(wire.ICMPType, random), lost: true},
	{name: "ICMP checksum 0", on: onICMP, do: set(wire.ICMPChecksum, zero), want: probe.MangledCsum},
	{name: "ICMP checksum", on: onICMP, do: set(wire.ICMPChecksum, random), want: probe.MangledCsum},
	{name: "identifier", on: onICMP, do: set(wire.EchoID, random), want: probe.MangledID},
	{name: "identifier +1", on: onICMP, do: set(wire.EchoID, next), want: probe.MangledID, flow: true},
	{name: "sequence 0", on: onICMP, do: set(wire.EchoSeq, zero), want: probe.MangledSeq},
	{name: "sequence +1", on: onICMP, do: set(wire.EchoSeq, next), want: probe.MangledSeq},
	{name: "sequence random", on: onICMP, do: set(wire.EchoSeq, random), want: probe.MangledSeq},
	{name: "TCP sequence 0", on: onTCP, do: set32(wire.TCPSeq, func(*rand.Rand, uint32) uint32 { return 0 }), want: probe.MangledSeq},
	{name: "TCP sequence +1", on: onTCP, do: set32(wire.TCPSeq, func(_ *rand.Rand, v uint32) uint32 { return v + 1 }), want: probe.MangledSeq},
	{name: "TCP sequence random", on: onTCP, do: set32(wire.TCPSeq, func(r *rand.Rand, _ uint32) uint32 { return r.Uint32() }), want: probe.MangledSeq},
	{name: "TCP acknowledgement", on: onTCP, do: whole(func(r *rand.Rand, b []byte) {
		binary.BigEndian.PutUint32(b[wire.TCPAck:], 1+r.Uint32N(1<<32-1))
	}), want: probe.MangledPayload},
	{name: "TCP window", on: onTCP, do: whole(func(_ *rand.Rand, b []byte) { b[wire.TCPWindow]++ }), want: probe.MangledPayload},
	{name: "TCP checksum", on: onTCP, do: whole(func(_ *rand.Rand, b []byte) { b[wire.TCPChecksum] ^= 0x40 }), want: probe.MangledCsum},
	{name: "TCP urgent", on: onTCP, do: whole(func(_ *rand.Rand, b []byte) { b[wire.TCPChecksum+3]++ }), want: probe.MangledPayload},
	{name: "MSS clamped", on: onSYN, do: whole(func(_ *rand.Rand, b []byte) { b[wire.TCPLen+3] -= 40 }), want: probe.MangledPayload},
	{name: "payload", on: sealed, do: func(r *rand.Rand, q *wire.Quotation) {
		if hasSeal(q.Transport[8:]) {
			n := sealLen
			q.Transport[8+r.IntN(n)] ^= uint8(1 + r.IntN(255))
		}
	}, want: probe.MangledPayload},
}

// onlyTag reports whether w rewrites the only tag of a quotation: IPv6, of which
// 48 octets are quoted, or a SYN over it. Nothing then tells a tag that is valid
// by chance from the right one.
func (w *rewrite) onlyTag(k kind, whole bool) bool {
	if k.is4 || whole && k.method != probe.TCPSYN {
		return false
	}
	return k.method == probe.UDP && w.want == probe.MangledCsum || w.want == probe.MangledSeq
}

// TestOneFieldRewritten rewrites one field at a time: each quotation keeps the
// right TTL and names just that field, or is rejected.
func TestOneFieldRewritten(t *testing.T) {
	n := effort.Count(40_000, 1_000_000) / len(rewrites)
	r := newRand(9)
	codecs := map[probe.Method][]*Codec{}
	for _, m := range allMethods {
		for flows := range 4 {
			cfg := testConfig(m)
			cfg.Flows = 1 + flows
			codecs[m] = append(codecs[m], newCodec(t, cfg))
		}
	}
	for _, w := range rewrites {
		t.Run(w.name, func(t *testing.T) {
			type group struct {
				kind
				whole bool
			}
			all, kept, wrong := map[group]int{}, map[group]int{}, map[group]int{}
			for range n {
				k := kinds[r.IntN(len(kinds))]
				if !w.on(k) {
					continue
				}
				c := codecs[k.method][r.IntN(4)]
				p := randProbe(r, c, k.is4)
				for _, q := range quotations(encode(c, p)) {
					g := group{k, q.whole}
					all[g]++
					switch judge(t, r, c, w, p, q) {
					case right:
						kept[g]++
					case misled:
						wrong[g]++
					}
				}
			}
			for g, n := range all {
				bound := 0.0
				if w.onlyTag(g.kind, g.whole) {
					bound = chance(newCodec(t, testConfig(g.method))) * float64(n)
					bound += 5*math.Sqrt(bound) + 1
				}
				if float64(wrong[g]) > bound {
					t.Errorf("%s, whole %t: %d of %d wrong", g, g.whole, wrong[g], n)
				}
				// With its source it may lose the proof that it needs.
				lost := w.lost || w.onlyTag(g.kind, g.whole) || w.want == probe.MangledSource && !g.is4 && !g.whole && !g.isTCP()
				if rate := float64(kept[g]) / float64(n); !lost && !w.flow && rate < 0.97 || lost && rate > 0.03 {
					t.Errorf("%s, whole %t: %d of %d accepted", g, g.whole, kept[g], n)
				}
			}
		})
	}
}

type judgement uint8

const (
	rejected judgement = iota
	right
	misled
)

// judge rewrites a quotation of p, decodes it, and returns the judgement of the result.
func judge(t *testing.T, r *rand.Rand, c *Codec, w rewrite, p probe.Probe, q quotation) judgement {
	t.Helper()
	was := q.Quotation
	was.Transport = bytes.Clone(was.Transport)
	w.do(r, &q.Quotation)
	var f probe.Facts
	if c.Quoted(&q.Quotation, &f) != Accepted {
		return rejected
	}
	same := bytes.Equal(q.Transport, was.Transport)
	q.Transport, was.Transport = nil, nil
	if same = same && reflect.DeepEqual(q.Quotation, was); same {
		w.want, w.lost = 0, false
	}
	switch {
	case f.Probe != p:
		return misled
	case f.Mangled != w.want || w.lost:
		t.Errorf("%+v, whole %t: %s, mangled %v", p, q.whole, f.Valid, f.Mangled.AppendNames(nil))
	}
	return right
}

// chance is how often a random 16-bit field is a valid tag.
func chance(c *Codec) float64 {
	return float64(int(c.cfg.MaxTTL-c.cfg.MinTTL)+1) * float64(c.cfg.Attempts) / (1 << 16)
}

// TestRandomQuotations gives random octets after the IP header of a probe and counts the accepted
// quotations. With a random source port and n flows, at most n × decodings × 2⁻²⁴ may pass as
// weak. The port is one of n in 2¹⁶, and a tag is valid at most once in 2⁸. (A random destination
// port divides that by 2¹⁶ again.)
func TestRandomQuotations(t *testing.T) {
	n := effort.Count(30_000, 1_000_000)
	r := newRand(10)
	for _, k := range kinds {
		cfg := testConfig(k.method)
		cfg.Flows = searched
		c := newCodec(t, cfg)
		for _, tt := range []struct {
			name  string
			do    func(q *wire.Quotation, f probe.Flow)
			bound float64 // weak ones per quotation
		}{
			{"random octets", func(*wire.Quotation, probe.Flow) {}, searched * 2.0 / (1 << 40)},
			{"random sport or identifier", func(q *wire.Quotation, _ probe.Flow) { constants(c, q) }, searched * 4.0 / (1 << 24)},
			{"right flow", func(q *wire.Quotation, f probe.Flow) {
				constants(c, q)
				if k.method == probe.ICMP {
					binary.BigEndian.PutUint16(q.Transport[wire.EchoID:], f.Value)
				} else {
					binary.BigEndian.PutUint16(q.Transport[wire.UDPSrcPort:], f.Value)
				}
			}, 2 * chance(c)},
		} {
			weak := 0
			buf := make([]byte, 128)
			for range n {
				q := quote(encodeAny(c, k.is4), c.Size(k.is4))
				q.Dst, q.ID, q.Label = randTarget(r, k.is4), uint16(r.Uint32()), r.Uint32()>>12
				q.Transport = buf[:8+r.IntN(120)]
				fill(r, q.Transport)
				tt.do(&q, c.Flow(q.Dst, uint16(r.IntN(searched))))
				var f probe.Facts
				if c.Quoted(&q, &f) != Accepted {
					continue
				}
				if f.Valid == probe.Strong {
					t.Fatalf("%s %s: strong: %+v", k, tt.name, q)
				}
				weak++
			}
			mean := tt.bound * float64(n)
			if limit := mean + 5*math.Sqrt(mean) + 1; float64(weak) > limit {
				t.Errorf("%s %s: %d of %d weak, want at most %.1f", k, tt.name, weak, n, limit)
			}
			t.Logf("%s %s: %d of %d weak, bound %.1f", k, tt.name, weak, n, mean)
		}
	}
}

// constants writes the constant fields of the transport header, which every probe has.
func constants(c *Codec, q *wire.Quotation) {
	switch {
	case c.cfg.Method != probe.ICMP: // UDP and TCP have it at the same place
		binary.BigEndian.PutUint16(q.Transport[wire.UDPDstPort:], c.cfg.DstPort)
	case q.Is4:
		binary.BigEndian.PutUint16(q.Transport, wire.ICMPv4Echo<<8)
	default:
		binary.BigEndian.PutUint16(q.Transport, wire.ICMPv6Echo<<8)
	}
}

func encodeAny(c *Codec, is4 bool) []byte {
	target := addr("2600:9::42")
	if is4 {
		target = addr("20.1.2.3")
	}
	return encode(c, probe.Probe{Target: target, TTL: 1})
}

// TestQuotedTTLAboveSent holds that one tag alone is not believed against a
// quoted TTL that is impossible, and that two are.
func TestQuotedTTLAboveSent(t *testing.T) {
	c := newCodec(t, testConfig(probe.UDP))
	r := rand.New(rand.NewPCG(11, 12))
	for range 200 {
		p := randProbe(r, c, false)
		for _, q := range quotations(encode(c, p)) {
			q.TTL = p.TTL + 1
			var f probe.Facts
			v := c.Quoted(&q.Quotation, &f)
			switch {
			case q.whole && (v != Accepted || f.Valid != probe.Strong || f.Probe != p):
				t.Fatalf("whole: verdict %d, %+v; want strong %+v", v, f.Probe, p)
			case !q.whole && (v != Garbled || f.Target != p.Target || f.Flow != p.Flow):
				t.Fatalf("cut: verdict %d of %v; want %d of %v", v, f.Probe, Garbled, p)
			}
		}
	}
}
