package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

func variedConfig(m probe.Method) Config {
	cfg := testConfig(m)
	cfg.Flows, cfg.Attempts, cfg.MaxTTL, cfg.Variations = probe.BaseFlows, probe.MaxAttempts, probe.MaxTTL, true
	cfg.TOS = 0xb8
	return cfg
}

// randVaried returns a random probe of any variation that c has.
func randVaried(r *rand.Rand, c *Codec, is4 bool) probe.Probe {
	p := randProbe(r, c, is4)
	v := probe.Variation(r.IntN(int(probe.Variations)))
	for !c.HasVariation(v, is4) {
		v = probe.Variation(r.IntN(int(probe.Variations)))
	}
	p.Flow = v.Of(p.Flow)
	return p
}

func TestHasVariation(t *testing.T) {
	for _, k := range kinds {
		c, plain := newCodec(t, variedConfig(k.method)), newCodec(t, testConfig(k.method))
		for v, want := range map[probe.Variation]bool{
			probe.Unvaried: true, probe.VaryDstPort: k.method != probe.ICMP, probe.VaryLabel: !k.is4, probe.VaryTOS: true,
			probe.Variations: false,
		} {
			if got := c.HasVariation(v, k.is4); got != want {
				t.Errorf("%s: variation %d: %t, want %t", k, v, got, want)
			}
			if got := plain.HasVariation(v, k.is4); got != (v == probe.Unvaried) {
				t.Errorf("%s: variation %d without variations: %t", k, v, got)
			}
		}
	}
	cfg := variedConfig(probe.UDP)
	cfg.Flows++
	if _, err := New(cfg); err == nil {
		t.Error("more base flows than there are numbers")
	}
}

// A varied probe differs from that of its base flow in the varied field alone, besides tags,
// compensation and checksums. Its checksums are correct.
func TestVariedFields(t *testing.T) {
	r := newRand(200)
	for _, k := range kinds {
		for _, port := range []uint16{33434, math.MaxUint16} {
			cfg := variedConfig(k.method)
			cfg.DstPort = port
			c := newCodec(t, cfg)
			for range 300 {
				p := randVaried(r, c, k.is4)
				base, v := probe.SplitFlow(p.Flow)
				unvaried := p
				unvaried.Flow = base
				b, was := encode(c, p), encode(c, unvaried)
				if err := checkSums(b, k); err != nil {
					t.Fatalf("%s %+v: %v", k, p, err)
				}
				q, old := quote(b, len(b)), quote(was, len(was))
				q.ID, old.ID = 0, 0
				got := [...]bool{
					probe.VaryDstPort: k.method != probe.ICMP && !bytes.Equal(q.Transport[2:4], old.Transport[2:4]),
					probe.VaryLabel:   q.Label != old.Label, probe.VaryTOS: q.TOS != old.TOS,
				}
				for i, differs := range got {
					if differs != (probe.Variation(i) == v && v != probe.Unvaried) {
						t.Fatalf("%s %+v: field %d differs: %t", k, p, i, differs)
					}
				}
				if q.TOS != c.TOS(v) || q.TOS&3 != cfg.TOS&3 || !bytes.Equal(q.Transport[:2], old.Transport[:2]) || q.Size != old.Size ||
					k.method != probe.ICMP && binary.BigEndian.Uint16(q.Transport[2:]) != c.DstPort(v) {
					t.Fatalf("%s %+v: %+v, the base flow has %+v", k, p, q, old)
				}
			}
		}
	}
}

// checkSums returns an error if a checksum of a probe is wrong.
func checkSums(b []byte, k kind) error {
	if k.is4 && sum16(b[:20]) != 0xffff {
		return fmt.Errorf("IPv4 checksum of % x", b)
	}
	q := quote(b, len(b))
	if k.method == probe.ICMP && k.is4 {
		if sum16(q.Transport) != 0xffff {
			return fmt.Errorf("ICMP checksum of % x", b)
		}
		return nil
	}
	src, dst := q.Src[:], q.Dst[:]
	if k.is4 {
		src, dst = src[12:], dst[12:]
	}
	if sum16(src, dst, []byte{0, q.Protocol, 0, uint8(len(q.Transport))}, q.Transport) != 0xffff {
		return fmt.Errorf("transport checksum of % x", b)
	}
	return nil
}

