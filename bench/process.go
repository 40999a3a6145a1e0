package bench

import (
	"runtime"
	"syscall"
	"time"
)

// CPUTime returns the CPU time of this process so far, in user mode and in the kernel. It is 0 if the
// kernel does not report it.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Heap returns the live heap of this process after a collection, in bytes.
func Heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
