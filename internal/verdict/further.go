package verdict

import (
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Open reports whether further probes may change a verdict: nothing has answered for the target or
// about it.
func Open(v record.Verdict) bool {
	return v == record.VerdictHostSilent || v == record.VerdictNoPath || v == record.VerdictUndecided
}

// AskedOf returns a method with its port. ICMP has no port.
func AskedOf(method probe.Method, port uint16) record.Asked {
	if method == probe.ICMP {
		port = 0
	}
	return record.Asked{Method: method, Port: port}
}

// AskedBy returns the method and port of a trace.
func AskedBy(t *record.Trace) record.Asked { return AskedOf(t.Method, t.DstPort) }

// Further returns the verdict about a target that was asked again. first is the verdict so far, of
// a trace with the method and port asked. t is the further trace, which has been judged by itself.
// Its conditions are added to those so far. The result is about the first method and port: if
// another method or port passes where these end, the target is filtered.
func Further(first record.Judgement, asked record.Asked, t *record.Trace) record.Judgement {
	if !Open(first.Verdict) {
		return first
	}
	v := first
	switch {
	case t.FirstTTL == t.MaxTTL && !t.Reached: // silence at the last TTL alone shows nothing
	case AskedBy(t) == asked:
		v = again(first, t)
	default:
		v = other(first, asked, t)
	}
	v.Conditions = slices.Clone(first.Conditions)
	for _, c := range t.Judged.Conditions {
		if len(v.Conditions) < mostConditions && !slices.Contains(v.Conditions, c) {
			v.Conditions = append(v.Conditions, c)
		}
	}
	return v
}

// again returns the verdict after a further trace with the same method and port. The one that goes further
// is right about where silence begins.
func again(first record.Judgement, t *record.Trace) record.Judgement {
	switch second := t.Judged; {
	case !Open(second.Verdict), second.TTL > first.TTL:
		return second
	case second.TTL == first.TTL && second.Verdict != record.VerdictUndecided:
		return second
	}
	return first
}

// other returns the verdict after a trace with another method or port.
func other(first record.Judgement, asked record.Asked, t *record.Trace) record.Judgement {
	o := &t.Judged
	switch o.Verdict {
	case record.VerdictReached:
		return passes(first, asked, t)
	case record.VerdictUnreachable:
		if o.Kind == probe.KindHostUnreach { // the last router sent it
			return passes(first, asked, t)
		}
		return *o
	case record.VerdictLoop:
		return *o
	}
	switch {
	case first.Basis == record.BasisWithheld, first.Basis == record.BasisOurLoss:
	case first.Verdict == record.VerdictNoPath && o.Verdict == record.VerdictHostSilent,
		first.Verdict != record.VerdictHostSilent && goesBeyond(t, first.Addr):
		return passes(first, asked, t)
	case o.Verdict == record.VerdictFiltered: // a firewall refuses that method, and may let the first one pass
	case first.Verdict == record.VerdictUndecided && first.Addr == o.Addr && !first.Addr.IsZero():
		return *o
	}
	return first
}

// passes returns the verdict about a target that another method or port reaches, or comes nearer to.
func passes(v record.Judgement, asked record.Asked, t *record.Trace) record.Judgement {
	v.Verdict, v.Basis, v.Asked, v.Passed = record.VerdictFiltered, record.BasisOtherMethod, asked, AskedBy(t)
	return v
}

// goesBeyond reports whether a trace shows a router, and new ones after it. A router that also answers
// before is on another branch of a balancer.
func goesBeyond(t *record.Trace, router probe.Addr) bool {
	last := -1
	for i := range t.Hops {
		if h := &t.Hops[i]; h.Responder == router && h.Kind == probe.KindTTLExceeded {
			last = i
		}
	}
	if last < 0 {
		return false
	}
	for i := last + 1; i < len(t.Hops); i++ {
		h := &t.Hops[i]
		isNew := func() bool {
			return !slices.ContainsFunc(t.Hops[:last], func(o record.Hop) bool { return o.Responder == h.Responder })
		}
		if h.Kind == probe.KindTTLExceeded && h.TTL > t.Hops[last].TTL && isNew() {
			return true
		}
	}
	return false
}

// Ask is one step of a diagnosis.
type Ask struct {
	record.Asked
	// AtEnd is set for a trace at the last TTL alone. It costs few probes, and finds a target behind
	// more silent TTLs than a trace goes on after.
	AtEnd bool
}

// String returns the method and port, and whether only the last TTL is asked.
func (a Ask) String() string {
	if a.AtEnd {
		return a.Asked.String() + " at the last TTL"
	}
	return a.Asked.String()
}

// Asks returns the steps to ask a target again. The first method and port come first, so that a lost
// reply decides nothing. Then come the other protocols, with TCP at each of some ports. Another port
// of UDP comes last: a filter of one UDP port is rare.
func Asks(first record.Asked, ports []uint16) []Ask {
	others := []record.Asked{{Method: probe.ICMP}}
	if first.Method != probe.UDP {
		others = append(others, record.Asked{Method: probe.UDP, Port: udpPort})
	}
	others = append(others, tcp(ports)...)
	if first.Method == probe.UDP {
		others = append(others, record.Asked{Method: probe.UDP, Port: otherUDP(first.Port)})
	}
	others = slices.DeleteFunc(others, func(a record.Asked) bool { return a == first })
	list := []Ask{{first, true}, {first, false}}
	for _, atEnd := range []bool{true, false} {
		for _, a := range others {
			list = append(list, Ask{a, atEnd})
		}
	}
	return list
}

// udpPort is the destination port of UDP probes, as in scans.
const udpPort = 33434

// otherUDP returns another port than the first one: that of most traceroutes, or the next one.
func otherUDP(first uint16) uint16 {
	if first == udpPort {
		return udpPort + 1
	}
	return udpPort
}

func tcp(ports []uint16) (list []record.Asked) {
	for _, port := range ports {
		list = append(list, record.Asked{Method: probe.TCPSYN, Port: port})
	}
	return list
}
