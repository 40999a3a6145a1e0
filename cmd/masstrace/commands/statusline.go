package commands

import (
	"fmt"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/progress"
)

// Times between status lines, unless the user gives one.
const (
	terminalEvery = time.Second
	logEvery      = time.Minute
)

// statusTimes are the times at which status lines are due. The first one is due at once.
type statusTimes struct {
	every time.Duration // 0: whenever there is progress
	next  time.Duration // since the begin of the run
}

// newStatusTimes returns the times of status lines. asked is 0 for the default.
func newStatusTimes(asked time.Duration, terminal bool) statusTimes {
	switch {
	case asked != 0:
		return statusTimes{every: asked}
	case terminal:
		return statusTimes{every: terminalEvery}
	}
	return statusTimes{every: logEvery}
}

// due reports whether a status line is due, some time after the begin of the run. Progress comes
// once a second, and may be a little late.
func (s *statusTimes) due(elapsed time.Duration) bool {
	elapsed = elapsed.Round(time.Second)
	if s.every > 0 && elapsed < s.next {
		return false
	}
	s.next = elapsed + s.every
	return true
}

// statusLine returns the progress of a run as one line, for a log.
func statusLine(p observe.Progress) string {
	hit := 0.0
	if p.Sent > 0 {
		hit = 100 * float64(p.Answered) / float64(p.Sent)
	}
	end := progress.EndWords(&p)
	if p.Lasts && !p.Waiting {
		end = fmt.Sprintf("changes %d", p.Changes)
	}
	return fmt.Sprintf("%s %5.1f%% sent %d (%.0f/s) replies %d hit %.1f%% drops %d %s",
		p.Elapsed.Round(time.Second), 100*p.Share, p.Sent, p.RatePPS, p.Answered, hit, p.Drops, end)
}
