package window

import (
	"encoding/binary"
	"math/bits"

	"github.com/masstrace/masstrace/internal/probe"
)

// HashAddr returns a hash of an address.
func HashAddr(a probe.Addr) uint64 {
	return Mix(Mix(binary.LittleEndian.Uint64(a[:8])) ^ binary.LittleEndian.Uint64(a[8:]))
}

// HashHop returns a hash of an interface and a TTL. It is never 0.
func HashHop(ttl uint8, a probe.Addr) uint64 { return Mix(HashAddr(a)^uint64(ttl)) | 1 }

// HashRouter returns a hash of an address that is never 0 and costs about one multiplication. Of
// 100,000 routers two or three pairs have the same hash.
func HashRouter(a probe.Addr) uint32 {
	high, low := bits.Mul64(binary.LittleEndian.Uint64(a[:8])^0x9e3779b97f4a7c15, binary.LittleEndian.Uint64(a[8:])^0xbf58476d1ce4e5b9)
	return uint32((high^low)>>20) | 1
}

// Mix is one step of SplitMix64 (Steele, Lea and Flood, 2014): it adds the increment, then applies
// the bijection.
func Mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15 // 2⁶⁴/φ
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
