package engine

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// report writes how the run goes to the console, once a second.
func (s *scan) report(ctx context.Context) error {
	if s.cfg.Quiet {
		return nil
	}
	defer s.console.clear()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var before uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.cfg.Inspect:
			s.console.say("%s", s.holds())
			continue
		case <-ticker.C:
		}
		sent := s.sent()
		s.console.status(s.status(sent, sent-before))
		before = sent
	}
}

// status is one line of how the run goes: rate is of the last second.
func (s *scan) status(sent, rate uint64) string {
	elapsed := time.Duration(s.time.Now() - s.began)
	m := &s.matcher.Stats
	replies := m.Strong.Load() + m.Weak.Load()
	hit := 0.0
	if sent > 0 {
		hit = 100 * float64(replies) / float64(sent)
	}
	dropped, _, _ := s.live.Drops()                                    // wrong at worst for a second
	before := s.plan.targetsBefore(s.first) * s.plan.probesPerTarget() // decided by other processes
	probes := max(s.plan.probes()-before, 1)
	decided := s.decided()
	return fmt.Sprintf("%s %5.1f%% sent %d (%d/s) replies %d hit %.1f%% drops %d ETA %s",
		elapsed.Round(time.Second), 100*float64(before+decided)/float64(before+probes), sent, rate, replies, hit, dropped,
		s.eta(float64(decided)/float64(probes), elapsed))
}

// holds says what the process holds: in an endless run, none of it grows.
func (s *scan) holds() string {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	windows := 0
	for range s.set.All {
		windows++
	}
	return fmt.Sprintf("holds: goroutines %d heap %d windows %d", runtime.NumGoroutine(), m.HeapInuse, windows)
}

// eta is how long the rest takes if it goes on as so far: progress is the share of
// what this process has to do. Further attempts are not in it: how many there will
// be depends on what is answered.
func (s *scan) eta(progress float64, elapsed time.Duration) time.Duration {
	if progress == 0 {
		return s.plan.duration(s.cfg).Round(time.Second)
	}
	left := time.Duration((1 - progress) / progress * float64(elapsed))
	return (left + s.cfg.Wait).Round(time.Second)
}
