package memory

import (
	"testing"
	"unsafe"
)

func TestMake(t *testing.T) {
	for _, n := range []int{0, 1, huge/8 - 1, huge / 8, 3*huge/8 + 1} {
		s := Make[uint64](n)
		if len(s) != n {
			t.Fatalf("%d values, want %d", len(s), n)
		}
		for i := range s {
			if s[i] != 0 {
				t.Fatalf("value %d of %d is %d", i, n, s[i])
			}
			s[i] = uint64(i)
		}
	}
}

// The range passed to madvise is aligned, lies inside the array, and leaves out less than two
// pages.
func TestWhole(t *testing.T) {
	b := make([]byte, 5*huge)
	for _, tt := range []struct{ from, to int }{{0, len(b)}, {1, len(b)}, {4096, len(b) - 1}, {0, 2 * huge}, {7, 2*huge + 7}} {
		part := b[tt.from:tt.to]
		w := whole(part)
		if len(w) == 0 || len(w)%huge != 0 || len(part)-len(w) >= 2*huge {
			t.Errorf("%d of %d octets", len(w), len(part))
			continue
		}
		at, end := uintptr(unsafe.Pointer(&w[0])), uintptr(unsafe.Pointer(&w[len(w)-1]))
		if at%huge != 0 || at < uintptr(unsafe.Pointer(&part[0])) || end > uintptr(unsafe.Pointer(&part[len(part)-1])) {
			t.Errorf("%#x to %#x of a part from %p", at, end, &part[0])
		}
	}
}

// A large array begins at a huge page, up to the alignment of its values.
func TestBegin(t *testing.T) {
	type odd [24]byte
	for range 8 {
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(Make[odd](huge / 8)))); at%huge >= 24 {
			t.Errorf("%#x is %d octets into a huge page", at, at%huge)
		}
	}
}
