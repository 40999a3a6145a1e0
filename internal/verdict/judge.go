package verdict

import (
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Judge gives verdicts to the traces of a run, in any order. It keeps what the traces show about
// routers, in a table of bounded size. So later verdicts rest on more than earlier ones. A Judge
// belongs to one goroutine. The zero Judge is ready.
type Judge struct {
	routers routers
	blocks  routers // the same for each block of neighbouring prefixes
	losses  losses
	tally   tally // scratch
}

// leastSilent is how many probes must be silent beyond the last router, before this silence is
// evidence. With 2 % of loss, three are lost by chance in one of 100,000 traces.
const leastSilent = 3

// Trace fills Judged of a closed trace, and learns from it. It allocates nothing once the table has
// its full size and t.Judged.Conditions has room.
func (j *Judge) Trace(t *record.Trace) {
	j.Learn(t)
	j.Decide(t)
}

// Decide fills Judged of a closed trace from what is known.
func (j *Judge) Decide(t *record.Trace) {
	t.Judged = record.Judgement{Conditions: t.Judged.Conditions[:0]}
	j.tally.count(t)
	j.verdict(t)
	j.conditions(t)
}

// verdict applies the first rule that decides.
func (j *Judge) verdict(t *record.Trace) {
	v := &t.Judged
	switch {
	case refused(t), answered(t), reported(t), looped(t):
	case t.StopReason == record.StopHalted || t.StopReason == record.StopGSS || t.Halted || t.CutOff:
		*v = undecided(v, record.BasisStopped)
	default:
		j.silence(t)
	}
}

func undecided(v *record.Judgement, why record.Basis) record.Judgement {
	return record.Judgement{
		Verdict: record.VerdictUndecided, Basis: why, Conditions: v.Conditions,
		TTL: v.TTL, Addr: v.Addr, Kind: v.Kind, HasKind: v.HasKind, Code: v.Code, Replies: v.Replies, Silent: v.Silent,
	}
}

// refused decides a trace whose target refuses the probe by a filter of its own. The target
// answered, and still no packet passes.
func refused(t *record.Trace) bool {
	if t.StopReason != record.StopUnreach || !t.Reached {
		return false
	}
	i := slices.IndexFunc(t.Hops, func(h record.Hop) bool { return h.TTL == t.End && h.Kind == probe.KindAdmin && !h.Alone })
	if i < 0 {
		return false
	}
	t.Judged.Verdict, t.Judged.Basis = record.VerdictFiltered, record.BasisReport
	show(t, &t.Hops[i])
	return true
}

// answered decides a trace whose target answered.
func answered(t *record.Trace) bool {
	if !t.Reached && t.StopReason != record.StopCompleted {
		return false
	}
	t.Judged.Verdict, t.Judged.Basis, t.Judged.Addr = record.VerdictReached, record.BasisAnswer, t.Target
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.TTL == t.End && h.Kind != probe.KindTTLExceeded && !h.Alone {
			show(t, h)
			break
		}
	}
	return true
}

// reported decides a trace that ends at a report of a router or a firewall.
func reported(t *record.Trace) bool {
	if t.StopReason != record.StopUnreach {
		return false
	}
	v := &t.Judged
	v.Verdict, v.Basis, v.TTL, v.Code = record.VerdictUnreachable, record.BasisReport, t.End, t.StopData
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.TTL != t.End || !h.Kind.IsUnreach() || h.Alone {
			continue
		}
		if show(t, h); h.Kind == probe.KindAdmin {
			v.Verdict = record.VerdictFiltered
		}
		break
	}
	return true
}

// show makes a hop the evidence.
func show(t *record.Trace, h *record.Hop) {
	v := &t.Judged
	v.TTL, v.Addr = h.TTL, h.Responder
	v.Kind, v.Code, v.HasKind = h.Kind, h.Code, !h.Lacks.Has(record.LacksKind)
	for i := range t.Hops {
		if o := &t.Hops[i]; o.Responder == h.Responder && o.Kind == h.Kind && o.TTL >= h.TTL {
			v.Replies++
		}
	}
}

// mostRepeats is at how many TTLs the last router of a loop answers at least. A balancer with
// branches of different lengths shows a router at two.
const mostRepeats = 3

