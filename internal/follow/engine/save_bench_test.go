package engine

import (
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// BenchmarkSave measures how long 100,000 targets with 16 hops stop the probes.
func BenchmarkSave(b *testing.B) {
	const n = 100_000
	list := make([]probe.Addr, 0, n)
	for i := range n {
		list = append(list, probe.AddrFrom(netip.AddrFrom4([4]byte{45, byte(i >> 16), byte(i >> 8), byte(i)})))
	}
	e := New(Config{MinTTL: 1, MaxTTL: 32, Flows: MostFlows, GapLimit: DefaultGap}, list, 0)
	for i := range uint32(n) {
		for ttl := uint8(1); ttl <= 16; ttl++ {
			e.paths.set(i, ttl, e.paths.names.of(list[i>>(16-ttl)]))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Save(0); err != nil {
			b.Fatal(err)
		}
	}
}
