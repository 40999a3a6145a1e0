package hub

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/budget"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/lease"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
)

// kept is a job as its file has it.
type kept struct {
	Job    job.Job `json:"job"`
	Slices int     `json:"slices"` // of each list of work
	Key    string  `json:"key"`
}

// work is a job that the hub runs. The mutex of the hub guards all but the ledger and proofs.
type work struct {
	kept
	parts  sync.Mutex // guards the files of parts of segments
	ledger *ledger.Ledger
	proofs lease.Key // of leases

	tables   map[string]*lease.Table // by owner of units: see job.Spec.Owner
	budget   *budget.Budget
	limits   limits
	done     int
	targets  uint64
	sent     uint64
	answered uint64
	byAgent  map[string]int
	opened   time.Time
	active   map[string]time.Time // when an agent was last at work here
	sharing  []sharing            // by slice, nil if agents spare each other no probes
	refusals map[string]string
	failures map[string]string
	trouble  string
}

// newWork returns the work of a job, with an empty or an existing ledger.
func (h *Hub) newWork(k kept) (*work, error) {
	w := &work{
		kept: k, tables: map[string]*lease.Table{},
		byAgent: map[string]int{}, active: map[string]time.Time{}, opened: time.Now(), refusals: map[string]string{}, failures: map[string]string{},
		// Grants of an earlier hub may be in force.
		budget: budget.New(k.Job.Spec.Options.RatePPS, time.Now().Add(budget.Life)),
		limits: newLimits(&k.Job.Spec.Options, time.Now().Add(budget.Life)),
	}
	owners := k.Job.Members
	if k.Job.Spec.Mode == job.Split {
		owners = []string{""}
	}
	for _, owner := range owners {
		w.tables[owner] = lease.New(k.Slices, h.term)
	}
	key, err := plan.KeyOf(k.Key)
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", k.Job.ID, err)
	}
	w.proofs = lease.NewKey(key, k.Job.ID)
	if h.cfg.Results != nil {
		w.ledger, err = h.cfg.Results.Open(h.ctx, k.Job.ID)
	} else {
		w.ledger, err = ledger.Open(h.cfg.Disk, h.path("jobs", k.Job.ID))
	}
	if err != nil {
		return nil, err
	}
	for e := range w.ledger.All {
		w.count(&e)
	}
	return w, h.loadKnown(w)
}

// count adds an entry of the ledger.
func (w *work) count(e *ledger.Entry) {
	w.trouble = ""
	if t := w.tables[e.Agent]; t != nil {
		t.SetDone(e.Slice)
	}
	w.done++
	w.targets += e.Targets
	w.sent += e.Sent
	w.answered += e.Answered
	w.byAgent[e.By]++
}

// total returns the number of slices of all agents.
func (w *work) total() int { return w.Slices * len(w.tables) }

// over reports whether there is nothing left to do.
func (w *work) over() bool { return w.Job.Canceled || w.done >= w.total() }

// holders returns how many agents have leases of the job.
func (w *work) holders() (n int) {
	for _, t := range w.tables {
		n += t.Holders()
	}
	return n
}

// holds returns how many leases of the job an agent has.
func (w *work) holds(agent string) int {
	if t := w.tables[w.Job.Spec.Owner(agent)]; t != nil {
		return t.Held(agent)
	}
	return 0
}

// loadJobs opens the jobs of the folder.
func (h *Hub) loadJobs() error {
	dirs, err := os.ReadDir(h.path("jobs"))
	if err != nil {
		return err
	}
	for _, d := range dirs {
		path := h.path("jobs", d.Name(), "job.json")
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the hub ended while it made the folder
		}
		if err != nil {
			return err
		}
		var k kept
		if err := json.Unmarshal(text, &k); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := makeJobDirs(filepath.Dir(path)); err != nil {
			return err
		}
		w, err := h.newWork(k)
		if err != nil {
			return err
		}
		h.jobs = append(h.jobs, w)
	}
	slices.SortFunc(h.jobs, func(a, b *work) int {
		return cmp.Or(a.Job.Taken.Compare(b.Job.Taken), cmp.Compare(a.Job.ID, b.Job.ID))
	})
	return nil
}

// makeJobDirs makes the folders of a job. Parts of segments that an earlier hub left are removed:
// agents send them again.
func makeJobDirs(dir string) error {
	return errors.Join(
		os.RemoveAll(filepath.Join(dir, "incoming")), os.MkdirAll(filepath.Join(dir, "incoming"), 0o700),
		os.MkdirAll(filepath.Join(dir, "segments"), 0o700),
	)
}

// save writes the file of a job.
func (h *Hub) save(k *kept) error {
	text, err := json.MarshalIndent(k, "", "\t")
	if err != nil {
		return err
	}
	return outfile.Replace(h.path("jobs", k.Job.ID, "job.json"), 0o600, append(text, '\n'))
}

