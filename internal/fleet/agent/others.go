package agent

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/masstrace/masstrace/internal/fleet/known"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/window"
)

// audits compare the paths of other agents with our own, in one job.
type audits struct {
	job     string
	byAgent map[string]known.Audit
}

// of returns the audit of an agent in a job.
func (a *audits) of(job, agent string) known.Audit {
	if a.job != job {
		return known.Audit{}
	}
	return a.byAgent[agent]
}

// add adds the audit of a slice, and returns the sum.
func (a *audits) add(job, agent string, slice known.Audit) known.Audit {
	if a.job != job {
		*a = audits{job, map[string]known.Audit{}}
	}
	sum := a.byAgent[agent]
	sum.Sum(slice)
	a.byAgent[agent] = sum
	return sum
}

// others gets the paths of another agent to the targets of a slice. Without them the slice costs more
// probes, so a failure is no error.
func (a *Agent) others(ctx context.Context, w *talk.Work) *window.Others {
	if w.Pathfinder == "" {
		return nil
	}
	a.mu.Lock()
	audit := a.audits.of(w.Job.ID, w.Pathfinder)
	a.mu.Unlock()
	if audit.Contradicts() {
		return nil
	}
	text, err := a.conn.Fetch(ctx, talk.Get{Job: w.Job.ID, Known: true, Slice: w.Lease.Slice})
	if err != nil {
		return nil
	}
	o, err := known.Decode(text, auditSalt(w.Key))
	if err != nil {
		a.report(fmt.Sprintf("slice %d of job %s: %v", w.Lease.Slice, w.Job.Spec.Name, err))
	}
	return o
}

// auditSalt chooses the targets of audits. No other agent can compute it: it depends on our key.
func auditSalt(key string) uint64 {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("masstrace targets of audits"))
	return binary.LittleEndian.Uint64(mac.Sum(nil))
}

// audit notes how the paths of another agent compare with our own. If they contradict them, the agent is
// not believed any more in this job.
func (a *Agent) audit(w *talk.Work, slice known.Audit) {
	if w.Pathfinder == "" {
		return
	}
	a.mu.Lock()
	before := a.audits.of(w.Job.ID, w.Pathfinder)
	sum := a.audits.add(w.Job.ID, w.Pathfinder, slice)
	a.mu.Unlock()
	if sum.Contradicts() && !before.Contradicts() {
		a.report(fmt.Sprintf("job %s: paths of agent %s lack %d of %d routers that we met: they spare no probes any more",
			w.Job.Spec.Name, w.Pathfinder, sum.Missing, sum.Routers))
	}
}
