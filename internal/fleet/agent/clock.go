package agent

import "time"

// reading is the offset of our clock from that of the hub, in ns, and the most that it may be wrong.
type reading struct{ offset, err int64 }

// clockOffset keeps the readings of the last beats. The best one had the shortest way.
type clockOffset struct {
	readings [32]reading
	count    int
}

// add takes the times of a beat: when it was sent, when its answer came, and when the hub had it.
func (c *clockOffset) add(sent, came time.Time, hubNS int64) {
	took := came.Sub(sent) // on the monotonic clock
	middle := sent.UnixNano() + int64(took)/2
	c.readings[c.count%len(c.readings)] = reading{middle - hubNS, int64(took)/2 + 1}
	c.count++
}

// best returns the reading with the smallest error.
func (c *clockOffset) best() (best reading, ok bool) {
	for _, r := range c.readings[:min(c.count, len(c.readings))] {
		if !ok || r.err < best.err {
			best, ok = r, true
		}
	}
	return best, ok
}
