package engine

import "github.com/masstrace/masstrace/internal/probe"

// id is the number of an address.
type id uint32

// Special numbers.
const (
	unasked id = iota
	silent
	firstID
)

// names numbers the addresses that answered, with how often they are on a path.
type names struct {
	ids   map[probe.Addr]id
	addrs []probe.Addr
	uses  []int32 // hops that have it
	asked []uint16
	heard []uint16
}

func newNames() names {
	return names{ids: map[probe.Addr]id{}, addrs: make([]probe.Addr, firstID), uses: make([]int32, firstID), asked: make([]uint16, firstID), heard: make([]uint16, firstID)}
}

// of returns the number of an address.
func (n *names) of(a probe.Addr) id {
	i, ok := n.ids[a]
	if !ok {
		i = id(len(n.addrs))
		n.ids[a] = i
		n.addrs, n.uses = append(n.addrs, a), append(n.uses, 0)
		n.asked, n.heard = append(n.asked, 0), append(n.heard, 0)
	}
	return i
}

// tried counts a probe to a hop, and whether it was answered. Old counts lose weight.
func (n *names) tried(i id, answered bool) {
	n.asked[i]++
	if answered {
		n.heard[i]++
	}
	if n.asked[i] >= forgetAt {
		n.asked[i], n.heard[i] = n.asked[i]/2, n.heard[i]/2
	}
}

// limits reports whether a router leaves more probes unanswered than loss explains.
func (n *names) limits(i id) bool {
	return n.asked[i] >= leastAsked && uint32(n.heard[i])*10 < uint32(n.asked[i])*9
}

// leastAsked is how many probes show a limit, forgetAt when counts are halved.
const leastAsked, forgetAt = 16, 256

// compact renumbers the addresses if most are on no path any more, and reports how: fresh has the new
// number of each old one.
func (n *names) compact() (fresh []id) {
	used := 0
	for _, u := range n.uses {
		if u > 0 {
			used++
		}
	}
	if len(n.addrs) < 1024 || len(n.addrs) < 4*used {
		return nil
	}
	fresh = make([]id, len(n.addrs))
	fresh[silent] = silent
	next := newNames()
	for i := int(firstID); i < len(n.addrs); i++ {
		if n.uses[i] > 0 {
			fresh[i] = next.of(n.addrs[i])
			j := fresh[i]
			next.uses[j], next.asked[j], next.heard[j] = n.uses[i], n.asked[i], n.heard[i]
		}
	}
	*n = next
	return fresh
}
