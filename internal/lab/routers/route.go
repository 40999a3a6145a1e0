package routers

import "slices"

// route fills in the next hops by the shortest paths from every node to every
// other.
func (t *Topology) route() {
	neighbours := map[string][]string{}
	for _, l := range t.links {
		neighbours[l.near] = append(neighbours[l.near], l.far)
		neighbours[l.far] = append(neighbours[l.far], l.near)
	}
	t.hops = map[string]map[string][]string{}
	for _, n := range t.nodes {
		t.hops[n] = map[string][]string{}
	}
	for _, to := range t.nodes {
		distance := map[string]int{to: 0}
		for queue := []string{to}; len(queue) > 0; queue = queue[1:] {
			at := queue[0]
			for _, n := range neighbours[at] {
				if _, seen := distance[n]; !seen {
					distance[n] = distance[at] + 1
					queue = append(queue, n)
				}
			}
		}
		for from, near := range neighbours {
			for _, n := range near {
				if distance[n] == distance[from]-1 {
					t.hops[from][to] = append(t.hops[from][to], n)
				}
			}
		}
	}
}

// next returns the next nodes on the way from one node to another: several if packets are balanced,
// none at the end. The way back to the vantage point has only one next node. A router takes the
// source address of its errors from the link by which they leave, and it should always be the same
// address.
func (t *Topology) next(from, to string) []string {
	hops := t.hops[from][to]
	if to == vantage && len(hops) > 1 {
		return hops[:1]
	}
	return hops
}

// paths returns every way from one node to another, without the first node.
func (t *Topology) paths(from, to string) [][]string {
	if from == to {
		return [][]string{nil}
	}
	var all [][]string
	for _, n := range t.next(from, to) {
		for _, rest := range t.paths(n, to) {
			all = append(all, append([]string{n}, rest...))
		}
	}
	return all
}

// crosses reports whether a path, which begins beyond the vantage point, takes
// one of the links from near to far.
func crosses(path []string, links []link) bool {
	return slices.ContainsFunc(links, func(l link) bool {
		i := slices.Index(path, l.near)
		return i >= 0 && i+1 < len(path) && path[i+1] == l.far
	})
}
