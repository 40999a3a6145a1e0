package verify

import "testing"

// An index finds the numbers that were added, and no others. Many hashes may be equal.
func TestIndex(t *testing.T) {
	for _, same := range []uint64{1, 7, 1 << 40} { // how many keys share a hash, at most
		var x index
		keys := make([]uint64, 0, 5000)
		hash := func(i uint32) uint64 { return keys[i] / same % 4096 }
		for i := range uint32(cap(keys)) {
			keys = append(keys, uint64(i))
			x.add(hash(i), i, hash)
		}
		for i := range keys {
			got, ok := x.find(hash(uint32(i)), func(k uint32) bool { return keys[k] == uint64(i) })
			if !ok || int(got) != i {
				t.Fatalf("%d equal hashes: found %d, %v; want %d", same, got, ok, i)
			}
		}
		if i, ok := x.find(3, func(uint32) bool { return false }); ok {
			t.Errorf("found %d, which nothing is like", i)
		}
	}
}
