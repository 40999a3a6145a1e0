package engine

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// report writes how the run goes to stderr once a second: one line that is
// written over on a terminal, plain lines elsewhere.
func (s *scan) report(ctx context.Context) error {
	if s.cfg.Quiet {
		return nil
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var before uint64
	width := 0
	for {
		select {
		case <-ctx.Done():
			if width > 0 {
				fmt.Fprintf(s.cfg.Stderr, "\r%s\r", strings.Repeat(" ", width))
			}
			return nil
		case <-ticker.C:
		}
		sent := s.sender.Stats.Sent.Load()
		line := s.status(sent, sent-before)
		before = sent
		if !s.cfg.Terminal {
			fmt.Fprintln(s.cfg.Stderr, line)
			continue
		}
		pad := max(width-len(line), 0)
		width = len(line)
		fmt.Fprintf(s.cfg.Stderr, "\r%s%s", line, strings.Repeat(" ", pad))
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
	dropped, _, _ := s.live.Drops() // wrong at worst for a second
	progress := min(float64(sent+s.sender.Stats.Errors.Load())/float64(max(s.plan.probes(), 1)), 1)
	return fmt.Sprintf("%s %5.1f%% sent %d (%d/s) replies %d hit %.1f%% drops %d ETA %s",
		elapsed.Round(time.Second), 100*progress, sent, rate, replies, hit, dropped, s.eta(sent, elapsed))
}

// eta is how long the rest takes if all of it is sent at the rate so far.
func (s *scan) eta(sent uint64, elapsed time.Duration) time.Duration {
	if sent == 0 {
		return s.plan.duration(s.cfg).Round(time.Second)
	}
	left := float64(s.plan.probes()) - float64(sent)
	eta := time.Duration(max(left, 0) / float64(sent) * float64(elapsed))
	return (eta + s.cfg.Wait).Round(time.Second)
}
