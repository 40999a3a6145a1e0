package verdict

import (
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// tally counts the probes of a trace by TTL.
type tally struct {
	answered, silent [256]int
}

func (c *tally) count(t *record.Trace) {
	*c = tally{}
	for i := range t.Hops {
		c.answered[t.Hops[i].TTL]++
	}
	for _, s := range t.Silent {
		c.silent[s.TTL]++
	}
}

// probes returns how many probes were sent at a TTL.
func (c *tally) probes(ttl int) int { return c.answered[ttl] + c.silent[ttl] }

// mostConditions bounds the conditions of one kind in a trace.
const mostConditions = 8

// conditions fills Conditions.
func (j *Judge) conditions(t *record.Trace) {
	j.ourLoss(t)
	j.pathMTU(t)
	limited := j.rateLimited(t)
	if t.Judged.Verdict == record.VerdictReached {
		j.lossy(t, limited)
	}
}

func add(t *record.Trace, c record.Condition) {
	t.Judged.Conditions = append(t.Judged.Conditions, c)
}

// ourLoss notes the silence that may be the fault of this machine. It is no evidence for any other
// condition.
func (j *Judge) ourLoss(t *record.Trace) {
	n := len(t.UnderDrops)
	if n == 0 {
		return
	}
	c := record.Condition{Kind: record.OurLoss, FirstTTL: t.UnderDrops[0], LastTTL: t.UnderDrops[n-1]}
	for _, ttl := range t.UnderDrops {
		c.Probes += j.tally.probes(int(ttl))
		c.Silent += j.tally.silent[ttl]
	}
	add(t, c)
}

// pathMTU notes the routers that report that a probe is too large.
func (j *Judge) pathMTU(t *record.Trace) {
	n := 0
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.Kind != probe.KindFragNeeded && h.Kind != probe.KindPacketTooBig || n == mostConditions {
			continue
		}
		if slices.ContainsFunc(t.Judged.Conditions, func(c record.Condition) bool {
			return c.Kind == record.PathMTU && c.Addr == h.Responder
		}) {
			continue
		}
		n++
		add(t, record.Condition{
			Kind: record.PathMTU, FirstTTL: h.TTL, LastTTL: h.TTL, Addr: h.Responder, MTU: h.MTU,
			Probes: j.tally.probes(int(h.TTL)), Silent: j.tally.silent[h.TTL],
		})
	}
}

// later is the share of silent probes at the TTLs after a router, in percent, above which its
// silence may be loss.
const later = 10

// rateLimited notes the routers inside the path that limit their answers, and returns their TTLs.
// Other traces of the same time may show a limit. A router also has one if it answers some probes
// and not others, while the TTLs after it lose almost nothing.
func (j *Judge) rateLimited(t *record.Trace) (limited [256]bool) {
	n, silentAfter, probesAfter := 0, 0, 0
	for ttl := int(t.End); ttl > 0; ttl-- {
		silent, answered := j.tally.silent[ttl], j.tally.answered[ttl]
		shown := slices.Contains(t.RateLimited, uint8(ttl))
		alone := silent >= 2 && answered >= 1 && probesAfter > 0 && 100*silentAfter <= later*probesAfter
		silentAfter, probesAfter = silentAfter+silent, probesAfter+silent+answered
		if !shown && !alone || slices.Contains(t.UnderDrops, uint8(ttl)) {
			continue
		}
		limited[ttl] = true
		if n++; n > mostConditions {
			continue
		}
		c := record.Condition{Kind: record.RateLimited, FirstTTL: uint8(ttl), LastTTL: uint8(ttl), Probes: silent + answered, Silent: silent}
		for i := range t.Hops {
			if int(t.Hops[i].TTL) == ttl {
				c.Addr = t.Hops[i].Responder
				break
			}
		}
		add(t, c)
	}
	return limited
}

// Loss must show at fewestLossy TTLs in a row up to the target, with fewestLost probes.
const (
	fewestLossy = 3
	fewestLost  = 4
)

// lossy notes the loss that goes on to the target. A loss at a router that the TTLs after it do not
// share is a limit of that router.
func (j *Judge) lossy(t *record.Trace, limited [256]bool) {
	c := record.Condition{Kind: record.Lossy, LastTTL: t.End}
	ttls := 0
	for ttl := int(t.End); ttl > 0; ttl-- {
		silent, answered := j.tally.silent[ttl], j.tally.answered[ttl]
		if silent+answered == 0 {
			continue // not probed
		}
		if silent == 0 || limited[ttl] || slices.Contains(t.UnderDrops, uint8(ttl)) {
			break
		}
		if answered == 0 {
			continue // a silent router shows nothing
		}
		ttls++
		c.FirstTTL = uint8(ttl)
		c.Probes += silent + answered
		c.Silent += silent
	}
	if ttls >= fewestLossy && c.Silent >= fewestLost {
		add(t, c)
	}
}
