package commands

import (
	"fmt"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
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

// statusField is a part of the status line. The ones with the highest rank are left out first.
type statusField struct {
	rank int
	text string
}

// statusLine returns the progress of a scan as one line of at most width characters; 0 is any
// number. Whole fields are left out.
func statusLine(p observe.Progress, width int) string {
	hit := 0.0
	if p.Sent > 0 {
		hit = 100 * float64(p.Answered) / float64(p.Sent)
	}
	end := fmt.Sprintf("ETA %s", p.Left.Round(time.Second))
	if p.Waiting {
		end = fmt.Sprintf("waiting %s for replies", p.Left.Round(time.Second))
	}
	fields := []statusField{
		{0, p.Elapsed.Round(time.Second).String()},
		{0, fmt.Sprintf("%5.1f%%", 100*p.Share)},
		{2, fmt.Sprintf("sent %d", p.Sent)},
		{4, fmt.Sprintf("(%.0f/s)", p.RatePPS)},
		{3, fmt.Sprintf("replies %d", p.Answered)},
		{6, fmt.Sprintf("hit %.1f%%", hit)},
		{5, fmt.Sprintf("drops %d", p.Drops)},
		{1, end},
	}
	for most := 6; ; most-- {
		line := joined(fields, most)
		if width <= 0 || len(line) <= width {
			return line
		}
		if most == 0 {
			return line[:width]
		}
	}
}

// joined returns the fields up to a rank as one line.
func joined(fields []statusField, most int) string {
	var texts []string
	for _, f := range fields {
		if f.rank <= most {
			texts = append(texts, f.text)
		}
	}
	return strings.Join(texts, " ")
}
