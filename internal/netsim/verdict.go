package netsim

import "net/netip"

// Verdict is the judgement of a claimed hop.
type Verdict uint8

// The verdicts.
const (
	TrueHop    Verdict = iota // probes of the flow may meet it
	OtherFlow                 // probes of another flow to the target may
	Impossible                // no probe to the target may
)

// String returns the name used in reports.
func (v Verdict) String() string {
	return [...]string{"true", "other-flow", "impossible"}[v]
}

// Judge returns whether probes of the flow can be answered from an address at a TTL, by chance and
// state. It does not check whether one was: see the log for that.
func (t *Truth) Judge(f *Flow, ttl uint8, from netip.Addr) Verdict {
	var room [16]Hop
	answers := func(hops []Hop) bool {
		for i := range hops {
			if hops[i].Addr == from && hops[i].Fate == Answered {
				return true
			}
		}
		return false
	}
	from = from.Unmap()
	switch {
	case answers(t.AppendHops(room[:0], f, ttl)):
		return TrueHop
	case answers(t.AppendPossible(room[:0], f, ttl)):
		return OtherFlow
	}
	return Impossible
}

// Met returns the exact hop that a logged probe met, even if a per-packet balancer chose it. ok is
// false if the packet was not a valid probe.
func (t *Truth) Met(r *Record) (hop Hop, ok bool) {
	if !r.Fate.Valid() {
		return Hop{}, false
	}
	var room [16]Hop
	f := r.Flow()
	addr := f.Dst
	if !r.Target {
		addr = t.Router(r)
	}
	for _, hop := range t.AppendHops(room[:0], &f, r.TTL) {
		if hop.Addr == addr && hop.Dist == r.Dist && hop.Target == r.Target {
			if hop.Fate == Answered && r.Target {
				hop.Answer = r.Answer // TCP: flags and state decided
			}
			return hop, true
		}
	}
	return Hop{}, false
}
