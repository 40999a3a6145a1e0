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

// AskedBy returns the method of a trace.
func AskedBy(t *record.Trace) record.Asked { return record.Asked{Method: t.Method, Port: t.DstPort} }

// Further returns the verdict about a target that was asked again. first is the verdict so far, of
// a trace with the method asked. t is the further trace, which has been judged by itself. Its
// conditions are added to those so far. The result is about the first method: if another one
// passes where the first one ends, the target is filtered.
func Further(first record.Judgement, asked record.Asked, t *record.Trace) record.Judgement {
	if !Open(first.Verdict) {
		return first
	}
	v := again(first, t)
	if by := AskedBy(t); by != asked && (by.Method != asked.Method || by.Method == probe.TCPSYN) {
		v = other(first, t)
	}
	v.Conditions = slices.Clone(first.Conditions)
	for _, c := range t.Judged.Conditions {
		if len(v.Conditions) < mostConditions && !slices.Contains(v.Conditions, c) {
			v.Conditions = append(v.Conditions, c)
		}
	}
	return v
}

// again returns the verdict after a further trace with the same method. The one that goes further
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

// other returns the verdict after a trace with another method.
func other(first record.Judgement, t *record.Trace) record.Judgement {
	o := &t.Judged
	switch o.Verdict {
	case record.VerdictReached:
		return passes(first, t)
	case record.VerdictUnreachable:
		if o.Kind == probe.KindHostUnreach { // the last router sent it
			return passes(first, t)
		}
		return *o
	case record.VerdictLoop:
		return *o
	}
	switch {
	case first.Basis == record.BasisWithheld, first.Basis == record.BasisOurLoss:
	case first.Verdict == record.VerdictNoPath && o.Verdict == record.VerdictHostSilent,
		first.Verdict != record.VerdictHostSilent && goesBeyond(t, first.Addr):
		return passes(first, t)
	case first.Verdict == record.VerdictUndecided && first.Addr == o.Addr && !first.Addr.IsZero():
		return *o
	}
	return first
}

// passes returns the verdict about a target that another method reaches, or comes nearer to.
func passes(v record.Judgement, t *record.Trace) record.Judgement {
	v.Verdict, v.Basis, v.Passed = record.VerdictFiltered, record.BasisOtherMethod, AskedBy(t)
	return v
}

// goesBeyond reports whether a trace shows a router, and further ones after it.
func goesBeyond(t *record.Trace, router probe.Addr) bool {
	last := lastRouter(t)
	return last != nil && last.Responder != router && slices.ContainsFunc(t.Hops, func(h record.Hop) bool {
		return h.Responder == router && h.TTL < last.TTL
	})
}

// Asks returns the methods to ask a target with after the first one. The first one comes again, so
// that a lost reply decides nothing. Then come the others, with TCP at each of some ports.
func Asks(first record.Asked, ports []uint16) []record.Asked {
	repeat := first
	if first.Method == probe.UDP {
		repeat.Port++ // another flow, whichever source port it has
	}
	list := []record.Asked{repeat}
	for _, a := range append([]record.Asked{{Method: probe.ICMP}, {Method: probe.UDP, Port: udpPort}}, tcp(ports)...) {
		if a != first && (a.Method != first.Method || a.Method == probe.TCPSYN) {
			list = append(list, a)
		}
	}
	return list
}

// udpPort is the destination port of UDP probes, as in scans.
const udpPort = 33434

func tcp(ports []uint16) (list []record.Asked) {
	for _, port := range ports {
		list = append(list, record.Asked{Method: probe.TCPSYN, Port: port})
	}
	return list
}
