package verify

import "time"

// Repeats counts repeated probes, and those that were not necessary.
type Repeats struct {
	// PerTTL[n] counts (target, flow, TTL) that were probed n times. Its last element includes
	// all higher numbers.
	PerTTL [6]uint64 `json:"per_ttl"`
	// Identical probes have the same target, flow and TTL, and the same identification and
	// transport header, which contain the attempt.
	Identical uint64 `json:"identical"`
	// Excess is probes beyond the configured attempts.
	Excess uint64 `json:"excess"`
	// Answered is probes after a known answer: the answer is in the results and was due well
	// before.
	Answered uint64 `json:"answered"`
	// Unheard is probes after an answer in time that is not in the results: it was lost or
	// overlooked.
	Unheard uint64 `json:"unheard"`
	Retries uint64 `json:"retries"` // total number of further attempts
}

// retrySlack is how much earlier than a retry an answer must have been due to count as known. It
// passes two kernels, and is matched in batches.
const retrySlack = int64(250 * time.Millisecond)

// pathRepeats is how many further attempts multipath detection has. With them it asks answered
// flows again, to recognise per-packet balancers and flows that moved.
const pathRepeats = 2

// mostAttempts is with how many earlier probes a probe is compared.
const mostAttempts = 64

// repeats evaluates everything that was probed more than once.
func (c *checker) repeats() (r Repeats) {
	for f := range c.asked.each {
		for probes := c.asked.probes[f.from:f.to]; len(probes) > 0; {
			n := sameTTL(probes)
			r.PerTTL[min(n, len(r.PerTTL)-1)]++
			if n > 1 {
				c.repeated(&r, f, probes[:n])
			}
			probes = probes[n:]
		}
	}
	return r
}

// repeated judges several probes of one flow at one TTL.
func (c *checker) repeated(r *Repeats, f *flow, probes []sent) {
	if over := len(probes) - c.attempts(f); over > 0 {
		r.Excess += uint64(over)
		c.example("probed too often", "%s TTL %d: %d times", c.asked.title(f), probes[0].ttl, len(probes))
	}
	for i := 1; i < len(probes); i++ {
		s := &probes[i]
		r.Retries++
		var same, answered, unheard bool
		for k := max(i-mostAttempts, 0); k < i; k++ {
			old := &probes[k]
			same = same || c.tool == Masstrace && old.second == s.second && old.ipID == s.ipID
			if !old.emitted() || old.due()+retrySlack >= s.time {
				continue
			}
			if old.marks&(inTraces|inReplies) != 0 && old.marks&oneTag == 0 {
				answered = true
			} else {
				unheard = unheard || c.heard(old)
			}
		}
		switch {
		case same:
			r.Identical++
			c.example("probed twice", "%s TTL %d: the same probe again after %v", c.asked.title(f), s.ttl,
				time.Duration(s.time-probes[0].time))
		case c.paths != nil && (answered || unheard):
			r.Answered++ // on purpose; the answers of most flows are in no trace
		case answered:
			r.Answered++
			c.example("retried though answered", "%s TTL %d after %v", c.asked.title(f), s.ttl,
				time.Duration(s.time-probes[0].time))
		case unheard:
			r.Unheard++
		}
	}
}

// attempts returns how many probes may be sent for one TTL of a flow.
func (c *checker) attempts(f *flow) int {
	switch {
	case c.run != nil && c.paths != nil:
		return max(c.run.Attempts, 1) + pathRepeats
	case c.run != nil && c.diagnosed(): // which may have more attempts
		return max(c.run.Attempts, 1, int(f.attempts))
	case c.run != nil:
		return max(c.run.Attempts, 1)
	case f.attempts > 0:
		return int(f.attempts)
	}
	return 1
}
