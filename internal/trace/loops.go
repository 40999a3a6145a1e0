package trace

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// mostSearched is the largest number of hops of a scan's trace. In a trace of that length or less,
// each hop is compared with the earlier ones, which needs no memory. A trace of a capture may be as
// long as the capture. There, maps hold the routers, so that the time is proportional to the number
// of hops.
const mostSearched = probe.MaxTTL * probe.MaxAttempts

// findLoops fills Loops. It takes each router that answered at a TTL and not at the TTL before.
// For each of them it finds the nearest lower TTL at which the router also answered. A silent hop
// in between counts as another router. Only time exceeded counts, because a router may forward
// the unreachable of another.
func (t closing) findLoops() {
	// Most routers answer once. A router whose bit no earlier one set needs no search.
	seen, hops := uint64(0), t.Hops
	for i := range hops {
		h := &hops[i]
		if h.Kind != probe.KindTTLExceeded {
			continue
		}
		bit := uint64(1) << ((h.Responder[15] ^ h.Responder[14]<<2 ^ h.Responder[13]<<4) & 63)
		if seen&bit == 0 {
			seen |= bit
			continue
		}
		for j := i - 1; j >= 0; j-- {
			first := &hops[j]
			if first.Kind != probe.KindTTLExceeded || first.Responder != h.Responder ||
				first.TTL == h.TTL {
				continue
			}
			t.addLoop(record.Loop{First: first.TTL, Again: h.TTL})
			break
		}
	}
}

// lastTTLs holds the TTL of a router's last answer, and the last other TTL at which it answered; -1
// for none.
type lastTTLs struct{ ttl, other int16 }

// findLoopsLong is findLoops for a long trace.
func (t closing) findLoopsLong() {
	routers := make(map[probe.Addr]lastTTLs)
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.Kind != probe.KindTTLExceeded {
			continue
		}
		last, ok := routers[h.Responder]
		if !ok {
			last = lastTTLs{-1, -1}
		}
		if ttl := int16(h.TTL); last.ttl != ttl {
			last = lastTTLs{ttl: ttl, other: last.ttl}
			routers[h.Responder] = last
		}
		if last.other >= 0 {
			t.addLoop(record.Loop{First: uint8(last.other), Again: h.TTL})
		}
	}
}

// addLoop adds a loop if it spans more than one TTL and is not in Loops yet.
func (t closing) addLoop(loop record.Loop) {
	if loop.First+1 < loop.Again && !t.hasLoop(loop) {
		t.Loops = append(t.Loops, loop)
	}
}

// hasLoop searches only the end of Loops, because the attempts of one TTL are adjacent. So it
// compares at most as many loops as there are TTLs.
func (t closing) hasLoop(loop record.Loop) bool {
	for i := len(t.Loops) - 1; i >= 0 && t.Loops[i].Again == loop.Again; i-- {
		if t.Loops[i] == loop {
			return true
		}
	}
	return false
}
