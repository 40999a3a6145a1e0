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

// Make returns n zero values, on huge pages if they fill one and the kernel has
// some; otherwise it is make. It may be called from any goroutine.
func Make[T any](n int) []T {
	each := int(unsafe.Sizeof(*new(T)))
	if n*each < huge {
		return make([]T, n)
	}
	// Address space costs nothing: there is room to begin with a huge page, and
	// to end with a whole one.
	s := make([]T, n+(2*huge+each-1)/each)
	b := whole(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*each))
	// Without them it is slower, and nothing else.
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	skip := int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) - uintptr(unsafe.Pointer(unsafe.SliceData(s))))
	from := (skip + each - 1) / each
	return s[from : from+n : from+n]
}

// whole returns the part of b, at least two huge pages long, that is whole huge
// pages.
func whole(b []byte) []byte {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	b = b[-at%huge:]
	return b[:len(b)/huge*huge]
}
