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
	// turns is how often it was seen that probes of one flow meet the address and another one in
	// turn: a balancer by packet has both. turned is when, the last time.
	turns  []uint8
	turned []tick
}

func newNames() names {
	return names{
		ids: map[probe.Addr]id{}, addrs: make([]probe.Addr, firstID), uses: make([]int32, firstID),
		asked: make([]uint16, firstID), heard: make([]uint16, firstID), turns: make([]uint8, firstID), turned: make([]tick, firstID),
	}
}

// of returns the number of an address.
func (n *names) of(a probe.Addr) id {
	i, ok := n.ids[a]
	if !ok {
		i = id(len(n.addrs))
		n.ids[a] = i
		n.addrs, n.uses = append(n.addrs, a), append(n.uses, 0)
		n.asked, n.heard = append(n.asked, 0), append(n.heard, 0)
		n.turns, n.turned = append(n.turns, 0), append(n.turned, 0)
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

// inTurn notes that two addresses answered one flow in turn. Targets that see the same flutter of a
// route count once.
func (n *names) inTurn(a, b id, now tick) {
	for _, i := range [...]id{a, b} {
		if i >= firstID && n.turns[i] < knownTurns && (n.turns[i] == 0 || now-n.turned[i] >= turnPause) {
			n.turns[i]++
			n.turned[i] = now
		}
	}
}

// turnsOf returns how often both addresses were seen to be one of several of a balancer by packet.
func (n *names) turnsOf(a, b id) uint8 {
	if a < firstID || b < firstID {
		return 0
	}
	return min(n.turns[a], n.turns[b])
}

// knownTurns is how many observations show a balancer by packet, turnPause the least time between
// two of them, in ticks.
const (
	knownTurns = 2
	turnPause  = tick(1000)
)

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
			next.turns[j], next.turned[j] = n.turns[i], n.turned[i]
		}
	}
	*n = next
	return fresh
}
