package engine

import "github.com/masstrace/masstrace/ratelimit"

// timeline is the time of a run in ns since the Unix epoch: the wall clock as it
// was at the start, carried on by the monotonic one. A stepped clock does not
// move it.
type timeline struct {
	clock *ratelimit.Clock
	epoch int64 // from the monotonic clock to the time line
}

func newTimeline() (timeline, error) {
	clock, err := ratelimit.NewClock()
	if err != nil {
		return timeline{}, environment(err)
	}
	mono, wall := clock.Read()
	return timeline{clock, wall - mono}, nil
}

// Now returns the time of the run.
func (t timeline) Now() int64 { return t.clock.Now() + t.epoch }

// Shift implements receiver.Clock.
func (t timeline) Shift() (shift, now int64) {
	mono, wall := t.clock.Read()
	now = mono + t.epoch
	return now - wall, now
}
