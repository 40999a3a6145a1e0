// Package agent is the vantage point of a fleet: it asks a hub for slices, lets a Prober trace
// them, and keeps their records on its disk until the hub has them. It dials out only, and never
// ends by itself: what fails is tried again.
//
//	running/   the slice that is being traced
//	segments/  NAME.ndjson.zst and NAME.json: finished slices that the hub does not have yet
//	lists/     lists of targets and exclusions, by their digests
//	status.json  what runs here, for the owner
package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/known"
	"github.com/masstrace/masstrace/internal/fleet/lease"
	"github.com/masstrace/masstrace/internal/fleet/policy"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/window"
)

// Config describes an agent.
type Config struct {
	Creds  *creds.File
	URL    string // of the hub, "" for that of Creds
	Dir    string // for segments; made if missing
	Policy *policy.Policy
	Prober Prober
	// Software is the name and version of the program, and Hostname that of the machine.
	Software, Hostname string
	// Event, unless it is nil, receives what a person should see. Any goroutine calls it.
	Event func(text string)
	// Now is the clock, nil for time.Now.
	Now func() time.Time
	// Timing has the pauses of the agent. Tests have shorter ones.
	Timing Timing
}

// Prober traces the targets of a slice.
type Prober interface {
	// Probe traces a slice, and writes its records to Task.Output. When ctx ends it stops early,
	// with an error.
	Probe(ctx context.Context, t *Task) (Result, error)
}

// Limits are the parts of a slice of the limits that all agents of its job share. Any goroutine may
// use them. It is scan.Limits.
type Limits interface {
	FirstHops() []netip.Addr
	AllowPrefixes(ratePPS float64, classes uint64, life time.Duration)
	AllowRouter(router netip.Addr, ratePPS float64, life time.Duration)
}

// Task is a slice to trace.
type Task struct {
	Job    *job.Job
	Config plan.Config // with the lists, the shard and the key
	Output string
	// Vantage describes this agent in the records.
	Vantage record.Vantage
	// Pace, Since, More and Excluded are as those of scan.Director.
	Pace     <-chan float64
	Since    target.Set
	More     <-chan target.Set
	Excluded func()
	// Others, unless it is nil, has paths of another agent to the targets.
	Others *window.Others
	// Limits takes the limits of the scan, before its first probe. Until they are given, no probe leaves
	// that they concern.
	Limits func(Limits)
	// Progress takes how far the slice is; any goroutine may call it.
	Progress func(sent, answered uint64, share float64)
}

// Result has counts of a finished slice. Audit compares Task.Others with the traces.
type Result struct {
	Targets, Sent, Answered uint64
	Audit                   known.Audit
}

// Agent is a running agent.
type Agent struct {
	cfg  Config
	conn *talk.Conn
	kick chan struct{} // asks for a beat now
	sent chan struct{} // asks for an upload now
	work chan struct{} // asks for a slice now
	last chan struct{} // asks for the last messages to all

	mu      sync.Mutex // guards what follows
	running *running   // nil between slices
	clock   clockOffset
	// clockTrouble is a sentence about a clock that is far from that of the hub, or "".
	clockTrouble string
	exclude      exclusions
	trouble      string // of the connection, or of the disk
	online       bool
	refused      map[string]string    // reasons, by job
	stored       map[string]talk.Held // finished slices that the hub does not have yet, by file name
	audits       audits
	did          []DoneStatus
	heard        time.Time // the last answer to a life sign

	instance string // of this process; does not change
	lastSent int64
	told     map[string]uint64 // serial of the last message to all, by subject
}

// running is the slice that is being traced.
type running struct {
	job    *job.Job
	lease  lease.Lease
	token  string
	cancel context.CancelCauseFunc
	pace   chan float64
	limits Limits // nil until the scan begins
	more   chan target.Set
	begun  time.Time

	sent, answered uint64
	share          float64
	ratePPS        float64
	until          time.Time // end of the grant
}

