package board

// Loss is the meaning of the silence at a hop.
type Loss struct {
	// Share is the share of probes to the hop without an answer, from 0 to 1.
	Share float64
	// Network is the part of Share that later hops have too: so many probes or answers were lost.
	Network float64
	// Kind names it.
	Kind LossKind
}

// LossKind is the kind of silence at a hop.
type LossKind uint8

// The kinds.
const (
	NoLoss LossKind = iota
	// RealLoss goes on to the last hop that answers.
	RealLoss
	// Limited is silence that later hops do not share: the router limits its answers. No packet
	// to the target was lost there.
	Limited
	// SilentHop never answered, although a later hop did.
	SilentHop
)

// LossAt explains the silence at a TTL. Later hops on the same path must have answered at least as
// many of their probes if the loss is not that of the network.
func (p *Path) LossAt(ttl uint8) Loss {
	h := p.hops[ttl]
	if h == nil || h.Sent == 0 {
		return Loss{}
	}
	l := Loss{Share: h.Loss(), Network: h.Loss()}
	later := false
	for t := int(ttl) + 1; t <= int(p.Last()); t++ {
		if x := p.hops[t]; x != nil && x.Received > 0 {
			l.Network, later = min(l.Network, x.Loss()), true
		}
	}
	switch {
	case l.Share == 0:
	case h.Received == 0 && later:
		l.Kind = SilentHop
	case later && l.Network < l.Share:
		l.Kind = Limited
	default:
		l.Kind = RealLoss
	}
	return l
}

// Ending is how a path ends, as far as the samples show.
type Ending struct {
	Reason Reason
	TTL    uint8 // of the end, or of the last hop that answered; 0 if none did
	// Loss is the loss at the end, Limits how many routers limit their answers.
	Loss   float64
	Limits int
}

// Reason is why a path ends.
type Reason string

// The reasons.
const (
	Waiting     Reason = "waiting" // nothing is known yet
	Reached     Reason = "reached"
	Unreachable Reason = "unreachable" // a router or a firewall reported it
	Loop        Reason = "loop"
	NoAnswer    Reason = "no_answer" // nothing beyond the last hop answers
)

// EndingOf returns how a path ends. It is the only place that decides so.
func EndingOf(p *Path) Ending {
	e := Ending{Reason: Waiting, TTL: p.Last()}
	for ttl := uint8(1); ttl <= p.Last(); ttl++ {
		if k := p.LossAt(ttl).Kind; k == Limited {
			e.Limits++
		}
	}
	last := p.hops[e.TTL]
	if last == nil || last.Sent == 0 { // also after a reset
		return Ending{Reason: Waiting}
	}
	e.Loss = last.Loss()
	switch {
	case p.End != 0 && p.EndKind.IsUnreach():
		e.Reason = Unreachable
	case p.End != 0:
		e.Reason = Reached
	case p.answered == 0:
		e.Reason, e.TTL, e.Loss = NoAnswer, 0, 1
	case p.loops():
		e.Reason = Loop
	default:
		e.Reason, e.Loss = NoAnswer, 1
	}
	return e
}

// loops reports whether the path comes back to a router, twice, with the same period.
func (p *Path) loops() bool {
	last := p.hops[p.answered]
	at := func(ttl int) bool {
		return ttl > 0 && p.hops[ttl] != nil && p.hops[ttl].Addr() == last.Addr()
	}
	for period := 1; 2*period < int(p.answered); period++ {
		if at(int(p.answered)-period) && at(int(p.answered)-2*period) {
			return true
		}
	}
	return false
}
