package agent

import (
	"cmp"
	"time"
)

// Timing has the pauses of an agent. A field that is 0 has its usual value.
type Timing struct {
	Beat     time.Duration // between life signs; a grant lasts several of them: 400 ms
	Idle     time.Duration // without work: 500 ms
	Wrong    time.Duration // after a failure: 3 s
	Status   time.Duration // between two writes of the status: 1 s
	Patience time.Duration // for an answer of the hub: that of package talk
}

// whole returns the timing with the usual values in place of 0.
func (t Timing) whole() Timing {
	t.Beat = cmp.Or(t.Beat, 400*time.Millisecond)
	t.Idle = cmp.Or(t.Idle, 500*time.Millisecond)
	t.Wrong = cmp.Or(t.Wrong, 3*time.Second)
	t.Status = cmp.Or(t.Status, time.Second)
	return t
}