// Each quotation names the probe, also if a router rewrote TOS and label on the way. Then the names
// are in Mangled.
func TestVariedRoundTrip(t *testing.T) {
	r := newRand(201)
	for _, k := range kinds {
		c := newCodec(t, variedConfig(k.method))
		rounds, conflicts := effort.Count(2000, 100_000), 0
		for range rounds {
			p := randVaried(r, c, k.is4)
			for _, q := range quotations(encode(c, p)) {
				tos, label := q.TOS, q.Label
				for _, rewritten := range []bool{false, true} {
					want := probe.Mangled(0)
					if rewritten {
						q.TOS, q.Label = 0, 0
						want = probe.MangledTOS
						if !k.is4 {
							want |= probe.MangledLabel
						}
					}
					var f probe.Facts
					v := c.Quoted(&q.Quotation, &f)
					valid := probe.Strong
					if !k.is4 && !k.isTCP() && !q.whole {
						valid = probe.Weak
					}
					if v == Conflict && valid == probe.Weak && rewritten {
						conflicts++ // by chance
						continue
					}
					if v != Accepted || f.Probe != p || f.Valid != valid || f.Mangled != want {
						t.Fatalf("%s %+v, %d octets, rewritten %t: verdict %d, %+v, %s, mangled %v, want %v",
							k, p, len(q.Transport), rewritten, v, f.Probe, f.Valid, f.Mangled.AppendNames(nil), want.AppendNames(nil))
					}
				}
				q.TOS, q.Label = tos, label
			}
		}
		mean := 2 * 2 * chance(c) * float64(rounds) // other variations, and ways to quote
		if limit := mean + 5*math.Sqrt(mean); float64(conflicts) > limit {
			t.Errorf("%s: %d of %d are conflicts, want at most %.1f", k, conflicts, rounds, limit)
		}
	}
}

// Targets answer varied probes.
func TestVariedAnswers(t *testing.T) {
	r := newRand(202)
	for _, k := range kinds {
		c := newCodec(t, variedConfig(k.method))
		for range 500 {
			p := randVaried(r, c, k.is4)
			f := probe.Facts{Responder: p.Target, Kind: probe.KindEchoReply}
			port := c.Flow(p.Target, p.Flow).Value
			_, varies := probe.SplitFlow(p.Flow)
			want, v := p, Accepted
			switch k.method {
			case probe.ICMP:
				v = c.EchoReply(echoReply(c, p), k.is4, &f)
			case probe.UDP: // shows whether the port was varied, and no more
				want.TTL, want.Attempt = 0, 0
				if varies != probe.VaryDstPort {
					want.Flow, _ = probe.SplitFlow(p.Flow)
				}
				v = c.UDPAnswer(c.DstPort(varies), port, &f)
			default:
				q := quote(encode(c, p), c.Size(k.is4))
				seq := binary.BigEndian.Uint32(q.Transport[wire.TCPSeq:])
				s := Segment{SrcPort: c.DstPort(varies), DstPort: port, Ack: seq + 1, Flags: syn | ack}
				f.Kind = probe.KindSYNACK
				if k.method == probe.TCPACK {
					s.Seq, s.Ack, s.Flags, f.Kind = seq, 0, rst, probe.KindRST
				}
				v = c.TCPAnswer(&s, &f)
			}
			if v != Accepted || f.Probe != want {
				t.Fatalf("%s: verdict %d, %+v, want %+v", k, v, f.Probe, want)
			}
		}
	}
}

// The reset of a varied SYN goes to the port of the SYN.
func TestVariedReset(t *testing.T) {
	c, r := newCodec(t, variedConfig(probe.TCPSYN)), newRand(203)
	for range 200 {
		p := randVaried(r, c, r.IntN(2) == 0)
		buf := make([]byte, MaxSize)
		b := buf[:c.EncodeReset(buf, p)]
		_, v := probe.SplitFlow(p.Flow)
		if q := quote(b, len(b)); binary.BigEndian.Uint16(q.Transport[2:]) != c.DstPort(v) {
			t.Fatalf("%+v: % x", p, b)
		}
		if err := checkSums(b, kind{probe.TCPSYN, p.Target.Is4()}); err != nil {
			t.Fatal(err)
		}
	}
}

