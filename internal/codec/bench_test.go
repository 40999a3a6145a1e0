package codec

import (
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// allMethods lists the methods that most benchmarks and tests try.
var allMethods = []probe.Method{probe.UDP, probe.ICMP, probe.TCPSYN, probe.TCPACK}

// eachKind runs f for these methods in both families.
func eachKind(b *testing.B, methods []probe.Method, f func(b *testing.B, c *Codec, target probe.Addr)) {
	for _, k := range kinds {
		if !slices.Contains(methods, k.method) {
			continue
		}
		target := addr("2600:9::42")
		if k.is4 {
			target = addr("20.1.2.3")
		}
		b.Run(k.String(), func(b *testing.B) {
			b.ReportAllocs()
			f(b, newCodec(b, testConfig(k.method)), target)
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	eachKind(b, allMethods, func(b *testing.B, c *Codec, target probe.Addr) {
		var p Prepared
		for b.Loop() {
			c.Prepare(&p, target, 1)
		}
	})
}

// BenchmarkEncode builds the probes of one target, as the sender does.
func BenchmarkEncode(b *testing.B) {
	eachKind(b, allMethods, func(b *testing.B, c *Codec, target probe.Addr) {
		var p Prepared
		c.Prepare(&p, target, 1)
		buf := make([]byte, MaxSize)
		ttl := uint8(0)
		for b.Loop() {
			ttl = ttl%32 + 1
			c.Encode(buf, &p, ttl, 0)
		}
	})
}

// BenchmarkQuoted authenticates a quotation of the whole probe: key, flow and
// both tags.
func BenchmarkQuoted(b *testing.B) {
	eachKind(b, allMethods, func(b *testing.B, c *Codec, target probe.Addr) {
		var p Prepared
		c.Prepare(&p, target, 1)
		buf := make([]byte, MaxSize)
		n := c.Encode(buf, &p, 9, 0)
		q := quote(buf[:n], n)
		var r probe.Facts
		for b.Loop() {
			if c.Quoted(&q, &r) != Accepted {
				b.Fatal("rejected")
			}
		}
	})
}

func BenchmarkEchoReply(b *testing.B) {
	eachKind(b, []probe.Method{probe.ICMP}, func(b *testing.B, c *Codec, target probe.Addr) {
		message := echoReply(c, probe.Probe{Target: target, Flow: 1, TTL: 9})
		r := probe.Facts{Responder: target}
		for b.Loop() {
			if c.EchoReply(message, target.Is4(), &r) != Accepted {
				b.Fatal("rejected")
			}
		}
	})
}

func BenchmarkTCPAnswer(b *testing.B) {
	eachKind(b, []probe.Method{probe.TCPSYN, probe.TCPACK}, func(b *testing.B, c *Codec, target probe.Addr) {
		s, kind := answerTo(encode(c, probe.Probe{Target: target, Flow: 1, TTL: 9}), true)
		r := probe.Facts{Responder: target, Kind: kind}
		for b.Loop() {
			if c.TCPAnswer(&s, &r) != Accepted {
				b.Fatal("rejected")
			}
		}
	})
}

func TestAllocations(t *testing.T) {
	for _, k := range kinds {
		c := newCodec(t, testConfig(k.method))
		p := randProbe(newRand(1), c, k.is4)
		packet := encode(c, p)
		q := quote(packet, len(packet))
		buf := make([]byte, MaxSize)
		var prepared Prepared
		var message []byte
		if k.method == probe.ICMP {
			message = echoReply(c, p)
		}
		r := probe.Facts{Responder: p.Target}
		flow := c.Flow(p.Target, p.Flow)
		if n := testing.AllocsPerRun(100, func() {
			c.Prepare(&prepared, p.Target, p.Flow)
			c.Encode(buf, &prepared, p.TTL, p.Attempt)
			c.Quoted(&q, &r)
			c.EchoReply(message, k.is4, &r)
			c.UDPAnswer(c.cfg.DstPort, flow.Value, &r)
			c.TCPAnswer(&Segment{SrcPort: c.cfg.DstPort, DstPort: flow.Value}, &r)
			if k.isTCP() {
				c.EncodeReset(buf, p)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", k, n)
		}
	}
}
