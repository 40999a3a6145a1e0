package follow

import (
	"fmt"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/follow/engine"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/ratelimit"
	"github.com/masstrace/masstrace/sender"
)

// poll is between two looks for probes if there are none, or at a link that is down, in ns.
const poll = int64(10e6)

// mostBatch is how many probes leave at a time.
const mostBatch = 16

// send sends probes within the budget until the run ends.
func (f *follower) send(r *run.Run) error {
	sleeper := ratelimit.NewSleeper(f.time.Clock, 0)
	bucket := f.newBucket()
	for r.Sending().Err() == nil {
		now := f.time.Clock.Now()
		if !f.session.Up() {
			if f.session.Gone() {
				r.Stop(sender.ErrGone)
				r.Finish()
			}
			if sleeper.Until(r.Sending(), now+5*poll) != nil {
				return nil
			}
			continue
		}
		granted, next := bucket.Take(now, mostBatch)
		if granted == 0 {
			if sleeper.Until(r.Sending(), next) != nil {
				return nil
			}
			continue
		}
		n, pause, err := f.batch(r, granted)
		if err != nil {
			return err
		}
		bucket.Return(granted - n)
		if n < granted {
			pause = max(pause, poll)
		}
		if pause > 0 && sleeper.Until(r.Sending(), f.time.Clock.Now()+pause) != nil {
			return nil
		}
	}
	return nil
}

// batch sends up to some probes, and returns how many left, and how long to wait before the next.
func (f *follower) batch(r *run.Run, most int) (n int, pause int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n < most {
		a, ok := f.next()
		if !ok {
			return n, 0, nil
		}
		left, pause, err := f.write(r, a)
		if err != nil {
			return n, 0, err
		}
		if !left {
			return n, pause, nil
		}
		n++
	}
	return n, 0, nil
}

// next returns the next probe: one that was held back, or one of the engine.
func (f *follower) next() (a engine.Ask, ok bool) {
	if len(f.held) > 0 && f.mayLeave(f.held[0]) {
		a = f.held[0]
		f.held = f.held[1:]
		return a, true
	}
	for range mostBatch {
		if a, ok = f.engine.Next(f.time.Now()); !ok || f.mayLeave(a) {
			return a, ok
		}
		f.held = append(f.held, a)
	}
	return a, false
}

// mayLeave reports whether a probe can have an identity of its own now.
func (f *follower) mayLeave(a engine.Ask) bool {
	p := placeOf(a)
	return !f.air.has(p) && f.keys.has(p, f.time.Now(), f.cfg.Plan.Wait)
}

func placeOf(a engine.Ask) place { return place{a.Target, a.Flow, a.TTL} }

// write sends a probe. It must be known before its answer arrives, so the lock is held.
func (f *follower) write(r *run.Run, a engine.Ask) (left bool, pause int64, err error) {
	now := f.time.Now()
	key, attempt, number, err := f.keys.take(placeOf(a), now, f.cfg.Plan.Wait)
	if err != nil {
		return false, 0, err
	}
	target := f.engine.Targets()[a.Target]
	var prepared codec.Prepared
	key.Prepare(&prepared, target, a.Flow)
	port := f.session.Ports[0]
	sizes := []int{key.Encode(port.Packet(0, target.Is4()), &prepared, a.TTL, attempt)}
	sent, cause := port.Send(sizes, 0, 1)
	if sent == 1 {
		f.patience.Accepted()
		f.sent++
		f.air.add(placeOf(a), flight{ask: a, sent: now, number: number})
		return true, 0, nil
	}
	f.engine.Unsent(a, now)
	pause, err = f.patience.Refused(target, cause, r.Sending().Err() != nil)
	if err != nil {
		return false, 0, err
	}
	if pause == 0 && f.patience.First(sender.Stamp(cause)) {
		f.cfg.Observer.Event(observe.Refused{Target: target, Cause: cause})
	}
	return false, pause, nil
}

// followed has the counts of the measurement.
func (f *follower) followed(cause error) *record.Followed {
	n := &f.engine.Counts
	reason := run.ReasonOf(cause)
	if reason == "" {
		reason = record.ReasonDone
	}
	return &record.Followed{
		Targets: uint64(len(f.engine.Targets())), Traced: n.Traced,
		Probes: record.FollowedProbes{
			First: n.First, Routine: n.Routine, Inquiry: n.Inquiry,
			Unsent: n.Unsent, Answered: n.Answered, Silent: n.Unanswered, Waiting: n.Waiting(), Forgotten: n.Forgotten,
		},
		Changes:  record.FollowedChanges{All: n.Changes, Route: n.Routes, Balancer: n.Balancers, Unclear: n.Unclear, Paths: n.Affected},
		Doubts:   record.FollowedDoubts{All: n.Doubts, Alternated: n.Alternated, Faded: n.Faded, Outlived: n.Outlived, Open: f.engine.Open(), Weak: n.Weak},
		Silence:  record.FollowedSilence{Limited: n.Limited, Lost: n.Lost, Ours: n.Ours},
		OnChange: f.hook.counts(), ElapsedS: float64(f.time.Now()-f.began) / 1e9, Reason: reason,
	}
}

// summary is what was done, for people. No line is wider than 80 columns, unless a count has more
// than seven digits.
func (f *follower) summary() string {
	n := &f.engine.Counts
	text := fmt.Sprintf("targets followed: %d; probes: %d; answers: %d\n"+
		"changes: %d (routes %d, load balancers %d, unclear %d); paths changed: %d\n"+
		"doubts without a change: %d (other branch %d, silence %d, short-lived %d)",
		len(f.engine.Targets()), f.sent, f.answered, n.Changes, n.Routes, n.Balancers, n.Unclear, n.Affected,
		n.Alternated+n.Faded+n.Outlived, n.Alternated, n.Faded, n.Outlived)
	if open := f.engine.Open(); open+n.Weak > 0 {
		text += fmt.Sprintf("\nnot decided: %d doubts at the end, %d answers with one tag", open, n.Weak)
	}
	return text
}
