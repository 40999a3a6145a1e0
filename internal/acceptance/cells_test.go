package acceptance

import "testing"

// Every network is scanned with each of these methods and families.
var (
	methods  = []string{"udp", "icmp", "tcp-syn", "tcp-ack"}
	families = []family{
		{"v4", []string{"45.0.0.0/8", "62.0.0.0/8", "81.0.0.0/8"}},
		{"v6", []string{"2a00::/32", "2a01:4f8::/32", "2600:1f00::/32"}},
	}
)

// family is a family of addresses and the prefixes of which a scan takes as many
// targets as it wants.
type family struct {
	name     string
	prefixes []string
}

// cell is one scan.
type cell struct {
	method  string
	family  family
	network network
}

func (c *cell) name() string { return c.network.name + " " + c.method + " " + c.family.name }

// allCells returns every combination.
func allCells() (cells []cell) {
	for _, n := range networks() {
		for _, m := range methods {
			for _, f := range families {
				cells = append(cells, cell{m, f, n})
			}
		}
	}
	return cells
}

// pairwiseCells returns cells in which every two values of different kinds meet. It has
// every method on every network, so no smaller cover exists. The families take turns.
func pairwiseCells() (cells []cell) {
	for i, n := range networks() {
		for j, m := range methods {
			cells = append(cells, cell{m, families[(i+j)%len(families)], n})
		}
	}
	return cells
}

func TestPairwise(t *testing.T) {
	pairs := func(cells []cell) map[string]int {
		met := map[string]int{}
		for _, c := range cells {
			met[c.method+" "+c.family.name]++
			met[c.method+" "+c.network.name]++
			met[c.family.name+" "+c.network.name]++
		}
		return met
	}
	all, some := allCells(), pairwiseCells()
	met := pairs(some)
	for pair := range pairs(all) {
		if met[pair] == 0 {
			t.Errorf("no cell has %s", pair)
		}
	}
	if want := len(networks()) * len(methods); len(some) != want || len(some) >= len(all) {
		t.Errorf("%d of %d cells, want %d", len(some), len(all), want)
	}
}
