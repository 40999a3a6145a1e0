package trace

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/masstrace/masstrace/probe"
)

// mostLimited is how many limited routers an assembler remembers, about half a MB.
const mostLimited = 4096

// limitedRouters are those of all windows.
type limitedRouters struct {
	byAddr map[probe.Addr]probe.LimitedRouter
	more   bool // there were others
}

// add adds the limited responders of a window. Which of them find room depends on
// nothing but their addresses.
func (l *limitedRouters) add(responders map[responderKey]*responder) {
	var keys []responderKey
	for k, r := range responders {
		if r.limited {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b responderKey) int {
		return cmp.Or(bytes.Compare(a.addr[:], b.addr[:]), cmp.Compare(a.ttl, b.ttl))
	})
	for _, k := range keys {
		r := responders[k]
		router, known := l.byAddr[k.addr]
		if !known && len(l.byAddr) == mostLimited {
			l.more = true
			continue
		}
		router.Addr = k.addr
		router.TTLs |= 1 << (k.ttl & probe.MaxTTL)
		router.Answered += uint64(r.answered.sum())
		router.Silent += uint64(r.silent)
		if l.byAddr == nil {
			l.byAddr = make(map[probe.Addr]probe.LimitedRouter)
		}
		l.byAddr[k.addr] = router
	}
}

// Limited returns the limited routers of all windows that Traces went through, in
// no order, and whether there were more.
func (a *Assembler) Limited() (routers []probe.LimitedRouter, more bool) {
	return slices.Collect(maps.Values(a.limited.byAddr)), a.limited.more
}
