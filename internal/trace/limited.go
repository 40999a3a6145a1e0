package trace

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
)

// mostLimited is how many rate-limited routers an assembler remembers, about half a MB.
const mostLimited = 4096

// limitedRouters are the rate-limited routers of all windows.
type limitedRouters struct {
	byAddr map[probe.Addr]probe.LimitedRouter
	more   bool // there were others, without room
}

// add adds the rate-limited responders of a window, in the order of their addresses. So the choice
// of those that find room does not depend on the order of a map.
func (l *limitedRouters) add(responders map[responderKey]*responder) {
	var limited []*responder
	for _, r := range responders {
		if r.limited && r.last.answered+r.last.silent > 0 {
			limited = append(limited, r)
		}
	}
	slices.SortFunc(limited, func(a, b *responder) int {
		return cmp.Or(bytes.Compare(a.addr[:], b.addr[:]), cmp.Compare(a.ttl, b.ttl))
	})
	for _, r := range limited {
		router, known := l.byAddr[r.addr]
		if !known && len(l.byAddr) == mostLimited {
			l.more = true
			continue
		}
		router.Addr = r.addr
		router.TTLs |= 1 << (r.ttl & probe.MaxTTL)
		router.Answered += uint64(r.last.answered)
		router.Silent += uint64(r.last.silent)
		if l.byAddr == nil {
			l.byAddr = make(map[probe.Addr]probe.LimitedRouter)
		}
		l.byAddr[r.addr] = router
	}
}

// Limited returns the rate-limited routers of all windows that Traces processed, unsorted. more
// reports whether there were others without room.
func (a *Assembler) Limited() (routers []probe.LimitedRouter, more bool) {
	return slices.Collect(maps.Values(a.limited.byAddr)), a.limited.more
}
