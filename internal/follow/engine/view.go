package engine

import (
	"time"

	"github.com/masstrace/masstrace/internal/probe"
)

// Hop is a hop of the path to a target.
type Hop struct {
	TTL  uint8
	Addr probe.Addr
	Sent int64 // when the probe was sent that showed it, ns
	RTT  time.Duration
}

// Path is what is known of a target now.
type Path struct {
	Traced  bool
	End     uint8 // TTL at which the path ends, 0 if nothing shows it
	Reached bool  // the target answers there
	Hops    []Hop // that answered
	Changes uint32
	// Sent and Silent are the probes to the target itself, and those that it did not answer.
	Sent, Silent uint32
}

// Path returns what is known of a target. It uses the room of hops.
func (e *Engine) Path(target int, hops []Hop) Path {
	s := &e.paths.states[target]
	p := Path{Traced: s.Traced, End: s.End, Reached: s.Reached, Changes: s.Changes, Sent: s.Sent, Silent: s.Silent, Hops: hops[:0]}
	for ttl := e.cfg.MinTTL; ttl <= s.Last; ttl++ {
		hop := e.paths.hop(uint32(target), ttl)
		if hop < firstID {
			continue
		}
		h := Hop{TTL: ttl, Addr: e.paths.names.addrs[hop], Sent: e.paths.seenAt(uint32(target), ttl)}
		if rtt := e.paths.rtts[ttl][target]; rtt > 0 {
			h.RTT = time.Duration(rtt-1) * rttUnit
		}
		p.Hops = append(p.Hops, h)
	}
	return p
}

// Brief is the state of a target without its hops.
type Brief struct {
	Traced  bool
	Reached bool // the target answers at the end of the path
	// RTT is that of its latest answer, 0 without any.
	RTT time.Duration
	// Last is the TTL of the end of the path, or of the last router that answered; 0 without any.
	Last    uint8
	Loss    float64 // share of the probes to the target without an answer, 1 if it does not answer
	Changes uint32
}

// Brief returns the state of a target.
func (e *Engine) Brief(target int) Brief {
	s := &e.paths.states[target]
	b := Brief{Traced: s.Traced, Reached: s.Reached, Last: s.End, Loss: 1, Changes: s.Changes}
	if s.End == 0 {
		for b.Last = s.Last; b.Last > 0 && e.paths.hop(uint32(target), b.Last) < firstID; {
			b.Last--
		}
	}
	if !s.Reached {
		return b
	}
	if b.Loss = 0; s.Sent > 0 {
		b.Loss = float64(s.Silent) / float64(s.Sent)
	}
	if rtts := e.paths.rtts[s.End]; rtts != nil && rtts[target] > 0 {
		b.RTT = max(time.Duration(rtts[target]-1)*rttUnit, 1)
	}
	return b
}