// sentNS returns a time for a request, later than that of any before, also if the clock was set
// back. The caller holds the mutex.
func (a *Agent) sentNS() int64 {
	a.lastSent = max(a.cfg.Now().UnixNano(), a.lastSent+1)
	return a.lastSent
}

// holds returns the leases of this agent: those of finished slices that the hub does not have yet,
// and that of the slice that is being traced. The caller holds the mutex.
func (a *Agent) holds() []talk.Held {
	list := slices.Collect(maps.Values(a.stored))
	if a.running != nil {
		list = append(list, a.running.held())
	}
	return list
}

// held returns the lease of the slice with its progress.
func (r *running) held() talk.Held {
	return talk.Held{Job: r.job.ID, Lease: r.lease, Token: r.token, Sent: r.sent, Answered: r.answered, Share: r.share}
}

// Run serves the hub until ctx ends. It returns an error only if it cannot begin.
func Run(ctx context.Context, c Config) error {
	if c.Event == nil {
		c.Event = func(string) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Timing = c.Timing.whole()
	if c.Policy == nil {
		c.Policy = &policy.Policy{}
	}
	if c.Creds.Role != creds.Agent {
		return fmt.Errorf("the credentials are those of a %s, not of an agent", c.Creds.Role)
	}
	for _, dir := range []string{"running", "segments", "lists"} {
		if err := os.MkdirAll(filepath.Join(c.Dir, dir), 0o700); err != nil {
			return err
		}
	}
	lock, err := lockDir(c.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	a := &Agent{
		cfg: c, instance: plan.RandomHex(8), kick: make(chan struct{}, 1), sent: make(chan struct{}, 1), work: make(chan struct{}, 1), last: make(chan struct{}, 1),
		refused: map[string]string{}, stored: map[string]talk.Held{}, told: map[string]uint64{},
	}
	if err := a.clean(); err != nil {
		return err
	}
	a.conn, err = talk.Dial(c.Creds, c.URL, talk.Forever, talk.Events{Up: a.up, Down: a.down})
	if err != nil {
		return err
	}
	defer a.conn.Close()
	if c.Timing.Patience > 0 {
		a.conn.SetPatience(c.Timing.Patience)
	}
	if err := a.conn.Hear(a.hear); err != nil {
		return err
	}
	var all sync.WaitGroup
	all.Go(func() { a.beats(ctx) })
	all.Go(func() { a.uploads(ctx) })
	all.Go(func() { a.reports(ctx) })
	all.Go(func() { a.hearLast(ctx) })
	a.works(ctx)
	all.Wait()
	return nil
}

// lockFile is locked while an agent runs.
const lockFile = "lock"

// lockDir takes the folder of an agent, so that no other agent writes there.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: another agent uses this folder", dir)
	}
	return f, nil
}

// up notes that the hub is reached.
func (a *Agent) up() {
	a.mu.Lock()
	a.online, a.trouble = true, ""
	a.mu.Unlock()
	a.cfg.Event("connected to the hub")
	nudge(a.kick)
	nudge(a.sent)
	nudge(a.last)
}

// down notes that the hub is not reached.
func (a *Agent) down(err error) {
	text := "no connection to the hub: " + err.Error()
	a.mu.Lock()
	news := a.trouble != text
	a.online, a.trouble = false, text
	a.mu.Unlock()
	if news {
		a.cfg.Event(text)
	}
}

// report notes trouble that is not of the connection, once.
func (a *Agent) report(text string) {
	a.mu.Lock()
	news := a.trouble != text
	a.trouble = text
	a.mu.Unlock()
	if news && text != "" {
		a.cfg.Event(text)
	}
}

// nudge wakes the reader of a channel that has room for one.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pause waits, or returns false when ctx ends.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Errors that end a slice.
var (
	errLost     = errors.New("the hub gave the slice to another agent")
	errCanceled = errors.New("the job was cancelled")
)
