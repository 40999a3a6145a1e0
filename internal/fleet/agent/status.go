package agent

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/outfile"
)

// Status is what an agent does, for its owner.
type Status struct {
	Name      string            `json:"name"`
	Written   time.Time         `json:"written"`
	Connected bool              `json:"connected"`
	Heard     time.Time         `json:"heard,omitzero"` // the last answer of the hub
	Trouble   string            `json:"trouble,omitempty"`
	Stored    int               `json:"stored"` // segments that the hub does not have yet
	OffsetNS  int64             `json:"offset_ns"`
	ErrorNS   int64             `json:"error_ns"`
	Refused   map[string]string `json:"refused,omitempty"` // reasons, by job
	Running   *RunningStatus    `json:"running,omitempty"`
	Done      []DoneStatus      `json:"done,omitempty"` // by job, in the order of their first slices
}

// DoneStatus counts the finished slices of an agent for one job, since the agent began.
type DoneStatus struct {
	Job       string    `json:"job"`
	ID        string    `json:"id"`
	Submitter string    `json:"submitter"`
	Method    string    `json:"method"`
	Slices    int       `json:"slices"`
	Sent      uint64    `json:"sent"`
	Last      time.Time `json:"last"`
}

// mostDone bounds the jobs that a status lists.
const mostDone = 50

// noteDone counts a finished slice.
func (a *Agent) noteDone(j *job.Job, sent uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.did, func(d DoneStatus) bool { return d.ID == j.ID })
	if i < 0 {
		if len(a.did) == mostDone {
			a.did = slices.Delete(a.did, 0, 1)
		}
		i = len(a.did)
		a.did = append(a.did, DoneStatus{Job: j.Spec.Name, ID: j.ID, Submitter: j.Submitter, Method: j.Spec.Options.Method})
	}
	d := &a.did[i]
	d.Slices++
	d.Sent += sent
	d.Last = time.Now()
}

// RunningStatus is the slice that is being traced.
type RunningStatus struct {
	Job       string    `json:"job"`
	ID        string    `json:"id"`
	Submitter string    `json:"submitter"`
	Method    string    `json:"method"`
	Slice     uint32    `json:"slice"`
	Since     time.Time `json:"since"`
	Sent      uint64    `json:"sent"`
	Answered  uint64    `json:"answered"`
	Share     float64   `json:"share"`
	RatePPS   float64   `json:"rate_pps"`
}

const statusFile = "status.json"

// reports writes the status, once a second or as Timing has it, until ctx ends.
func (a *Agent) reports(ctx context.Context) {
	for pause(ctx, a.cfg.Timing.Status) {
		text, err := json.Marshal(a.status())
		if err == nil {
			err = outfile.Replace(a.path(statusFile), 0o600, text)
		}
		if err != nil {
			a.report("write the status: " + err.Error())
		}
	}
}

// status returns what the agent does.
func (a *Agent) status() *Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	clock, _ := a.clock.best(a.cfg.Now())
	s := &Status{
		Name: a.cfg.Creds.Name, Written: time.Now(), Connected: a.online, Heard: a.heard, Trouble: talk.Troubles(a.trouble, a.clockTrouble), Stored: len(a.stored),
		OffsetNS: clock.offset, ErrorNS: clock.err, Refused: maps.Clone(a.refused), Done: slices.Clone(a.did),
	}
	if r := a.running; r != nil {
		s.Running = &RunningStatus{
			Job: r.job.Spec.Name, ID: r.job.ID, Submitter: r.job.Submitter, Method: r.job.Spec.Options.Method,
			Slice: r.lease.Slice, Since: r.begun, Sent: r.sent, Answered: r.answered, Share: r.share, RatePPS: r.ratePPS,
		}
	}
	return s
}

// fresh is how old the status of a running agent is at most.
const fresh = 5 * time.Second

// ReadStatus reads the status of the agent of a folder. If the agent runs and cannot write its status,
// that is the trouble.
func ReadStatus(dir string) (*Status, error) {
	text, err := os.ReadFile(filepath.Join(dir, statusFile))
	if err != nil {
		return nil, err
	}
	s := new(Status)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, err
	}
	if time.Since(s.Written) > fresh && runs(dir) {
		s.Trouble = talk.Troubles(s.Trouble, "the agent runs, and has written no status since "+s.Written.Format(time.DateTime)+": is its disk full?")
		s.Written = time.Now()
	}
	return s, nil
}

// runs reports whether an agent has locked the folder.
func runs(dir string) bool {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}