// find returns the job of a number or a name; of several of one name, the last.
func (h *Hub) find(name string) (*work, error) {
	for _, w := range slices.Backward(h.jobs) {
		if w.Job.ID == name || w.Job.Spec.Name == name {
			return w, nil
		}
	}
	return nil, fmt.Errorf("no job %q", name)
}

// numbered returns the job of a number, as agents name it: names may come again. The caller holds the
// mutex.
func (h *Hub) numbered(id string) (*work, error) {
	for _, w := range slices.Backward(h.jobs) {
		if w.Job.ID == id {
			return w, nil
		}
	}
	return nil, fmt.Errorf("no job %q", id)
}

// findOf returns the job that a submitter names: one of its own, if there is one. The caller holds
// the mutex.
func (h *Hub) findOf(submitter, name string) (*work, error) {
	for _, w := range slices.Backward(h.jobs) {
		if w.Job.Submitter == submitter && (w.Job.ID == name || w.Job.Spec.Name == name) {
			return w, nil
		}
	}
	return h.find(name)
}

// ask gives an agent work, if there is any.
func (h *Hub) ask(name string, q *talk.Ask) (*talk.Work, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.agents[name]
	if a == nil {
		return nil, errStrange
	}
	if err := a.check(q.Instance); err != nil {
		return nil, err
	}
	if q.SentNS <= a.lastAsk {
		return nil, errors.New("this request is old")
	}
	now := time.Now()
	a.lastAsk, a.state.Seen = q.SentNS, now
	for _, w := range h.jobs {
		w.keepOnly(now, name, q.Holds)
	}
	for _, w := range h.jobs {
		t := w.tables[w.Job.Spec.Owner(name)]
		if w.over() || t == nil || !job.Matches(w.Job.Spec.Agents, name) || w.refusals[name] != "" {
			continue
		}
		key, err := job.AgentKey(w.Key, name)
		if err != nil {
			return nil, err
		}
		later := func(slice uint32) bool { return h.later(w, name, slice, now) }
		if l, ok := t.Grant(now, name, later); ok {
			w.active[name] = now
			reply := &talk.Work{Job: w.forAgent(name), Slices: w.Slices, Lease: l, Token: w.proofs.Token(name, l), Key: key, Location: a.state.Location, AS: a.state.AS, Exclude: h.exclude.digest}
			if w.sharing != nil && w.sharing[l.Slice] == shared && w.pathfinder(l.Slice) != name {
				reply.Pathfinder = w.pathfinder(l.Slice)
			}
			return reply, nil
		}
	}
	return &talk.Work{Exclude: h.exclude.digest}, nil
}

// keepOnly ends the leases of an agent that it does not hold, and renews those that it holds. An agent that
// asks before its first life sign thus gets no slice again that it finished for an earlier hub.
func (w *work) keepOnly(now time.Time, agent string, holds []talk.Held) {
	t := w.tables[w.Job.Spec.Owner(agent)]
	if t == nil {
		return
	}
	var mine []lease.Lease
	for _, held := range holds {
		if held.Job == w.Job.ID {
			mine = append(mine, held.Lease)
			if !w.Job.Canceled && w.proofs.Proves(held.Token, agent, held.Lease) {
				t.Renew(now, agent, held.Lease)
			}
		}
	}
	t.KeepOnly(agent, mine)
}

// public returns the job without its key.
func (w *work) public() *job.Job {
	j := w.Job
	j.Spec.Key = ""
	return &j
}

// forAgent returns the job as an agent sees it: without the lists of the others.
func (w *work) forAgent(name string) *job.Job {
	j := w.public()
	if list := j.Spec.Assigned[name]; list != "" {
		j.Spec.Assigned = map[string]string{name: list}
	} else {
		j.Spec.Assigned = nil
	}
	return j
}

// release takes a slice back that an agent could not do.
func (h *Hub) release(name string, q *talk.Release) (*nothing, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, err := h.numbered(q.Job)
	if err != nil {
		return nil, err
	}
	if t := w.tables[w.Job.Spec.Owner(name)]; t != nil {
		t.Release(name, q.Lease)
	}
	if q.Reason != "" {
		w.failures[name] = q.Reason
	}
	return &nothing{}, nil
}

// refuse notes that the owner of an agent does not allow a job, and takes its slices back.
func (h *Hub) refuse(name string, q *talk.Refuse) (*nothing, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, err := h.numbered(q.Job)
	if err != nil {
		return nil, err
	}
	a := h.agents[name]
	if a == nil {
		return nil, errStrange
	}
	if q.SentNS <= a.refused {
		return nil, errors.New("this refusal is old")
	}
	a.refused = q.SentNS
	w.refusals[name] = q.Reason
	if t := w.tables[w.Job.Spec.Owner(name)]; t != nil {
		t.ReleaseAll(name)
	}
	w.budget.Return(name)
	w.limits.giveBack(name)
	h.mu.report(fmt.Sprintf("%s refuses job %s: %s", name, w.Job.Spec.Name, q.Reason))
	return &nothing{}, nil
}
