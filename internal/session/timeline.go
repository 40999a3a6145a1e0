package session

import "github.com/masstrace/masstrace/ratelimit"

// Timeline is the time of a run in ns since the Unix epoch. It is the wall clock at the
// start, continued by the monotonic clock. A stepped clock does not move it.
type Timeline struct {
	Clock *ratelimit.Clock
	Epoch int64 // from the monotonic clock to the time line
}

// NewTimeline begins a time line now.
func NewTimeline() (Timeline, error) {
	clock, err := ratelimit.NewClock()
	if err != nil {
		return Timeline{}, err
	}
	mono, wall := clock.Read()
	return Timeline{clock, wall - mono}, nil
}

// Now returns the time of the run.
func (t Timeline) Now() int64 { return t.Clock.Now() + t.Epoch }

// Shift implements receiver.Clock.
func (t Timeline) Shift() (shift, now int64) {
	mono, wall := t.Clock.Read()
	now = mono + t.Epoch
	return now - wall, now
}
