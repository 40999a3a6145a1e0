package traceroute

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Paths are all the paths to a host.
type Paths struct {
	Host      string
	Multipath *record.Multipath // valid during the call of Config.Draw
	// RTT has the shortest round-trip time of each node, in ns, as far as traces show it.
	RTT map[Place]int64
	// Name returns the name of an address, "" if it has none. It is nil without names.
	Name func(probe.Addr) string
}

// Place is an address at a TTL.
type Place struct {
	TTL  uint8
	Addr probe.Addr
}

// note takes the round-trip times of a trace.
func (p *Paths) note(t *record.Trace) {
	if p.RTT == nil {
		p.RTT = map[Place]int64{}
	}
	for i := range t.Hops {
		h := &t.Hops[i]
		at := Place{h.TTL, h.Responder}
		if rtt, ok := p.RTT[at]; h.HasRTT() && (!ok || h.RTT < rtt) {
			p.RTT[at] = h.RTT
		}
	}
}
