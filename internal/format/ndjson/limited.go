package ndjson

import (
	"cmp"
	"net/netip"
	"slices"
)

// LimitedRouter is a responder that limits the rate of its answers, as far as the
// probes of the same time tell. Counts are of the probes in windows in which that
// was seen.
type LimitedRouter struct {
	Addr     netip.Addr `json:"addr"`
	TTLs     []int      `json:"ttls"`     // ascending
	Answered uint64     `json:"answered"` // by it
	Silent   uint64     `json:"silent"`   // that it may have been asked
}

// MostLimited is how many limited routers a summary names.
const MostLimited = 64

// addLimited adds what list has of the same routers, and keeps those with the most
// silent probes, in this order.
func (s *Summary) addLimited(list []LimitedRouter) {
	at := make(map[netip.Addr]int, len(s.LimitedRouters))
	for i := range s.LimitedRouters {
		at[s.LimitedRouters[i].Addr] = i
	}
	for _, r := range list {
		i, ok := at[r.Addr]
		if !ok {
			at[r.Addr] = len(s.LimitedRouters)
			s.LimitedRouters = append(s.LimitedRouters, r)
			continue
		}
		sum := &s.LimitedRouters[i]
		sum.Answered += r.Answered
		sum.Silent += r.Silent
		ttls := slices.Concat(sum.TTLs, r.TTLs)
		slices.Sort(ttls)
		sum.TTLs = slices.Compact(ttls)
	}
	slices.SortFunc(s.LimitedRouters, func(a, b LimitedRouter) int {
		return cmp.Or(cmp.Compare(b.Silent, a.Silent), cmp.Compare(b.Answered, a.Answered), a.Addr.Compare(b.Addr))
	})
	if len(s.LimitedRouters) > MostLimited {
		s.LimitedRouters, s.LimitedRoutersCut = s.LimitedRouters[:MostLimited], true
	}
}

// SetLimited makes list, in any order, the routers that s names, and more says that
// it lacks some.
func (s *Summary) SetLimited(list []LimitedRouter, more bool) {
	s.LimitedRouters, s.LimitedRoutersCut = nil, more
	s.addLimited(list)
}
