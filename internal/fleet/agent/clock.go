package agent

import "time"

// exchange is the four times of a beat, as of RFC 5905, section 8: sent and came by our clock, and
// when the hub had the beat and sent its answer, by its clock, in ns since the Unix epoch.
type exchange struct {
	sent, came   time.Time
	hubCame, hub int64
}

// reading is the offset of our clock from that of the hub, in ns, and the most that it may be
// wrong.
type reading struct {
	offset, err int64
	at          time.Time
}

// reading returns the offset of an exchange. The error is half of the time on the way: the answer
// may have come at once, or the request. The time that the hub needed is no error.
func (x *exchange) reading() reading {
	took := int64(x.came.Sub(x.sent)) // on the monotonic clock
	sent := x.sent.UnixNano()
	came := sent + took
	away := max(took-(x.hub-x.hubCame), 0)
	return reading{((sent - x.hubCame) + (came - x.hub)) / 2, away/2 + 1, x.came}
}

// clockOffset keeps the readings of the last beats. The best one had the shortest way.
type clockOffset struct {
	readings [32]reading
	count    int
	last     time.Time // when the last beat came
}

// add takes the times of a beat. Readings of before our clock was set do not count.
func (c *clockOffset) add(x exchange) {
	if !c.last.IsZero() && stepped(c.last, x.came) {
		c.count = 0
	}
	c.readings[c.count%len(c.readings)] = x.reading()
	c.count++
	c.last = x.came
}

// Bounds of a clock that is not set, but corrected by and by: NTP does that by at most 500 parts in
// a million.
const (
	stepLeast = 10 * time.Millisecond
	slewShare = 1000 // 1/1000
)

// stepped reports whether our clock was set between two times: it and the monotonic clock differ in
// how much later the second one is.
func stepped(before, after time.Time) bool {
	return differ(after.Sub(before), after.Round(0).Sub(before.Round(0)))
}

// differ reports whether the monotonic clock and ours have gone on differently.
func differ(steady, shown time.Duration) bool {
	return (shown - steady).Abs() > stepLeast+steady/slewShare
}

// drift is how many ns two clocks may drift apart in 1 ms: 15 parts in a million (PHI of RFC 5905).
const drift = 15

// best returns the reading with the smallest error now.
func (c *clockOffset) best(now time.Time) (best reading, ok bool) {
	for _, r := range c.readings[:min(c.count, len(c.readings))] {
		r.err += now.Sub(r.at).Milliseconds() * drift
		if !ok || r.err < best.err {
			best, ok = r, true
		}
	}
	return best, ok
}
