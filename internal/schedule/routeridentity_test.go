package schedule

import (
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// A router is named where its answers prevail and a trial showed its limit, unless
// another one has its place.
func TestLimited(t *testing.T) {
	m := NewPoliteness(PolitenessConfig{PerHopRate: 1000})
	hop := probe.Addr4From([4]byte{10, 0, 0, 1})
	answer := func(from probe.Addr, ttl uint8, times int) {
		for i := range times {
			m.Answered(&probe.Facts{
				Probe: probe.Probe{Target: probe.Addr4From([4]byte{45, 0, byte(i), 1}), TTL: ttl},
				Kind:  probe.KindTTLExceeded, Responder: from,
			})
		}
	}
	answer(hop, 3, trusted+1)
	answer(hop, 5, trusted+1)
	answer(probe.Addr4From([4]byte{10, 0, 0, 2}), 9, trusted-1)
	if list := m.Limited(); len(list) != 0 {
		t.Errorf("%+v before any trial", list)
	}
	var named *router
	for i := range m.routers {
		r := &m.routers[i]
		r.found.Store(true)
		if r.addr.Load() != nil {
			named = r
		}
	}
	named.sumAsked.Store(100)
	named.sumAnswered.Store(60)
	answered := uint64(60 + named.answered.Load())
	want := probe.LimitedRouter{Addr: hop, TTLs: 1<<3 | 1<<5, Answered: answered, Silent: 100 - answered}
	if list := m.Limited(); len(list) != 1 || list[0] != want {
		t.Errorf("%+v, want %+v", list, want)
	}
	named.learnName(probe.Addr4From([4]byte{10, 9, 9, 9}), 4)
	if list := m.Limited(); len(list) != 0 {
		t.Errorf("%+v of two routers in one place", list)
	}
	if list := (*Politeness)(nil).Limited(); list != nil {
		t.Errorf("nobody names %+v", list)
	}
}
