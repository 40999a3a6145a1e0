// Package memory allocates the large arrays of a scan.
//
// What a probe or a reply touches lies anywhere in tens of megabytes. On pages of
// 4 KiB nearly every such access misses the TLB as well, and each page is a fault
// when it is first used; on huge pages of 2 MiB neither shows. Go does not ask for
// them, and most systems give them to whoever asks (transparent huge pages,
// "madvise").
package memory

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// huge is the octets of a huge page.
const huge = 2 << 20

// Make returns n zero values, on huge pages as far as whole ones fit and the
// kernel has them; otherwise it is make. It may be called from any goroutine.
func Make[T any](n int) []T {
	s := make([]T, n)
	if size := uintptr(n) * unsafe.Sizeof(*new(T)); size >= huge {
		b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), size)
		if b = whole(b); len(b) > 0 {
			// Without them it is slower, and nothing else.
			_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
		}
	}
	return s
}

// whole returns the part of b that is whole huge pages.
func whole(b []byte) []byte {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	skip := int(-at % huge)
	if len(b) < skip+huge {
		return nil
	}
	b = b[skip:]
	return b[:len(b)/huge*huge]
}
