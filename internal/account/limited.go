package account

import (
	"cmp"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
)

// Limits names the routers that limit the rate of their answers, most silent probes
// first, MostLimited of them at most.
type Limits struct {
	LimitedRouters    []LimitedRouter `json:"limited_routers,omitempty"`
	LimitedRoutersCut bool            `json:"limited_routers_cut,omitempty"` // there are more
}

// LimitedRouter is a responder that limits the rate of its answers, as far as the
// probes of the same time show. Counts are of the probes in windows in which that was
// seen.
type LimitedRouter struct {
	Addr     netip.Addr `json:"addr"`
	TTLs     []int      `json:"ttls"`     // ascending
	Answered uint64     `json:"answered"` // by it
	Silent   uint64     `json:"silent"`   // that it may have been asked
}

// MostLimited is how many limited routers an account names.
const MostLimited = 64

// Name adds routers; more reports that the list lacks some. A router that is in
// several lists is taken from the first.
func (l *Limits) Name(more bool, lists ...[]probe.LimitedRouter) {
	known := map[probe.Addr]bool{}
	named := Limits{LimitedRoutersCut: more}
	for _, r := range slices.Concat(lists...) {
		if known[r.Addr] {
			continue
		}
		known[r.Addr] = true
		router := LimitedRouter{Addr: r.Addr.Netip(), Answered: r.Answered, Silent: r.Silent}
		for ttls := r.TTLs; ttls != 0; ttls &= ttls - 1 {
			router.TTLs = append(router.TTLs, bits.TrailingZeros64(ttls))
		}
		named.LimitedRouters = append(named.LimitedRouters, router)
	}
	l.add(&named)
}

// add adds the counts of o for the same routers, and keeps those with the most silent
// probes.
func (l *Limits) add(o *Limits) {
	l.LimitedRoutersCut = l.LimitedRoutersCut || o.LimitedRoutersCut
	if len(o.LimitedRouters) == 0 {
		return
	}
	at := make(map[netip.Addr]int, len(l.LimitedRouters))
	sum := slices.Clone(l.LimitedRouters) // the list may be shared with a copy of the account
	for i := range sum {
		at[sum[i].Addr] = i
	}
	for _, r := range o.LimitedRouters {
		i, ok := at[r.Addr]
		if !ok {
			at[r.Addr] = len(sum)
			sum = append(sum, r)
			continue
		}
		sum[i].Answered += r.Answered
		sum[i].Silent += r.Silent
		ttls := slices.Concat(sum[i].TTLs, r.TTLs)
		slices.Sort(ttls)
		sum[i].TTLs = slices.Compact(ttls)
	}
	slices.SortFunc(sum, func(a, b LimitedRouter) int {
		return cmp.Or(cmp.Compare(b.Silent, a.Silent), cmp.Compare(b.Answered, a.Answered), a.Addr.Compare(b.Addr))
	})
	if len(sum) > MostLimited {
		sum, l.LimitedRoutersCut = sum[:MostLimited], true
	}
	l.LimitedRouters = sum
}
