package main

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// Every way of masstrace itself sends each probe once into both sinks.
func TestWays(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	p, err := newPipeline(probe.UDP, 100)
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // never unlocked: the thread is in another network
	sinks, err := newSinks()
	if err != nil {
		t.Skipf("needs a network namespace: %v", err)
	}
	ways, _ := allWays(p)
	for _, to := range sinks {
		for _, w := range ways {
			if strings.Contains(w.name, "process") {
				continue
			}
			m, err := w.run(to)
			want := uint64(len(p.addrs) * p.shape.TTLs())
			if err != nil || m.packets < want || m.cpu <= 0 || strings.Contains(w.name, "pipeline") && m.packets != want {
				t.Errorf("%s, %s: %+v, %v; want %d packets", to.name, w.name, m, err, want)
			}
		}
	}
}
