package trace

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// mangledByNAT are the quoted fields that address translation rewrites: the source, with it the
// checksum and, for ICMP, the identifier. Some translators also choose a new IP identification.
const mangledByNAT = probe.MangledSource | probe.MangledCsum | probe.MangledIPID | probe.MangledID

// findNAT fills NATFirstTTL.
func (t closing) findNAT() {
	for i := range t.Hops {
		if t.Hops[i].Mangled&mangledByNAT != 0 {
			t.NATFirstTTL = t.Hops[i].TTL
			return
		}
	}
}

// loop finds a routing loop at the end of the path.
func (t closing) loop() (again uint8, ok bool) {
	var at [probe.MaxTTL + 1]probe.Addr
	for i := len(t.Hops) - 1; i >= 0; i-- {
		if h := &t.Hops[i]; h.Kind == probe.KindTTLExceeded && h.TTL <= probe.MaxTTL && !h.Alone {
			at[h.TTL] = h.Responder
		}
	}
	return window.FindLoop(at[:])
}

// FNV-1a, 64 bits.
const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
	fnvPrime2 = fnvPrime * fnvPrime & mod64
	fnvPrime4 = fnvPrime2 * fnvPrime2 & mod64
	fnvPrime8 = fnvPrime4 * fnvPrime4 & mod64
	// fnvZeros10 is the factor of ten 0 octets, with which an IPv4 address begins.
	fnvZeros10 = fnvPrime8 * fnvPrime2 & mod64

	mod64 = 1<<64 - 1
)

// hashPath returns the 64-bit FNV-1a hash of 17 octets for each hop, in order: its TTL and its
// responder, where an IPv4 address is ::ffff:a.b.c.d. A hop with the same TTL and responder as an
// earlier one is left out, so that the number of attempts makes no difference. A path without hops
// has the hash of the empty string.
func hashPath(hops []record.Hop) uint64 {
	hash := uint64(fnvOffset)
	for i := range hops {
		if !repeats(hops, i) {
			hash = hashHop(hash, &hops[i])
		}
	}
	return hash
}

// hashPathLong is hashPath for a long path.
func hashPathLong(hops []record.Hop) uint64 {
	hash, first := uint64(fnvOffset), 0 // first hop with the current TTL
	latest := make(map[probe.Addr]int)  // last hop of each responder
	for i := range hops {
		h := &hops[i]
		if h.TTL != hops[first].TTL {
			first = i
		}
		at, ok := latest[h.Responder]
		latest[h.Responder] = i
		if !ok || at < first {
			hash = hashHop(hash, h)
		}
	}
	return hash
}

// hashHop adds one hop to a hash.
func hashHop(hash uint64, h *record.Hop) uint64 {
	hash = (hash ^ uint64(h.TTL)) * fnvPrime
	octets := h.Responder[:]
	if h.Responder.Is4() {
		hash *= fnvZeros10
		octets = octets[10:]
	}
	for _, octet := range octets {
		hash = (hash ^ uint64(octet)) * fnvPrime
	}
	return hash
}

// repeats reports whether a hop before i has the same TTL and responder.
func repeats(hops []record.Hop, i int) bool {
	for j := i - 1; j >= 0 && hops[j].TTL == hops[i].TTL; j-- {
		if hops[j].Responder == hops[i].Responder {
			return true
		}
	}
	return false
}
