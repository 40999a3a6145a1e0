package main

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// A short run of each kind gives a result.
func TestMeasure(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	runtime.LockOSThread() // never unlocked: the thread is in another network
	index, err := newSink()
	if err != nil {
		t.Skipf("needs a network namespace: %v", err)
	}
	for _, pps := range []float64{100, 20_000} {
		for _, beside := range []load{nothing, garbage} {
			var m *paced
			for length := 100 * time.Millisecond; m == nil || len(m.late) < 5 && length < 10*time.Second; length *= 2 {
				// On a busy machine, the loop repeats with a longer measurement.
				if m, err = measure(index, pps, length, beside); err != nil {
					t.Fatal(err)
				}
			}
			if len(m.late) < 2 || m.pps <= 0 || m.pps > 1.5*pps || m.batch < 1 {
				t.Errorf("%g pps, beside %s: %d packets, %+v", pps, beside, len(m.late), m.pps)
			}
		}
	}
}
