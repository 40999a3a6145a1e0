package schedule

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// Politeness defers probes that would ask too much of one router or of one destination prefix. It
// predicts the router that a probe will meet: the one that answered at that TTL for neighbours of
// the target. That is right for the near routers, which see every probe and so matter most. A
// router that limits its answers is probed little more often than it answers (see router).
//
// Its memory is fixed, in atomic words that all senders and the matcher share. An update that
// another one overtakes is lost: then a rate is a little off. A nil Politeness admits everything.
type Politeness struct {
	hopNS     int64 // between probes that one router has to answer; 0 is no cap
	prefixNS  int64 // between probes to one prefix; 0 is no cap
	routers   []router
	predicted []atomic.Uint32 // router by TTL and prefix of the target; see predictedRouter
	prefixes  []atomic.Int64  // when a prefix was probed last, ns

	shared      bool                        // other vantage points have a part of the caps
	prefixShare atomic.Pointer[prefixShare] // nil before the first allowance

	waitNS  int64         // how long the scan waits for replies
	probeNS int64         // between two probes of the scan; 0 if it has no rate
	began   atomic.Int64  // time of the first probe, ns
	due     atomic.Uint64 // probes that had their turn since, deferred or not
}

// PolitenessConfig sets the caps, in probes a second; 0 is no cap.
type PolitenessConfig struct {
	PerHopRate float64
	PrefixRate float64
	// RatePPS is the rate of the whole scan; Wait is how long the scan waits for replies.
	RatePPS float64
	Wait    time.Duration
	// Shared means that other vantage points share the caps. AllowPrefixes and AllowRouter give the
	// part of this one. Without it, no probe of a prefix and none that meets a known first hop is
	// admitted. Farther routers have the whole cap.
	Shared bool
}

// Sizes of the tables, in entries.
const (
	routerEntries     = 1 << 14
	predictionEntries = 1 << 18
	prefixEntries     = 1 << 16
)

// NewPoliteness returns a Politeness with the caps of c, nil if there are none.
func NewPoliteness(c PolitenessConfig) *Politeness {
	if c.PerHopRate <= 0 && c.PrefixRate <= 0 {
		return nil
	}
	p := &Politeness{waitNS: int64(c.Wait), shared: c.Shared}
	if c.RatePPS > 0 {
		p.probeNS = int64(1e9 / c.RatePPS)
	}
	if c.PerHopRate > 0 {
		p.hopNS = max(int64(1e9/c.PerHopRate), 1)
		p.routers, p.predicted = make([]router, routerEntries), make([]atomic.Uint32, predictionEntries)
	}
	if c.PrefixRate > 0 {
		p.prefixNS = max(int64(1e9/c.PrefixRate), 1)
		p.prefixes = make([]atomic.Int64, prefixEntries)
	}
	return p
}

// Resume begins another scan with the same limits: the routers keep what is known about them, and
// the counts begin anew. No scan may use p meanwhile.
func (p *Politeness) Resume() {
	p.began.Store(0)
	p.due.Store(0)
	for i := range p.routers {
		r := &p.routers[i]
		r.asked.Store(0)
		r.answered.Store(0)
		r.sumAsked.Store(0)
		r.sumAnswered.Store(0)
		r.found.Store(r.phase.Load() == phaseLimited)
	}
}

// mostStretch is how many times as long a scan may take because of probes that a router would not
// answer. Probes deferred by a cap are waited for, however long it takes.
const mostStretch = 1.5

// countDue counts a probe that has its turn.
func (p *Politeness) countDue(now int64) {
	if p == nil {
		return
	}
	if p.due.Add(1) == 1 {
		p.began.Store(now)
	}
}

// deferUntil returns until when probes that have their turn now may be deferred. The scan may
// take mostStretch times as long as its rate implies, with waits times the wait for replies at
// its end.
func (p *Politeness) deferUntil(now, waits int64) int64 {
	if p == nil {
		return 0
	}
	began := p.began.Load()
	took := now - began
	if p.probeNS > 0 {
		took = int64(p.due.Load()) * p.probeNS
	}
	waited := waits * p.waitNS
	return began + int64(mostStretch*float64(took+waited)) - waited
}

