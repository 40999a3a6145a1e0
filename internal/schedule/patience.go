package schedule

import "time"

// Patience is how long a probe may be unanswered before it counts as silent. That is less than
// Max if known RTTs make a later answer unlikely.
//
// The factors Here, Near and Far multiply such an RTT, after timePrecision is added to it. A
// factor of 0 ignores the RTT. Here and Near are those of traceroute -w.
type Patience struct {
	Max time.Duration // in any case
	// Here multiplies the longest RTT at the same TTL.
	Here float64
	// Near multiplies the RTT of the nearest answered TTL beyond, if the same TTL has no
	// answer.
	Near float64
	// Far multiplies the longest RTT of the trace. It bounds the two products above, but to no
	// less than longPatience. Probes without any answer beyond get this product, and
	// blindPatience at least.
	Far float64
}

// Times in ns.
const (
	timePrecision = int64(time.Millisecond)
	// leastPatience covers the time that a busy router takes to write an answer, or a busy
	// machine of ours to send the probe.
	leastPatience = int64(100 * time.Millisecond)
	longPatience  = int64(300 * time.Millisecond)
	// blindPatience is more than a satellite link takes.
	blindPatience = int64(time.Second)
)

// of returns the patience with a probe, in ns. here and near are RTTs in ns, 0 if unknown;
// longest is the longest RTT of the trace.
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

// scaled returns an RTT times a factor, in ns.
func scaled(rtt int64, factor float64) int64 {
	return int64(min(float64(rtt+timePrecision)*factor, 1<<62))
}
