package schedule

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// Politeness holds back probes that would ask too much of one router or one
// destination prefix. Which router a probe will meet it predicts by who answered
// that TTL of neighbours: right for the near ones, which see every probe, and
// those are the ones that matter. A router that limits its answers is asked little
// more often than it answers (see router).
//
// All of it is a fixed amount of memory in atomic words, shared by all senders and
// the matcher. An update that another one overtakes is lost: a rate is a little off.
type Politeness struct {
	hopNS     int64 // between probes that one router has to answer; 0 is no limit
	prefixNS  int64 // between probes to one prefix
	routers   []router
	predicted []atomic.Uint32 // by TTL and prefix of the target; see nearRouter
	prefixes  []atomic.Int64  // when a prefix may be probed next, ns

	waitNS  int64         // for the last reply
	probeNS int64         // between two probes of the scan; 0 if it is as fast as it can
	began   atomic.Int64  // the first probe, ns
	due     atomic.Uint64 // probes that were due since, held back or not
}

// PolitenessConfig says what is too much, in probes a second; 0 is no limit.
type PolitenessConfig struct {
	PerHopRate float64
	PrefixRate float64
	// RatePPS is that of the whole scan, and Wait how long it waits for replies.
	RatePPS float64
	Wait    time.Duration
}

// Sizes of the tables.
const (
	routerEntries     = 1 << 14
	predictionEntries = 1 << 18
	prefixEntries     = 1 << 16
)

// NewPoliteness returns the limits of c, nil if there are none.
func NewPoliteness(c PolitenessConfig) *Politeness {
	if c.PerHopRate <= 0 && c.PrefixRate <= 0 {
		return nil
	}
	m := &Politeness{waitNS: int64(c.Wait)}
	if c.RatePPS > 0 {
		m.probeNS = int64(1e9 / c.RatePPS)
	}
	if c.PerHopRate > 0 {
		m.hopNS = max(int64(1e9/c.PerHopRate), 1)
		m.routers, m.predicted = make([]router, routerEntries), make([]atomic.Uint32, predictionEntries)
	}
	if c.PrefixRate > 0 {
		m.prefixNS = max(int64(1e9/c.PrefixRate), 1)
		m.prefixes = make([]atomic.Int64, prefixEntries)
	}
	return m
}

// stretch is how much longer a scan may take for probes that are held back because
// a router answers only so many. What is asked for by rate is waited for, however
// long it takes.
const mostStretch = 1.5

// plan counts a probe that is due.
func (m *Politeness) countDue(now int64) {
	if m == nil {
		return
	}
	if m.due.Add(1) == 1 {
		m.began.Store(now)
	}
}

// until returns how long probes that are due by now may be held back: the scan may
// take stretch times as long, in the end of which it waits so many times for replies.
func (m *Politeness) deferUntil(now, waits int64) int64 {
	if m == nil {
		return 0
	}
	began := m.began.Load()
	took := now - began
	if m.probeNS > 0 {
		took = int64(m.due.Load()) * m.probeNS
	}
	waited := waits * m.waitNS
	return began + int64(mostStretch*float64(took+waited)) - waited
}

// verdict says whether a probe may leave.
type admission uint8

const (
	admitted    admission = iota
	overRate              // a limit that was asked for is reached
	rateLimited           // the router answers only so many
)

// ask asks for leave to probe a target at a TTL. What is granted counts as sent.
func (m *Politeness) admit(target probe.Addr, ttl uint8, now int64) admission {
	if m == nil {
		return admitted
	}
	var prefix *atomic.Int64
	if m.prefixNS > 0 {
		prefix = &m.prefixes[window.Mix(topBits(target, 24, 48))%prefixEntries]
		if prefix.Load() > now {
			return overRate
		}
	}
	if m.hopNS > 0 {
		if v := m.admitPredicted(m.predicted[predictionIndex(target, ttl)].Load(), now); v != admitted {
			return v
		}
	}
	if prefix != nil {
		prefix.Store(now + m.prefixNS)
	}
	return admitted
}

// askNear asks the router of a near word for leave.
func (m *Politeness) admitPredicted(k uint32, now int64) admission {
	if k == 0 {
		return admitted
	}
	r := &m.routers[k&predictedRouter-1]
	if k>>trustShift >= trusted {
		return r.admit(now, m.hopNS)
	}
	if !take(&r.nextByCap, now, m.hopNS) {
		return overRate
	}
	return admitted
}

// isScarce reports whether the router there answers less than it may be asked.
func (m *Politeness) isLimited(target probe.Addr, ttl uint8) bool {
	if m.hopNS == 0 {
		return false
	}
	k := m.predicted[predictionIndex(target, ttl)].Load()
	return k>>trustShift >= trusted && m.routers[k&predictedRouter-1].isLimited(m.hopNS)
}

// A word of near: the router, plus one, and how far that is to be trusted. It is
// where at least eight of nine answers are the router's: there, what is asked and
// not answered says something of it.
const (
	predictedRouter = 1<<trustShift - 1
	trustShift      = 16
	trusted         = 8
	mostTrust       = 32
	othersCost      = 8
)

// Answered takes note of the answer to a probe. Only the matcher calls it.
func (m *Politeness) Answered(f *probe.Facts) {
	if m.hopNS == 0 {
		return
	}
	near := &m.predicted[predictionIndex(f.Target, f.TTL)]
	k := near.Load()
	trust := k >> trustShift
	if trust >= trusted {
		m.routers[k&predictedRouter-1].answered.Add(1) // whoever it was
	}
	if f.Kind != probe.KindTTLExceeded {
		return
	}
	switch self := uint32(window.HashAddr(f.Responder)%routerEntries) + 1; {
	case k&predictedRouter == self && trust == mostTrust:
	case k&predictedRouter == self:
		near.Store(k + 1<<trustShift)
		if trust+1 == trusted {
			m.routers[self-1].learnName(f.Responder, f.TTL)
		}
	case trust < othersCost:
		near.Store(self)
	default:
		near.Store(k - othersCost<<trustShift)
	}
}

// nearIndex is where the router is kept that a neighbourhood meets at a TTL: of a
// /12, or a /24 in IPv6.
func predictionIndex(target probe.Addr, ttl uint8) uint64 {
	return window.Mix(topBits(target, 12, 24)^uint64(ttl)) % predictionEntries
}

// topBits returns the first bits of an address, in IPv4 or in IPv6, and which.
func topBits(a probe.Addr, bits4, bits6 int) uint64 {
	if a.Is4() {
		return uint64(binary.BigEndian.Uint32(a[12:]))>>(32-bits4)<<8 | 1<<63
	}
	return binary.BigEndian.Uint64(a[:8]) >> (64 - bits6) << 8
}
