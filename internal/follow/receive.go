package follow

import (
	"time"

	"github.com/masstrace/masstrace/internal/follow/engine"
	"github.com/masstrace/masstrace/internal/probe"
)

// flight is a probe that waits for its answer.
type flight struct {
	ask    engine.Ask
	sent   int64
	number uint8 // of attempt and key
}

// flights are the probes that wait: as many as the budget sends within the wait.
type flights struct {
	by    map[place]flight
	queue []sentAt // in the order in which they were sent
	head  int
}

type sentAt struct {
	place
	sent int64
}

func (f *flights) init() { f.by = map[place]flight{} }

func (f *flights) has(p place) bool {
	_, ok := f.by[p]
	return ok
}

func (f *flights) add(p place, one flight) {
	f.by[p] = one
	f.queue = append(f.queue, sentAt{p, one.sent})
}

// expire removes the next probe that was sent before a time; ok is false if there is none.
func (f *flights) expire(before int64) (one flight, ok bool) {
	for f.head < len(f.queue) && f.queue[f.head].sent < before {
		at := f.queue[f.head]
		f.head++
		if one, ok = f.by[at.place]; ok && one.sent == at.sent {
			delete(f.by, at.place)
			return one, true
		}
	}
	if f.head > len(f.queue)/2 {
		f.queue = f.queue[:copy(f.queue, f.queue[f.head:])]
		f.head = 0
	}
	return one, false
}

// Replies implements receiver.Sink.
func (f *follower) Replies(batch []probe.Reply, upTo int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range batch {
		f.reply(&batch[i])
	}
	for {
		one, ok := f.air.expire(upTo - int64(f.cfg.Plan.Wait))
		if !ok {
			return
		}
		f.engine.Silent(one.ask, one.sent, f.dropped >= one.sent, upTo)
	}
}

// reply matches an answer with its probe. Copies and late answers match none.
func (f *follower) reply(r *probe.Reply) {
	target, known := f.index[r.Target]
	if !known || r.Valid == probe.Garbled || !r.HasHop() {
		return
	}
	p := place{target, r.Flow, r.TTL}
	one, waits := f.air.by[p]
	if !waits || one.number != r.Attempt {
		return
	}
	delete(f.air.by, p)
	f.answered++
	f.engine.Answered(one.ask, engine.Answer{
		From: r.Responder, End: r.Kind.EndsPath(), Reached: reaches(r), Weak: r.OneTag(), Sent: one.sent, RTT: time.Duration(max(r.Stamp-one.sent, 0)),
	}, r.Stamp)
}

// reaches reports whether the target itself answered.
func reaches(r *probe.Reply) bool { return r.Kind.EndsPath() && r.Responder == r.Target }
