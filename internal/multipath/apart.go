package multipath

import "math"

// If a router answers only part of the flows at its TTL, silence may be another branch of a per-packet
// balancer. Then a flow may meet that router with one packet, and with the next one a router of the other
// branch at the next TTL. No packet meets both, and a link between them would be false.
//
// Say that the router meets a share p of the packets, and the one at the next TTL a share q. If no packet
// meets both, p + q ≤ 1. So a link is claimed if the answers are evidence against p + q ≤ 1.

const (
	// apartBits is the evidence that a link needs: the logarithm of the ratio of the likelihoods without
	// and with p + q ≤ 1.
	apartBits = 8
	// rarelyMissed is how many probes at most are not answered for one that is, if silence is a branch: the
	// branches that answer have a fifth of the packets, as for Config.sole.
	rarelyMissed = 4
	// seldom is how many probes must not be answered to show this if neither row is answered by one node.
	seldom = 5
	// mostApart is how many near ends of a row may be apart from their far ends. If they are more, their
	// routers limit their answers more likely.
	mostApart = 2
)

// shown counts the flows that were asked at the two TTLs of a link by the ends that they show, each with
// its first probe.
type shown struct {
	both int
	near int // nothing answered at the other TTL
	far  int
}

// bits returns the evidence that some packets meet both ends. Flows that show neither do not count: they
// may belong to another balancer.
func (k *shown) bits() float64 {
	if k.both*k.both <= k.near*k.far { // the likelihood is greatest for p + q ≤ 1
		return 0
	}
	both, near, far := float64(k.both), float64(k.near), float64(k.far)
	flows := both + near + far
	free := logLikely(both, both/flows) + logLikely(near, near/flows) + logLikely(far, far/flows)
	// With q = 1−p, the flows have the shares pq, p² and q² of 1−pq. The likelihood is concave in p.
	low, high := 0.0, 1.0
	for range 20 {
		p := (low + high) / 2
		if q := 1 - p; (both+2*near)/p-(both+2*far)/q+flows*(q-p)/(1-p*q) > 0 {
			low = p
		} else {
			high = p
		}
	}
	p := (low + high) / 2
	q := 1 - p
	return free - logLikely(both+2*near, p) - logLikely(both+2*far, q) + logLikely(flows, 1-p*q)
}

// rowBits is shown.bits for rows that have one node each. It takes all probes of the two rows, of
// which the nodes answered near of nears and far of fars.
func rowBits(near, nears, far, fars float64) float64 {
	if nears == 0 || fars == 0 || near/nears+far/fars <= 1 {
		return 0
	}
	p := (near + fars - far) / (nears + fars)
	return logLikely(near, near/nears) + logLikely(nears-near, 1-near/nears) +
		logLikely(far, far/fars) + logLikely(fars-far, 1-far/fars) -
		logLikely(near+fars-far, p) - logLikely(nears-near+far, 1-p)
}

// logLikely returns the binary logarithm of shareⁿ.
func logLikely(n, share float64) float64 {
	if n == 0 {
		return 0
	}
	return n * math.Log2(share)
}

// rowBits returns rowBits for the rows at t−1 and t.
func (d *Describer) rowBits(t int) float64 {
	near, far := float64(d.heard[t-1]), float64(d.heard[t])
	return rowBits(near, near+float64(d.misses[t-1]), far, far+float64(d.misses[t]))
}

// dropApart drops the links of the passes into the row at t whose ends may be on different branches.
func (d *Describer) dropApart(t int, forks []fork) {
	if t == int(d.starts) || t-1 == 1 { // no balancer lies before the first router
		return
	}
	d.apart = d.apart[:0]
	var silent []pass // those whose near end did not answer; no address comes before it
	nears, near := 0, uint16(0)
	for begin, end := 0, 0; begin < len(d.passes); begin = end {
		p := &d.passes[begin]
		for end = begin; end < len(d.passes) && d.passes[end].near == p.near; end++ {
		}
		if p.near == 0 {
			silent = d.passes[begin:end]
			continue
		}
		if d.widths[t-1] == 1 && d.isSole(t, &forks[len(forks)-1]) {
			return
		}
		d.findApart(t, d.passes[begin:end], silent)
	}
	for i := range d.apart {
		if n := d.apart[i][0].near; n != near {
			nears, near = nears+1, n
		}
	}
	if nears > mostApart {
		return
	}
	for _, link := range d.apart {
		for i := range link {
			link[i].flags &^= passLink
		}
	}
}

// isSole reports whether a link from the one router that answers at the TTL before t is true: silence there is
// no branch, or its branches join at t, or repeats show that each flow keeps its node at t. f is its fork.
func (d *Describer) isSole(t int, f *fork) bool {
	near, far := d.isVeiled(t-1), d.isVeiled(t)
	one, two := uint16(d.cfg.rule.Flows(1)), uint16(d.cfg.rule.Flows(2)) // see Search.leastSole
	switch {
	case d.widths[t] > 1:
		return !near || d.misses[t-1] > 2*d.heard[t-1] || !f.packet && f.stays && (!far || d.rowBits(t) > 0)
	case !near && !far:
		return true
	case !near && (d.heard[t-1] >= two || d.cfg.Borrow && d.heard[t-1] < one || d.rowBits(t) >= provenBits):
		return true
	case !far && (d.heard[t] >= two || d.isRare(t-1)):
		return true
	}
	return d.isRare(t-1) && d.misses[t-1] > seldom || d.isRare(t) && d.misses[t] > seldom || d.rowBits(t) >= apartBits
}

// isRare reports whether the probes at a TTL are answered so rarely that its router limits its answers, more
// likely than that a balancer sends it so few packets.
func (d *Describer) isRare(t int) bool { return d.misses[t] > rarelyMissed*d.heard[t] }

// findApart adds the links of the passes through one near end that lack evidence to d.apart. silent has the
// passes whose near end did not answer. Both are sorted by far end.
func (d *Describer) findApart(t int, passes, silent []pass) {
	alone, joined := d.widths[t-1] == 1, d.widths[t] == 1 && !d.isVeiled(t)
	if joined && !alone {
		return
	}
	near := 0 // flows that nothing answers in the row
	for begin, end := 0, 0; begin < len(passes); begin = end {
		k := shown{near: near}
		for end = begin; end < len(passes) && passes[end].far == passes[begin].far; end++ {
			p := &passes[end]
			if p.flags&passLink == 0 {
				continue
			}
			before, after := d.find(p.flow, t-1), d.find(p.flow, t)
			switch {
			case before.misses == 0 && after.misses == 0:
				k.both++
			case before.misses == 0:
				k.near++
			case after.misses == 0:
				k.far++
			}
		}
		far := passes[begin].far
		if far == 0 {
			near = k.near
			continue
		}
		for len(silent) > 0 && d.byAddress(silent[0].far, far) < 0 {
			silent = silent[1:]
		}
		for ; len(silent) > 0 && silent[0].far == far; silent = silent[1:] {
			if p := &silent[0]; p.flags&passLink != 0 && d.find(p.flow, t).misses == 0 {
				k.far++
			}
		}
		if (alone || k.near > 0 && k.far >= veils) && k.bits() < apartBits {
			d.apart = append(d.apart, passes[begin:end])
		}
	}
}
