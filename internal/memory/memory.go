// Package memory allocates the large arrays of a scan.
//
// Probes and replies access words that are spread over tens of megabytes. On pages of 4 KiB nearly
// every such access also misses the TLB, and the first use of each page is a fault. On huge pages
// of 2 MiB neither cost is noticeable. Go does not request huge pages, and most systems give them
// only to programs that do (transparent huge pages, "madvise").
package memory

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// huge is the size of a huge page in octets.
const huge = 2 << 20

// Make returns n zero values. They are on huge pages if they fill at least one and the kernel has
// some. Any goroutine may call it.
func Make[T any](n int) []T {
	each := int(unsafe.Sizeof(*new(T)))
	if n*each < huge {
		return make([]T, n)
	}
	// Address space costs nothing. The extra room allows the array to begin at a huge page and
	// to end with a complete one.
	s := make([]T, n+(2*huge+each-1)/each)
	b := whole(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*each))
	// Without huge pages the array is slower but otherwise the same.
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	skip := int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) - uintptr(unsafe.Pointer(unsafe.SliceData(s))))
	from := (skip + each - 1) / each
	return s[from : from+n : from+n]
}

// whole returns the complete huge pages of b, which has at least the length of two.
func whole(b []byte) []byte {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	b = b[-at%huge:]
	return b[:len(b)/huge*huge]
}
