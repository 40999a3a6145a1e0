package engine

import "math"

// The routine asks one TTL of one target, then of another. Targets come in an order in which
// neighbours are far apart, so that every prefix is asked evenly. Every other turn is of a target
// that changed of late, if there are some.
//
// At a target, the TTL with the greatest age times weight is asked. A hop that m paths share has the
// weight 1/√m: it is asked m times as often by others, and its change moves m paths. That weight
// makes the mean delay over all paths least, if each hop changes as often as any other.

// routine is the state of it.
type routine struct {
	n, step uint64
	visit   uint64
	hot     []uint32 // targets that changed, the latest last
	hotNext int
}

const (
	// mostHot is how many targets are asked more often because they changed, and hotFor for how long,
	// in ticks.
	mostHot = 1024
	hotFor  = tick(15 * 60 * 100)
	// hotShare is the inverse of the share of routine that they get.
	hotShare = 4
	// looks is how many targets are looked at for a probe.
	looks = 64
)

// init finds a step near the golden ratio without a common divisor with n.
func (r *routine) init(n int) {
	r.n = uint64(n)
	r.step = uint64(float64(n) / math.Phi)
	for r.step = max(r.step, 1); gcd(r.step, r.n) != 1; r.step++ {
	}
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// heat notes that a target changed.
func (r *routine) heat(target uint32) {
	for _, h := range r.hot {
		if h == target {
			return
		}
	}
	if len(r.hot) < mostHot {
		r.hot = append(r.hot, target)
		return
	}
	r.hot[r.hotNext%mostHot] = target
	r.hotNext++
}

// pick returns the next probe of routine.
func (e *Engine) pick(now int64) (a Ask, ok bool) {
	r := &e.routine
	if e.turn%hotShare == 1 && len(r.hot) > 0 {
		r.hotNext++
		i := r.hotNext % len(r.hot)
		target := r.hot[i]
		if e.paths.tick(now)-e.paths.states[target].Changed > hotFor {
			last := len(r.hot) - 1
			r.hot[i] = r.hot[last]
			r.hot = r.hot[:last]
		} else if a, ok = e.askOf(target, now); ok {
			return a, true
		}
	}
	for range min(looks, r.n) {
		r.visit++
		if a, ok = e.askOf(uint32(r.visit%r.n*r.step%r.n), now); ok {
			return a, true
		}
	}
	return a, false
}

// leastPause is between two probes of routine to a target, in ticks.
const leastPause = tick(100)

// askOf returns the probe to make of a target; ok is false if it has a job, or was asked just now.
func (e *Engine) askOf(target uint32, now int64) (a Ask, ok bool) {
	s := &e.paths.states[target]
	at := e.paths.tick(now)
	if !s.Traced || s.job != nil || s.flying > 0 || at-s.Asked < leastPause && s.Asked != 0 {
		return a, false
	}
	best := 0.0
	salt := mix(uint64(target)<<32 | e.routine.visit)
	for ttl := e.cfg.MinTTL; ttl <= s.Last; ttl++ {
		hop := e.paths.hop(target, ttl)
		weight := 0.02 // a hop may answer that was silent
		switch {
		case hop < firstID:
		case !e.paths.isStable(target, ttl):
			weight = 0
		default:
			weight = 1 / math.Sqrt(float64(max(e.paths.names.uses[hop], 1)))
		}
		var seen tick
		if e.paths.seen[ttl] != nil {
			seen = e.paths.seen[ttl][target]
		}
		salt = mix(salt)
		// Some chance keeps neighbours from asking the same TTLs.
		if value := weight * float64(at-seen+1) * (0.25 + float64(salt>>40)/(1<<24)); value > best {
			best, a, ok = value, Ask{Target: target, TTL: ttl}, true
		}
	}
	return a, ok
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// routineAnswered takes an answer to a probe of routine.
func (e *Engine) routineAnswered(a Ask, from id, r *Answer, now int64) {
	p := e.paths
	known := p.hop(a.Target, a.TTL)
	if known >= firstID {
		p.names.tried(known, true)
	}
	switch s := &p.states[a.Target]; {
	case s.job != nil: // which learns by itself
	case e.isTooWeak(a, r) && (p.differs(a.Target, a.TTL, from, r.End) || r.End && p.endsBefore(a.Target, a.TTL, from)):
		e.Counts.Weak++
	case r.End && p.endsBefore(a.Target, a.TTL, from):
		s.End, s.Last = a.TTL, a.TTL
		p.set(a.Target, a.TTL, from)
		p.verify(a.Target, a.TTL, r)
	case p.differs(a.Target, a.TTL, from, r.End) && p.isDoubtful(a.Target, a.TTL) && !r.Weak:
		e.retrace(a.Target) // it proves more than the answer that it contradicts
		e.untried = 0
	case p.differs(a.Target, a.TTL, from, r.End):
		e.inquire(a.Target, a.TTL, from, r, now)
	case !p.isStable(a.Target, a.TTL):
	case known < firstID: // a limit or loss had hidden it
		p.set(a.Target, a.TTL, from)
		p.verify(a.Target, a.TTL, r)
		if r.End && s.End == 0 && !e.isTooWeak(a, r) {
			s.End, s.Reached = a.TTL, r.Reached
			s.Last = a.TTL
		}
	default:
		p.verify(a.Target, a.TTL, r)
	}
}

// routineSilent takes a probe of routine without an answer. Silence is no change.
func (e *Engine) routineSilent(a Ask, ours bool) {
	known := e.paths.hop(a.Target, a.TTL)
	switch {
	case known < firstID:
		return
	case ours:
		e.Counts.Ours++
		return
	}
	e.paths.names.tried(known, false)
	if e.paths.names.limits(known) {
		e.Counts.Limited++
	} else {
		e.Counts.Lost++
	}
}
