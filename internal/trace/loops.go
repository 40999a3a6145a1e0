package trace

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// mostSearched is how many hops a trace of a scan has at most. In one that is not
// longer, earlier hops of a router are searched for hop by hop, which needs no
// memory. A trace of a capture may be as long as the capture: there maps remember
// the routers, so that time stays in proportion to the hops.
const mostSearched = probe.MaxTTL * probe.MaxAttempts

// findLoops fills Loops: for each router that answered at a TTL and not at the
// TTL before, the nearest TTL below at which it had answered already. Silence
// in between counts as something else. Only time exceeded counts, as routers
// pass on unreachables for each other.
func (t closing) findLoops() {
	// Most routers show once: one whose bit no other has needs no search.
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

// lastTTLs are the TTL at which a router answered last, and the last other TTL at
// which it did; -1 is none.
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

// addLoop adds what may be a loop, once.
func (t closing) addLoop(loop record.Loop) {
	if loop.First+1 < loop.Again && !t.hasLoop(loop) {
		t.Loops = append(t.Loops, loop)
	}
}

// hasLoop looks only at the end: attempts of one TTL stand side by side. So it
// looks at no more loops than there are TTLs.
func (t closing) hasLoop(loop record.Loop) bool {
	for i := len(t.Loops) - 1; i >= 0 && t.Loops[i].Again == loop.Again; i-- {
		if t.Loops[i] == loop {
			return true
		}
	}
	return false
}
