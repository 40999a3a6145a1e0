package trace

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// mangledByNAT are the quoted fields that address translation rewrites: the
// source, with it the checksum and, for ICMP, the identifier; some translators
// choose the IP identification anew.
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

// circle finds where routers at the end of the path repeat.
func (t closing) circle() (again uint8, ok bool) {
	var at [probe.MaxTTL + 1]probe.Addr
	for i := len(t.Hops) - 1; i >= 0; i-- {
		if h := &t.Hops[i]; h.Kind == probe.KindTTLExceeded && h.TTL <= probe.MaxTTL {
			at[h.TTL] = h.Responder
		}
	}
	return window.FindCircle(at[:])
}

// FNV-1a, 64 bits.
const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
	fnvPrime2 = fnvPrime * fnvPrime & mod64
	fnvPrime4 = fnvPrime2 * fnvPrime2 & mod64
	fnvPrime8 = fnvPrime4 * fnvPrime4 & mod64
	// fnvZeros10 is what ten octets of 0 do, which an IPv4 address begins with.
	fnvZeros10 = fnvPrime8 * fnvPrime2 & mod64

	mod64 = 1<<64 - 1
)

// hashPath returns the FNV-1a hash, 64 bits, of 17 octets for each hop in order:
// its TTL and its responder, an IPv4 address as ::ffff:a.b.c.d. A hop that
// repeats an earlier one of its TTL is left out, so that the number of attempts
// makes no difference. A path without hops has the hash of nothing.
func hashPath(hops []record.Hop) uint64 {
	hash := uint64(fnvOffset)
	var latest latestHops
	if len(hops) > mostSearched {
		latest = make(latestHops)
	}
	first := 0 // hop of the TTL
	for i := range hops {
		if hops[i].TTL != hops[first].TTL {
			first = i
		}
		if latest.repeats(hops, first, i) {
			continue
		}
		hash = (hash ^ uint64(hops[i].TTL)) * fnvPrime
		octets := hops[i].Responder[:]
		if hops[i].Responder.Is4() {
			hash *= fnvZeros10
			octets = octets[10:]
		}
		for _, octet := range octets {
			hash = (hash ^ uint64(octet)) * fnvPrime
		}
	}
	return hash
}

// latestHops holds the number of each responder's last hop. A nil one is for paths
// that are searched.
type latestHops map[probe.Addr]int

// repeats reports whether a hop before i has the same TTL, of which hop first is the
// first, and the same responder. It must be called for each hop in turn.
func (l latestHops) repeats(hops []record.Hop, first, i int) bool {
	if l == nil {
		for j := i - 1; j >= first; j-- {
			if hops[j].Responder == hops[i].Responder {
				return true
			}
		}
		return false
	}
	at, ok := l[hops[i].Responder]
	l[hops[i].Responder] = i
	return ok && at >= first
}
