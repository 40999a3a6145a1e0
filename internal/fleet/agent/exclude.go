package agent

import (
	"bytes"
	"context"

	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/target"
)

// exclusions are those of the hub, as this agent has them.
type exclusions struct {
	digest string
	set    target.Set
}

// fetchExclude gets an exclusion list of the hub.
func (a *Agent) fetchExclude(ctx context.Context, digest string) {
	text, err := a.fetchList(ctx, digest)
	if err != nil {
		a.report("get the exclusions of the hub: " + err.Error())
		return
	}
	a.setExclude(digest, text)
}

// setExclude takes an exclusion list. The hub hears of it when no probe leaves any more that the
// list excludes.
func (a *Agent) setExclude(digest string, text []byte) {
	lines := new(target.Lines)
	if err := lines.Read("exclusions of the hub", bytes.NewReader(text)); err != nil {
		a.report(err.Error())
		return
	}
	set := lines.Set()
	a.mu.Lock()
	if a.exclude.digest == digest {
		a.mu.Unlock()
		return
	}
	a.exclude = exclusions{digest, set}
	r := a.running
	a.mu.Unlock()
	if r == nil {
		a.applied(digest)
		return
	}
	select {
	case <-r.more: // the new list replaces one that was not taken
	default:
	}
	select {
	case r.more <- set:
	default:
	}
}

// applied reports that a list is honoured.
func (a *Agent) applied(digest string) {
	go func() {
		// An answer that is lost costs the hub a figure alone.
		_, _ = a.conn.Ask(context.Background(), talk.VerbApplied, &talk.Applied{Exclude: digest}, nil, &struct{}{})
	}()
}
