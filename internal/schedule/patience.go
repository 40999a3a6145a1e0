package schedule

import "time"

// Patience says how long a probe may be without an answer before it counts as
// silent: less than Max where RTTs that are known say that none is to be expected
// any more. Factors multiply such an RTT, to which timePrecision is added first; 0 is
// none, and the RTT is not looked at. Here and Near are traceroute's.
type Patience struct {
	Max time.Duration // in any case
	// Here goes with the longest RTT at the same TTL.
	Here float64
	// Near goes with the RTT of the nearest TTL beyond that was answered, if none
	// was at the same.
	Near float64
	// Far goes with the longest RTT of the trace. It bounds the two above, where
	// they come to more than longRTT, and is for probes that nothing beyond was
	// answered of: these are given blindWait at least.
	Far float64
}

// Times in ns.
const (
	timePrecision = int64(time.Millisecond)
	// leastPatience covers what a busy router takes to write an answer, or a busy
	// machine of ours to send the probe.
	leastPatience = int64(100 * time.Millisecond)
	longPatience  = int64(300 * time.Millisecond)
	// blindPatience is more than a satellite takes.
	blindPatience = int64(time.Second)
)

// of returns the patience, in ns, with a probe. here and near are RTTs in ns, 0 if
// not known; longest is the longest of the trace.
func (p *Patience) of(here, near, longest int64) int64 {
	most, far := int64(p.Max), scaled(longest, p.Far)
	wait := most
	switch {
	case here > 0 && p.Here > 0:
		wait = scaled(here, p.Here)
	case near > 0 && p.Near > 0:
		wait = scaled(near, p.Near)
	case p.Far > 0:
		return min(most, max(far, blindPatience))
	}
	if p.Far > 0 {
		wait = min(wait, max(far, longPatience))
	}
	// RTTs may vary by as much as they did.
	return min(most, max(wait, leastPatience, longest))
}

func scaled(rtt int64, factor float64) int64 {
	return int64(min(float64(rtt+timePrecision)*factor, 1<<62))
}
