package netsim

import "net/netip"

// Outcome is how the path of a flow ends, as far as answers show it.
type Outcome uint8

// The outcomes.
const (
	ArrivesAnswered Outcome = iota // the target answers
	Refused                        // a firewall reports that it drops the probe
	HostIsSilent                   // a router of the target's own prefix is the last that answers
	ReportedUnreach                // a router reports the target as unreachable
	InLoop                         // a loop of two routers, of which one answers
	PathIsSilent                   // silence from an earlier router on
)

// EndOf is the end of the path of a flow.
type EndOf struct {
	Outcome Outcome
	Answer  Answer // that ends it: the target's, or a report
	// Last is the TTL of the last router that answers with a time exceeded, 0 if there is none.
	Last uint8
}

// Outcome returns how the path of a flow ends. shown reports whether the answer of a hop can be
// assigned to its probe; hops whose answers cannot are as good as silent. Chance and state decide
// nothing: a limited router answers. last is the highest TTL of the probes.
func (t *Truth) Outcome(f *Flow, last uint8, shown func(*Hop) bool) EndOf {
	var end EndOf
	near := false
	prefix := t.edge(f.Dst)
	for i, hops := range t.Path(f, last) {
		for k := range hops {
			h := &hops[k]
			if h.Fate != Answered || !shown(h) {
				continue
			}
			switch {
			case h.Target:
				return EndOf{Outcome: ArrivesAnswered, Answer: h.Answer, Last: end.Last}
			case h.Loop:
				return EndOf{Outcome: InLoop, Last: end.Last}
			case h.Answer == Prohibited:
				return EndOf{Outcome: Refused, Answer: h.Answer, Last: end.Last}
			case h.Answer != TimeExceeded:
				return EndOf{Outcome: ReportedUnreach, Answer: h.Answer, Last: end.Last}
			}
			end.Last = uint8(i + 1)
			kind, place := t.Locate(h.Addr)
			near = h.Addr == f.Dst || kind == RouterAddr && place.Prefix == prefix
		}
	}
	// A loop has two routers. The first TTL inside may be that of the silent one.
	for ttl := range uint8(4) {
		for _, h := range t.AppendHops(nil, f, 250+ttl) {
			if h.Loop && h.Fate == Answered && shown(&h) {
				return EndOf{Outcome: InLoop, Last: end.Last}
			}
		}
	}
	end.Outcome = PathIsSilent
	if near {
		end.Outcome = HostIsSilent
	}
	return end
}

// edge returns the prefix whose routers serve a target and its neighbours alone.
func (t *Truth) edge(dst netip.Addr) netip.Prefix {
	length := int(bits6[levels-1])
	if dst.Unmap().Is4() {
		length = int(bits4[levels-1])
	}
	p, _ := dst.Unmap().Prefix(length)
	return p
}