// admission is the answer to the question whether a probe may leave.
type admission uint8

const (
	admitted    admission = iota
	overRate              // a cap of the configuration is reached
	rateLimited           // the router limits its answers, and is probed enough
)

// admit reports whether a probe of a target at a TTL may leave. An admitted probe counts as sent.
func (p *Politeness) admit(target probe.Addr, ttl uint8, now int64) admission {
	if p == nil {
		return admitted
	}
	var prefix *atomic.Int64
	if p.prefixNS > 0 {
		hash := window.Mix(topBits(target, 24, 48))
		prefix = &p.prefixes[hash%prefixEntries]
		if !p.admitsPrefix(hash, prefix.Load(), now) {
			return overRate
		}
	}
	if p.hopNS > 0 {
		if v := p.admitPredicted(p.predicted[predictionIndex(target, ttl)].Load(), now); v != admitted {
			return v
		}
	}
	if prefix != nil {
		prefix.Store(now)
	}
	return admitted
}

// admitsPrefix reports whether the cap of a prefix allows a probe. last is when the prefix was probed
// last, ns.
func (p *Politeness) admitsPrefix(hash uint64, last, now int64) bool {
	if p.shared {
		return p.prefixShare.Load().admits(hash, last, now)
	}
	return now-last >= p.prefixNS
}

// admitPredicted is admit for the router of a prediction.
func (p *Politeness) admitPredicted(k uint32, now int64) admission {
	if k == 0 {
		return admitted
	}
	r := &p.routers[k&predictedRouter-1]
	if k>>trustShift >= trusted {
		return r.admit(now, p.hopNS, p.shared)
	}
	if !r.takeCap(now, p.hopNS, p.shared) {
		return overRate
	}
	return admitted
}

// isLimited reports whether the predicted router limits its answers, below the cap.
func (p *Politeness) isLimited(target probe.Addr, ttl uint8) bool {
	if p == nil || p.hopNS == 0 {
		return false
	}
	k := p.predicted[predictionIndex(target, ttl)].Load()
	return k>>trustShift >= trusted && p.routers[k&predictedRouter-1].isLimited(p.hopNS)
}

// A prediction is the number of a router, plus one, and the trust in it. Of the answers there, a
// trusted router gives at least eight of nine: only then do missing answers tell of its limit.
const (
	predictedRouter = 1<<trustShift - 1
	trustShift      = 16
	trusted         = 8
	mostTrust       = 32
	othersCost      = 8
)

// Answered learns from the first reply to a probe. Only the matcher calls it.
func (p *Politeness) Answered(f *probe.Facts) {
	if p.hopNS == 0 {
		return
	}
	near := &p.predicted[predictionIndex(f.Target, f.TTL)]
	k := near.Load()
	trust := k >> trustShift
	if trust >= trusted {
		p.routers[k&predictedRouter-1].answered.Add(1) // by any router
	}
	if f.Kind != probe.KindTTLExceeded {
		return
	}
	self := uint32(routerIndex(f.Responder)) + 1
	if f.OneTag() && k != 0 && k&predictedRouter != self {
		return // it speaks against nothing
	}
	switch {
	case k&predictedRouter == self && trust == mostTrust:
	case k&predictedRouter == self:
		near.Store(k + 1<<trustShift)
		if trust+1 == trusted {
			p.routers[self-1].learnName(f.Responder, f.TTL)
		}
	case trust < othersCost:
		near.Store(self)
	default:
		near.Store(k - othersCost<<trustShift)
	}
}

// predictionIndex returns the index of the prediction for a TTL in the neighbourhood of a target:
// its /12, or its /24 in IPv6.
func predictionIndex(target probe.Addr, ttl uint8) uint64 {
	return window.Mix(topBits(target, 12, 24)^uint64(ttl)) % predictionEntries
}

// topBits returns the first bits4 or bits6 bits of an address, with a mark for IPv4.
func topBits(a probe.Addr, bits4, bits6 int) uint64 {
	if a.Is4() {
		return uint64(binary.BigEndian.Uint32(a[12:]))>>(32-bits4)<<8 | 1<<63
	}
	return binary.BigEndian.Uint64(a[:8]) >> (64 - bits6) << 8
}
