package schedule

import (
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/probe"
)

// identity is the part of a router that Limited reports. Only the matcher sets the address.
type identity struct {
	addr atomic.Pointer[probe.Addr] // nil until a prediction of it is trusted
	// shared is set if two routers have this number. Then neither is reported.
	shared                atomic.Bool
	ttls                  atomic.Uint64 // as bits
	sumAsked, sumAnswered atomic.Uint64 // in earlier spans
	found                 atomic.Bool   // a trial showed a limit
}

// learnName stores the address of the router, and a TTL at which it answers.
func (n *identity) learnName(addr probe.Addr, ttl uint8) {
	switch known := n.addr.Load(); {
	case known == nil:
		n.addr.Store(&addr)
	case *known != addr:
		n.shared.Store(true)
	}
	n.ttls.Or(1 << (ttl & probe.MaxTTL))
}

// Limited returns the near routers that a trial showed to limit their answers, in no order, with
// the probes that probably met them. It may be called at any time. A nil Politeness returns none.
func (p *Politeness) Limited() (list []probe.LimitedRouter) {
	if p == nil {
		return nil
	}
	for i := range p.routers {
		r := &p.routers[i]
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
