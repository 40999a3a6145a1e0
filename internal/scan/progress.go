package scan

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/observe"
)

// progress reports to the observer once a second until ctx ends. On request it reports the
// memory of the process.
func (s *scan) progress(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var before uint64
	var since time.Duration // when the sending was found to be over; 0 until then
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.cfg.Inspect:
			s.observe.Event(s.held())
			continue
		case <-ticker.C:
		}
		p := s.snapshot()
		if p.Waiting = p.Share >= 1 || s.supervisor.Sending().Err() != nil; p.Waiting {
			since = cmp.Or(since, p.Elapsed)
			p.Left = max(since+s.cfg.Wait-p.Elapsed, 0)
		}
		p.RatePPS, p.AskedPPS = float64(p.Sent-before), s.asked()
		before = p.Sent
		s.observe.Progress(p)
	}
}

// snapshot returns how the run goes, but for the rate.
func (s *scan) snapshot() observe.Progress {
	p := observe.Progress{Elapsed: time.Duration(s.time.Now() - s.began)}
	var decided uint64
	for i, one := range s.senders {
		p.Sent += one.Stats.Sent.Load()
		decided += s.schedules[i].Decided()
	}
	p.Inbound = account.Load(&s.receiver.Heard).Inbound
	p.Answered = p.Inbound.Strong + p.Inbound.Weak
	// The drops are wrong at worst for a second.
	p.Drops, _, _ = s.session.Live.Drops()
	// Other processes decide the probes before those of s.first.
	before := s.plan.TargetsBefore(s.first) * s.plan.ProbesPerTarget()
	probes := max(s.plan.Probes()-before, 1)
	p.Share = float64(before+decided) / float64(before+probes)
	p.Left = s.left(float64(decided)/float64(probes), p.Elapsed)
	return p
}

// left returns the time for the rest of the run at the pace so far. share is the finished
// part of the work of this process. Further attempts are not included: their number depends
// on the answers.
func (s *scan) left(share float64, elapsed time.Duration) time.Duration {
	if share == 0 {
		return s.plan.Duration()
	}
	return time.Duration((1-share)/share*float64(elapsed)) + s.cfg.Wait
}

// held returns the memory of the process.
func (s *scan) held() observe.Held {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h := observe.Held{Goroutines: runtime.NumGoroutine(), HeapBytes: m.HeapInuse}
	for range s.set.All {
		h.Windows++
	}
	return h
}

// setRate sets the rate of all senders.
func (s *scan) setRate(pps float64) {
	s.askedPPS.Store(math.Float64bits(pps))
	s.bucket.SetRate(s.time.Clock.Now(), pps)
}

// asked returns the rate that the senders try to send at.
func (s *scan) asked() float64 { return math.Float64frombits(s.askedPPS.Load()) }
