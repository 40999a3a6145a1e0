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

// findLoops fills Loops: for each router that answered at a TTL and not at the
// TTL before, the nearest TTL below at which it had answered already. Silence
// in between counts as something else. Only time exceeded counts, as routers
// pass on unreachables for each other.
func (t closing) findLoops() {
	// Most routers show once: one whose bit no other has needs no search.
	seen := uint64(0)
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.Kind != probe.KindTTLExceeded {
			continue
		}
		bit := uint64(1) << ((h.Responder[15] ^ h.Responder[14]<<2 ^ h.Responder[13]<<4) & 63)
		if seen&bit == 0 {
			seen |= bit
			continue
		}
		for j := i - 1; j >= 0; j-- {
			first := &t.Hops[j]
			if first.Kind != probe.KindTTLExceeded || first.Responder != h.Responder ||
				first.TTL == h.TTL {
				continue
			}
			if loop := (record.Loop{First: first.TTL, Again: h.TTL}); first.TTL+1 < h.TTL && !t.hasLoop(loop) {
				t.Loops = append(t.Loops, loop)
			}
			break
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

// hasLoop looks only at the end: attempts of one TTL stand side by side.
func (t closing) hasLoop(loop record.Loop) bool {
	for i := len(t.Loops) - 1; i >= 0 && t.Loops[i].Again == loop.Again; i-- {
		if t.Loops[i] == loop {
			return true
		}
	}
	return false
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
	for i := range hops {
		if repeats(hops, i) {
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

// repeats reports whether a hop before i has the same TTL and responder.
func repeats(hops []record.Hop, i int) bool {
	for j := i - 1; j >= 0 && hops[j].TTL == hops[i].TTL; j-- {
		if hops[j].Responder == hops[i].Responder {
			return true
		}
	}
	return false
}
