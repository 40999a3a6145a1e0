package schedule

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/masstrace/masstrace/probe"
)

// Manners holds back probes that would ask too much of one router or one
// destination prefix. Which router a probe will meet it predicts by who answered
// that TTL of a neighbour last: right for the near ones, which see every probe, and
// those are the ones that matter. Where a router answers far fewer than it was
// asked, it limits its answers; then it is asked little more often than it answers.
//
// All of it is a fixed amount of memory in atomic words, shared by all senders and
// the matcher. An update that another one overtakes is lost: a rate is a little off.
type Manners struct {
	hopNS    int64 // between probes that one router has to answer; 0 is no limit
	prefixNS int64 // between probes to one prefix
	routers  []router
	near     []atomic.Uint32 // by TTL and prefix of the target: a router, plus one
	prefixes []atomic.Int64  // when a prefix may be probed next, ns

	probeNS int64         // between two probes of the scan; 0 if it is as fast as it can
	began   atomic.Int64  // the first probe, ns
	planned atomic.Uint64 // probes that were due since, held back or not
}

// MannersConfig says what is too much, in probes a second; 0 is no limit.
type MannersConfig struct {
	PerHopRate float64
	PrefixRate float64
	// RatePPS is that of the whole scan.
	RatePPS float64
}

// router is what is known of one.
type router struct {
	free     atomic.Int64 // when it may be asked next, ns
	interval atomic.Int64 // between two probes, ns, as its answers suggest; 0 is any
	since    atomic.Int64 // when the counts began, ns
	asked    atomic.Uint32
	answered atomic.Uint32
}

// Sizes of the tables.
const (
	mannersRouters  = 1 << 14
	mannersNear     = 1 << 18
	mannersPrefixes = 1 << 16
)

// How limits are found: over spans of time, by the share that is answered.
const (
	judgeNS    = int64(1e9)
	fewAsked   = 40   // below which a span tells nothing
	sparing    = 0.8  // a smaller share is a limit
	generous   = 0.93 // at a greater one more may be asked
	headroom   = 1.08 // times what it answers is what a router is asked
	mannersRun = 8    // probes that may follow at once
)

// NewManners returns the limits of c, nil if there are none.
func NewManners(c MannersConfig) *Manners {
	if c.PerHopRate <= 0 && c.PrefixRate <= 0 {
		return nil
	}
	m := new(Manners)
	if c.RatePPS > 0 {
		m.probeNS = int64(1e9 / c.RatePPS)
	}
	if c.PerHopRate > 0 {
		m.hopNS = max(int64(1e9/c.PerHopRate), 1)
		m.routers, m.near = make([]router, mannersRouters), make([]atomic.Uint32, mannersNear)
	}
	if c.PrefixRate > 0 {
		m.prefixNS = max(int64(1e9/c.PrefixRate), 1)
		m.prefixes = make([]atomic.Int64, mannersPrefixes)
	}
	return m
}

// stretch is how much longer a scan may take for probes that are held back because
// a router answers only so many. What is asked for by rate is waited for, however
// long it takes.
const stretch = 1.5

// plan counts a probe that is due.
func (m *Manners) plan(now int64) {
	if m == nil {
		return
	}
	if m.planned.Add(1) == 1 {
		m.began.Store(now)
	}
}

// until returns how long probes that are due by now may be held back.
func (m *Manners) until(now int64) int64 {
	if m == nil {
		return 0
	}
	began := m.began.Load()
	if m.probeNS == 0 {
		return began + int64(stretch*float64(now-began))
	}
	return began + int64(stretch*float64(m.planned.Load())*float64(m.probeNS))
}

// verdict says whether a probe may leave.
type verdict uint8

const (
	granted verdict = iota
	later           // a limit that was asked for is reached
	scarce          // the router answers only so many
)

// ask asks for leave to probe a target at a TTL. What is granted counts as sent.
func (m *Manners) ask(target probe.Addr, ttl uint8, now int64) verdict {
	if m == nil {
		return granted
	}
	var prefix *atomic.Int64
	if m.prefixNS > 0 {
		prefix = &m.prefixes[mix(topBits(target, 24, 48))%mannersPrefixes]
		if prefix.Load() > now {
			return later
		}
	}
	if m.hopNS > 0 {
		if k := m.near[nearIndex(target, ttl)].Load(); k != 0 {
			if v := m.routers[k-1].ask(now, m.hopNS); v != granted {
				return v
			}
		}
	}
	if prefix != nil {
		prefix.Store(now + m.prefixNS)
	}
	return granted
}

// isScarce reports whether the router there answers less than it may be asked.
func (m *Manners) isScarce(target probe.Addr, ttl uint8) bool {
	if m.hopNS == 0 {
		return false
	}
	k := m.near[nearIndex(target, ttl)].Load()
	return k != 0 && m.routers[k-1].interval.Load() > m.hopNS
}

// ask is Manners.ask for a router.
func (r *router) ask(now, hopNS int64) verdict {
	r.judge(now, hopNS)
	interval, refusal := hopNS, later
	if own := r.interval.Load(); own > interval {
		interval, refusal = own, scarce
	}
	free := r.free.Load()
	if free > now+mannersRun*interval {
		return refusal
	}
	if !r.free.CompareAndSwap(free, max(free, now)+interval) {
		return later // another sender was first
	}
	r.asked.Add(1)
	return granted
}

// judge says, once in a while, how often the router may be asked.
func (r *router) judge(now, hopNS int64) {
	since := r.since.Load()
	span := now - since
	if span < judgeNS || !r.since.CompareAndSwap(since, now) {
		return
	}
	asked, answered := float64(r.asked.Swap(0)), float64(r.answered.Swap(0))
	if since == 0 || span > 4*judgeNS {
		return
	}
	own := r.interval.Load()
	switch {
	case asked >= fewAsked && answered < sparing*asked:
		r.interval.Store(int64(float64(span) / (headroom * max(answered, 1))))
	case own > hopNS && answered >= generous*asked:
		r.interval.Store(int64(float64(own) / headroom))
	}
}

// Answered takes note of a router's answer. Only the matcher calls it.
func (m *Manners) Answered(f *probe.Facts) {
	if m.hopNS == 0 || f.Kind != probe.KindTTLExceeded {
		return
	}
	h := mix(binary.LittleEndian.Uint64(f.Responder[8:]) ^ mix(binary.LittleEndian.Uint64(f.Responder[:8])))
	k := uint32(h % mannersRouters)
	m.routers[k].answered.Add(1)
	if near := &m.near[nearIndex(f.Target, f.TTL)]; near.Load() != k+1 {
		near.Store(k + 1)
	}
}

// nearIndex is where the router is kept that a neighbourhood meets at a TTL: of a
// /12, or a /24 in IPv6.
func nearIndex(target probe.Addr, ttl uint8) uint64 {
	return mix(topBits(target, 12, 24)^uint64(ttl)) % mannersNear
}

// topBits returns the first bits of an address, in IPv4 or in IPv6, and which.
func topBits(a probe.Addr, bits4, bits6 int) uint64 {
	if a.Is4() {
		return uint64(binary.BigEndian.Uint32(a[12:]))>>(32-bits4)<<8 | 1<<63
	}
	return binary.BigEndian.Uint64(a[:8]) >> (64 - bits6) << 8
}