// looped decides a trace whose last router answered before, with other routers or silence between.
func looped(t *record.Trace) bool {
	last := lastRouter(t)
	if last == nil || last.Alone || len(t.Loops) == 0 {
		return false
	}
	first, ttls := last, 0
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.Kind != probe.KindTTLExceeded || h.Responder != last.Responder || h.Alone {
			continue
		}
		if ttls == 0 {
			first = h
		}
		if ttls == 0 || t.Hops[i-1].TTL != h.TTL {
			ttls++
		}
	}
	if t.StopReason != record.StopLoop && ttls < mostRepeats {
		return false
	}
	v := &t.Judged
	v.Verdict, v.Basis, v.AgainTTL = record.VerdictLoop, record.BasisRepeat, last.TTL
	if t.StopReason == record.StopLoop { // the end is where an interface first repeats
		loop := t.Loops[len(t.Loops)-1]
		v.AgainTTL = loop.Again
		for i := range t.Hops {
			if h := &t.Hops[i]; h.TTL == loop.First && h.Kind == probe.KindTTLExceeded {
				first = h
				break
			}
		}
	}
	show(t, first)
	return true
}

// lastRouter returns the router that answered at the highest TTL, nil if none did. A hop that rests on
// one tag is a router, too.
func lastRouter(t *record.Trace) *record.Hop {
	for i := len(t.Hops) - 1; i >= 0; i-- {
		if h := &t.Hops[i]; h.Kind == probe.KindTTLExceeded {
			return h
		}
	}
	return nil
}

// silence decides a trace that ends in silence.
func (j *Judge) silence(t *record.Trace) {
	v, last := &t.Judged, lastRouter(t)
	if last != nil {
		show(t, last)
	} else {
		v.TTL = max(t.FirstTTL, 1) // of the first silence
	}
	clean := 0
	for _, s := range t.Silent {
		if last == nil || s.TTL > last.TTL {
			v.Silent++
			if !slices.Contains(t.UnderDrops, s.TTL) {
				clean++
			}
		}
	}
	switch {
	case heldBack(t, last):
		*v = undecided(v, record.BasisWithheld)
	case t.MaxTTL > 0 && last != nil && last.TTL >= t.MaxTTL:
		*v = undecided(v, record.BasisLastTTL)
	case clean < leastSilent && clean < v.Silent:
		*v = undecided(v, record.BasisOurLoss)
	case clean < leastSilent:
		*v = undecided(v, record.BasisFewProbes)
	case last == nil:
		v.Verdict, v.Basis = record.VerdictNoPath, record.BasisNoRouter
	default:
		v.Verdict, v.Basis = j.place(t, last)
	}
	switch {
	case v.Verdict != record.VerdictNoPath:
	case clean < v.Silent: // a router may have answered there
		*v = undecided(v, record.BasisOurLoss)
	case last == nil && j.losses.any() && j.losses.high(), // limited routers near us look the same
		j.losses.chance(t, last) > mostChance:
		*v = undecided(v, record.BasisFewProbes)
	}
}

// heldBack reports whether something answered beyond the last router, and too little speaks for it.
func heldBack(t *record.Trace, last *record.Hop) bool {
	beyond := func(ttl uint8) bool { return last == nil || ttl > last.TTL }
	return slices.ContainsFunc(t.Withheld, beyond) || slices.ContainsFunc(t.Contested, beyond) ||
		slices.ContainsFunc(t.Hops, func(h record.Hop) bool { return h.Alone && h.Kind != probe.KindTTLExceeded && beyond(h.TTL) })
}

// fewestParts is how many neighbouring prefixes must be behind a router before the last one. Then
// they would also be behind the last router, if it were not near the target.
const fewestParts = 2

// place decides whether the last router is near the target.
func (j *Judge) place(t *record.Trace, last *record.Hop) (record.Verdict, record.Basis) {
	if last.Responder == t.Target { // a router near the target answers with its address
		return record.VerdictHostSilent, record.BasisLastRouter
	}
	prefix := prefixOf(t.Target)
	router := j.routers.find(keyOf(last.Responder))
	switch known := router.about(prefix); {
	case known.direct:
		return record.VerdictHostSilent, record.BasisLastRouter
	case known.shared && (router.isEdge() || j.losses.known()) && j.losses.high() && silentAt(t, last.TTL+1) < 2:
		return record.VerdictUndecided, record.BasisFewProbes // one lost reply would look the same
	case known.shared:
		return record.VerdictNoPath, record.BasisSharedRouter
	}
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.TTL < last.TTL && h.Kind == probe.KindTTLExceeded && j.blocks.find(blockKeyOf(h.Responder, prefix)).about(prefix).parts >= fewestParts {
			return record.VerdictHostSilent, record.BasisOwnRouter
		}
	}
	return record.VerdictUndecided, record.BasisUnknown
}
