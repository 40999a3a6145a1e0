package schedule

import "testing"

// Parts are disjoint, and together the whole.
func TestPart(t *testing.T) {
	for count := 1; count <= 7; count++ {
		for n := range 30 {
			owner := make([]int, n)
			for index := range count {
				p := Part{index, count}
				for i := range p.Len(n) {
					target := p.Target(i)
					if int(target) >= n || owner[target] != 0 || !p.Has(target) || p.index(target) != i {
						t.Fatalf("%+v of %d: the target %d is %d", p, n, i, target)
					}
					owner[target] = index + 1
				}
			}
			for target, o := range owner {
				if o == 0 {
					t.Fatalf("nobody of %d has target %d of %d", count, target, n)
				}
			}
		}
	}
	if p := (Part{}); p.Len(5) != 5 || p.Target(4) != 4 || !p.Has(3) {
		t.Error("the zero part is not the whole")
	}
}
