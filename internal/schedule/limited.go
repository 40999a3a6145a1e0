package schedule

import (
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/probe"
)

// named is what is told of a router in the end. Only the matcher names it.
type identity struct {
	addr                  atomic.Pointer[probe.Addr] // nil until it is trusted to be near
	shared                atomic.Bool                // with another one, of the same hash: neither can be named
	ttls                  atomic.Uint64              // as bits
	sumAsked, sumAnswered atomic.Uint64              // before the present span
	found                 atomic.Bool                // a trial showed a limit
}

// name says that the router at addr is the one, at a TTL.
func (n *identity) learnName(addr probe.Addr, ttl uint8) {
	switch known := n.addr.Load(); {
	case known == nil:
		n.addr.Store(&addr)
	case *known != addr:
		n.shared.Store(true)
	}
	n.ttls.Or(1 << (ttl & probe.MaxTTL))
}

// Limited returns the routers near us that a trial showed to limit their answers,
// in no order, with the probes that were likely to meet them. It may be called at
// any time; a nil Politeness knows none.
func (m *Politeness) Limited() (list []probe.LimitedRouter) {
	if m == nil {
		return nil
	}
	for i := range m.routers {
		r := &m.routers[i]
		addr := r.addr.Load()
		if addr == nil || !r.found.Load() || r.shared.Load() {
			continue
		}
		asked := r.sumAsked.Load() + uint64(r.asked.Load())
		answered := r.sumAnswered.Load() + uint64(r.answered.Load())
		list = append(list, probe.LimitedRouter{
			Addr: *addr, TTLs: r.ttls.Load(), Answered: answered, Silent: max(asked, answered) - answered,
		})
	}
	return list
}
