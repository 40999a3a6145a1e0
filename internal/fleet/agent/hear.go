package agent

import (
	"context"
	"slices"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// hear takes a message to all agents. A message that the broker has repeated has no effect.
func (a *Agent) hear(subject string, data []byte) {
	switch subject {
	case talk.ExcludeAll:
		var m talk.Exclusion
		body, err := talk.Decode(data, &m)
		if err != nil || !a.isNew(subject, m.Serial) {
			return // the next beat has the digest
		}
		if job.Digest(body) != m.Exclude {
			nudge(a.kick) // the list is too long for one message
			return
		}
		a.setExclude(m.Exclude, body)
	case talk.JobsAll:
		var m talk.OpenJobs
		if _, err := talk.Decode(data, &m); err != nil || !a.isNew(subject, m.Serial) {
			return
		}
		a.mu.Lock()
		over := a.running != nil && !slices.Contains(m.Open, a.running.job.ID)
		a.mu.Unlock()
		if over {
			nudge(a.kick) // the answer to a beat is what decides
		}
		if len(m.Open) > 0 {
			nudge(a.work)
		}
	}
}

// isNew reports whether a message to all is newer than all of its subject before.
func (a *Agent) isNew(subject string, serial uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if serial <= a.told[subject] {
		return false
	}
	a.told[subject] = serial
	return true
}

// hearLast hears, after each connection, the messages to all that this agent has missed, until ctx
// ends.
func (a *Agent) hearLast(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.last:
		}
		for _, subject := range []string{talk.ExcludeAll, talk.JobsAll} {
			if data, ok := a.conn.Last(ctx, subject); ok {
				a.hear(subject, data)
			}
		}
	}
}
