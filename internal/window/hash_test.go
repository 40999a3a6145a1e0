package window

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// Routers have neighbouring addresses. Of 100,000 of them hardly any two share a hash.
func TestHashRouter(t *testing.T) {
	const routers = 100_000
	rng := rand.New(rand.NewPCG(1, 1))
	random := func(n int) (b []byte) {
		for range n {
			b = append(b, byte(rng.Uint32()))
		}
		return b
	}
	v6 := random(16)
	for name, addr := range map[string]func(i uint32) probe.Addr{
		"IPv4, neighbours": func(i uint32) probe.Addr {
			return probe.Addr4From([4]byte(binary.BigEndian.AppendUint32(nil, 0x50000000+i)))
		},
		"IPv4, one in each /24": func(i uint32) probe.Addr { return probe.Addr4From([4]byte(binary.BigEndian.AppendUint32(nil, i<<8|1))) },
		"IPv4, random":          func(uint32) probe.Addr { return probe.Addr4From([4]byte(random(4))) },
		"IPv6, neighbours":      func(i uint32) probe.Addr { return probe.Addr(binary.BigEndian.AppendUint32(v6[:12:12], i)) },
		"IPv6, one in each /48": func(i uint32) probe.Addr {
			return probe.Addr(append(binary.BigEndian.AppendUint32([]byte{0x20, 1}, i<<4), make([]byte, 10)...))
		},
		"IPv6, one in each /64": func(i uint32) probe.Addr {
			return probe.Addr(append(binary.BigEndian.AppendUint32(v6[:4:4], i), 0, 0, 0, 0, 0, 0, 0, 1))
		},
		"IPv6, random": func(uint32) probe.Addr { return probe.Addr(random(16)) },
	} {
		seen := make(map[uint32]probe.Addr, routers)
		met := 0
		for i := range uint32(routers) {
			a := addr(i)
			h := HashRouter(a)
			if h == 0 {
				t.Fatalf("%s: %v has the hash 0", name, a)
			}
			if b, ok := seen[h]; ok && a != b {
				met++
			}
			seen[h] = a
		}
		if met > 12 { // 2.3 are expected
			t.Errorf("%s: %d of %d meet", name, met, routers)
		}
	}
}