// A quotation with random tags of a known flow is weak as often as its variations allow. It is
// strong only if a tag of 32 bits is valid, once in some million.
func TestVariedRandom(t *testing.T) {
	r, n := newRand(204), effort.Count(30_000, 5_000_000)
	for _, k := range kinds {
		c := newCodec(t, variedConfig(k.method))
		target, weak, strong := randTarget(r, k.is4), 0, 0
		b := encode(c, probe.Probe{Target: target, Flow: 700, TTL: 1})
		q := quote(b, len(b))
		port := bytes.Clone(q.Transport[:4])
		for range n {
			fill(r, q.Transport)
			q.ID = uint16(r.Uint32())
			if k.method != probe.ICMP {
				copy(q.Transport, port)
			} else {
				constants(c, &q)
				binary.BigEndian.PutUint16(q.Transport[wire.EchoID:], c.Flow(target, 700).Value)
			}
			var f probe.Facts
			switch v := c.Quoted(&q, &f); {
			case v == Accepted && f.Valid == probe.Strong:
				strong++
			case v == Accepted:
				weak++
			}
		}
		mean := 3 * 2 * chance(c) * float64(n) // variations, and fields
		if limit := mean + 5*math.Sqrt(mean) + 1; float64(weak) > limit {
			t.Errorf("%s: %d of %d weak, want at most %.1f", k, weak, n, limit)
		}
		mean /= 1 << 16
		if limit := mean + 5*math.Sqrt(mean) + 1; float64(strong) > limit || strong > 0 && !k.isTCP() {
			t.Errorf("%s: %d of %d strong, want at most %.1f", k, strong, n, limit)
		}
	}
}

func TestVariedFilter(t *testing.T) {
	for m, want := range map[probe.Method]string{
		probe.UDP: "udp src portrange 33434-33435", probe.TCPSYN: "tcp src portrange 33434-33435", probe.ICMP: "icmp[0] = 0",
	} {
		if f := newCodec(t, variedConfig(m)).Filter(); !bytes.Contains([]byte(f), []byte(want)) {
			t.Errorf("%s: %s", m, f)
		}
	}
}

func TestVariedAllocs(t *testing.T) {
	for _, k := range kinds {
		c, r := newCodec(t, variedConfig(k.method)), newRand(205)
		p := randVaried(r, c, k.is4)
		p.Flow = probe.VaryTOS.Of(p.Flow % probe.BaseFlows)
		b := encode(c, p)
		q := quote(b, len(b))
		q.TOS = 0
		buf := make([]byte, MaxSize)
		if n := testing.AllocsPerRun(100, func() {
			var f probe.Facts
			var prepared Prepared
			c.Quoted(&q, &f)
			c.Prepare(&prepared, p.Target, p.Flow)
			c.Encode(buf, &prepared, p.TTL, p.Attempt)
		}); n != 0 {
			t.Errorf("%s: %v allocations", k, n)
		}
	}
}

// FuzzVariedQuoted gives arbitrary quotations where flows vary. An accepted one names a probe that
// may have been sent, and bears a tag of it.
func FuzzVariedQuoted(f *testing.F) {
	codecs := make([]*Codec, len(kinds))
	for i, k := range kinds {
		codecs[i] = newCodec(f, variedConfig(k.method))
		for n := range uint64(4) {
			p := randVaried(newRand(206+n), codecs[i], k.is4)
			for _, q := range quotations(encode(codecs[i], p)) {
				f.Add(uint8(i), q.Transport, p.Target[:], q.ID, q.Label, q.TOS)
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, transport, target []byte, id uint16, label uint32, tos uint8) {
		k, c := kinds[int(which)%len(kinds)], codecs[int(which)%len(kinds)]
		q := wire.Quotation{
			Is4: k.is4, Src: c.Source(k.is4), Protocol: k.method.Protocol(k.is4), ID: id, Label: label & 0xfffff,
			TOS: tos, Size: c.Size(k.is4), Headers: 20, Transport: transport,
		}
		copy(q.Dst[:], target)
		r := probe.Facts{Mangled: 0xffff}
		switch v := c.Quoted(&q, &r); {
		case v > Garbled:
			t.Fatalf("verdict %d", v)
		case v == Garbled || v == Accepted:
			if _, varies := probe.SplitFlow(r.Flow); !c.HasVariation(varies, k.is4) || r.Target != q.Dst {
				t.Fatalf("verdict %d: %+v", v, r)
			}
			if v == Accepted && !c.inRange(tau(r.TTL, r.Attempt)) {
				t.Fatalf("%+v", r)
			}
		}
	})
}
