package netsim

import (
	"math"
	"testing"
)

// A second opinion of the failure probability of multipath detection. It follows from the stopping
// rule alone, and shares no code with the program.

// stopAfter returns the flows after which a search that found k branches stops. They rule out k+1
// branches with equal shares: (k+1) (k/(k+1))ⁿ, which bounds the probability to miss one, is at
// most alpha.
func stopAfter(k int, alpha float64) int {
	branches := float64(k + 1)
	return int(math.Ceil(math.Log(alpha/branches) / math.Log(1-1/branches)))
}

// missProbability returns the exact probability that the search stops before it has found all of
// a balancer's branches, which have equal shares. found[k] is the probability that a search goes on
// with k branches.
func missProbability(branches int, alpha float64) (miss float64) {
	found := make([]float64, branches+1)
	found[0] = 1
	for n := 1; ; n++ {
		next := make([]float64, branches+1)
		going := false
		for k, p := range found {
			if p == 0 {
				continue
			}
			next[k] += p * float64(k) / float64(branches)
			if k < branches {
				next[k+1] += p * float64(branches-k) / float64(branches)
			}
		}
		for k := 1; k < branches; k++ {
			if next[k] > 0 && n >= stopAfter(k, alpha) {
				miss += next[k]
				next[k] = 0
			}
			going = going || next[k] > 0
		}
		if found = next; !going {
			return miss
		}
	}
}

func TestStoppingRule(t *testing.T) {
	for k, want := range map[int]int{1: 6, 2: 11, 3: 16, 4: 21, 5: 27, 6: 33, 7: 39} {
		if got := stopAfter(k, 0.05); got != want {
			t.Errorf("n(%d) = %d, want %d", k, got, want)
		}
	}
	for branches, want := range map[int]float64{2: 0.0312, 4: 0.0424, 8: 0.0441, 16: 0.0475} {
		if got := missProbability(branches, 0.05); math.Abs(got-want) > 0.0001 {
			t.Errorf("%d branches: missed with probability %.5f, want %.4f", branches, got, want)
		}
	}
	for branches := 2; branches <= 40; branches++ {
		if got := missProbability(branches, 0.05); got > 0.05 {
			t.Errorf("%d branches: missed with probability %.5f, above the bound", branches, got)
		}
	}
}

// TestStoppingOnBalancers runs the search on simulated balancers. It fails as often as computed.
func TestStoppingOnBalancers(t *testing.T) {
	m := newModel(preset(t, "multipath"))
	const balancers = 2000
	for _, branches := range []int{2, 4, 8, 16} {
		missed := 0
		for salt := range uint64(balancers) {
			b := balance{salt: mix(salt, uint64(branches))}
			var seen [16]bool
			found := 0
			for n := 1; ; n++ {
				f := flow{src: addrOf(vantage4), dst: addr4(0x08080000 + uint32(salt)), proto: protoUDP,
					first: uint32(0x8000+n)<<16 | 33434}
				h := m.hashFlow(&f, 0)
				if i := m.choose(&b, &h, 0, branches); !seen[i] {
					seen[i] = true
					found++
				}
				if n >= stopAfter(found, 0.05) {
					break
				}
			}
			if found < branches {
				missed++
			}
		}
		p := missProbability(branches, 0.05)
		sigma := math.Sqrt(p * (1 - p) / balancers)
		got := float64(missed) / balancers
		t.Logf("%d branches: missed %.4f, computed %.4f ± %.4f", branches, got, p, sigma)
		if math.Abs(got-p) > 4*sigma {
			t.Errorf("%d branches: missed %.4f, computed %.4f ± %.4f", branches, got, p, sigma)
		}
	}
}
