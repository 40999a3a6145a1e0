package netsim

import (
	"io"
	"math/rand/v2"
	"testing"
)

func BenchmarkHandle(b *testing.B) {
	for _, name := range []string{"clean", "default", "multipath"} {
		for digit, six := range map[string]family{"4": ip4, "6": ip6} {
			for _, method := range methods {
				b.Run(name+"/"+method+digit, func(b *testing.B) {
					s := newSim(b, preset(b, name))
					r := rand.New(rand.NewPCG(1, 2))
					var packets [4096][]byte
					for i := range packets {
						p := randomProbe(r, 32)
						p.dst, p.method, p.payload = randomDst(r, six), method, 16
						packets[i] = p.build(b)
					}
					emit := func(int64, []byte) {}
					b.ReportAllocs()
					i := 0
					for b.Loop() {
						s.Handle(int64(i)*1000, packets[i%len(packets)], emit)
						i++
					}
				})
			}
		}
	}
}

func BenchmarkQueue(b *testing.B) {
	q := NewQueue(1 << 20)
	r := rand.New(rand.NewPCG(1, 2))
	var waits [4096]int64
	for i := range waits {
		waits[i] = r.Int64N(200e6)
	}
	packet := make([]byte, 56)
	emit := func([]byte) {}
	b.ReportAllocs()
	now, i := int64(1e18), 0
	for b.Loop() {
		now += 3000 // 333,000 packets a second: 33,000 in flight
		q.Push(now+waits[i%len(waits)], packet)
		if i%16 == 0 {
			q.PopDue(now, emit)
		}
		i++
	}
}

func BenchmarkTruth(b *testing.B) {
	t, err := NewTruth(Default())
	must(b, err)
	r := rand.New(rand.NewPCG(1, 2))
	var flows [1024]Flow
	for i := range flows {
		flows[i] = PortFlow(17, vantage4, randomDst(r, ip4), 40000, 33434)
	}
	var hops []Hop
	b.Run("flow", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			hops = t.AppendHops(hops[:0], &flows[i%len(flows)], uint8(1+i%20))
			i++
		}
	})
	b.Run("possible", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			hops = t.AppendPossible(hops[:0], &flows[i%len(flows)], uint8(1+i%20))
			i++
		}
	})
}

// BenchmarkPump does everything that a pump does with a probe, except reading and writing it.
func BenchmarkPump(b *testing.B) {
	cfg := Default()
	s, q := newSim(b, cfg), NewQueue(1<<20)
	l, err := NewLogWriter(io.Discard, cfg)
	must(b, err)
	r := rand.New(rand.NewPCG(1, 2))
	var packets [4096][]byte
	for i := range packets {
		packets[i] = randomProbe(r, 32).build(b)
	}
	emit := func([]byte) {}
	b.ReportAllocs()
	now, i := int64(1e18), 0
	for b.Loop() {
		now += 3000
		l.Write(s.Handle(now, packets[i%len(packets)], q.Push))
		if i%16 == 0 {
			q.PopDue(now, emit)
		}
		i++
	}
}
