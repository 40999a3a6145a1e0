package verdict

import (
	"math"
	"slices"

	"github.com/masstrace/masstrace/internal/record"
)

// Replies are lost often where this share of the probes inside paths is silent at every TTL. Silent
// and limited routers are at some TTLs only: the TTL with the fewest silent probes shows the loss.
const (
	highLoss    = 0.03
	leastProbes = 100 // at a TTL, before its share counts
)

// losses counts the probes inside paths, before the last router, by TTL.
type losses struct {
	asked, silent [256]uint32
}

// learn counts those of a closed trace. Our own losses are not those of the network.
func (l *losses) learn(t *record.Trace) {
	last := lastRouter(t)
	if last == nil {
		return
	}
	before := uint8(0)
	for i := range t.Hops {
		if h := &t.Hops[i]; h.TTL < last.TTL && h.TTL != before {
			l.asked[h.TTL]++
			before = h.TTL
		}
	}
	for _, s := range t.Silent {
		if s.TTL < last.TTL && !slices.Contains(t.UnderDrops, s.TTL) {
			l.asked[s.TTL]++
			l.silent[s.TTL]++
		}
	}
}

// high reports whether so many replies are lost, as far as is known, that one silent probe is no
// evidence. The share of silent probes at a TTL may be low by chance, so two standard deviations are
// added.
func (l *losses) high() bool {
	for ttl, asked := range l.asked {
		silent := float64(l.silent[ttl])
		if asked >= leastProbes && silent+2*math.Sqrt(silent+1) < highLoss*float64(asked) {
			return false
		}
	}
	return true
}

// known reports whether enough probes show the share that is lost.
func (l *losses) known() bool {
	return slices.ContainsFunc(l.asked[:], func(asked uint32) bool { return asked >= leastProbes })
}

// any reports whether a router answered any trace, with another one beyond it.
func (l *losses) any() bool {
	return slices.ContainsFunc(l.asked[:], func(asked uint32) bool { return asked > 0 })
}

// silentAt returns how many probes of a TTL are silent.
func silentAt(t *record.Trace, ttl uint8) (n int) {
	for _, s := range t.Silent {
		if s.TTL == ttl {
			n++
		}
	}
	return n
}

// mostChance is the chance of the silence beyond a last router, from which on it is no evidence.
const mostChance = 0.005

// unheard is the share of silent probes that is assumed at a TTL of which nothing is known.
const unheard = 0.1

// chance returns the chance that routers are silent at all TTLs beyond the last one of a trace, nil for
// none, though the path goes on: the product of the shares of silent probes at these TTLs. Near us, a few
// limited routers may leave most probes silent.
func (l *losses) chance(t *record.Trace, last *record.Hop) float64 {
	p, before := 1.0, uint8(0)
	for _, s := range t.Silent {
		if s.TTL != before && (last == nil || s.TTL > last.TTL) {
			p *= (float64(l.silent[s.TTL]) + 10*unheard) / (float64(l.asked[s.TTL]) + 10)
		}
		before = s.TTL
	}
	return p
}
