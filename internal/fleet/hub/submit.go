package hub

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/plan"
)

func now() time.Time { return time.Now() }

func sortStates(list []talk.AgentState) {
	slices.SortFunc(list, func(a, b talk.AgentState) int { return strings.Compare(a.Name, b.Name) })
}

// submit takes a job.
func (h *Hub) submit(name string, s *job.Spec) (*job.Job, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	h.submits.Lock()
	defer h.submits.Unlock()
	if w := h.requested(name, s.Request); w != nil {
		return w.public(), nil // the request has come again
	}
	h.mu.Lock()
	if w, err := h.findOf(name, s.Name); err == nil && w.Job.Submitter == name && !w.over() {
		h.mu.Unlock()
		return nil, plan.Refuse("Name", "job %s (%s) of that name is not done: choose another name, or cancel it", s.Name, w.Job.ID)
	}
	var able []string // agents that the patterns name
	for _, a := range h.states() {
		if job.Matches(s.Agents, a.Name) && (s.Mode != job.Assigned || s.Assigned[a.Name] != "") {
			able = append(able, a.Name)
		}
	}
	h.mu.Unlock()
	if len(able) == 0 {
		return nil, plan.Refuse("Agents", "no agent of this hub matches %q", s.Agents)
	}
	for agent := range s.Assigned {
		if !slices.Contains(able, agent) {
			return nil, plan.Refuse("Assign", "targets are assigned to %s, which is no agent of this hub or not among the agents of the job", agent)
		}
	}
	k := kept{Job: job.Job{Submitter: name, Taken: now(), Spec: *s}}
	if s.Mode != job.Split {
		k.Job.Members = able
	}
	k.Job.ID = plan.RunID(k.Job.Taken)
	k.Key = cmp.Or(s.Key, plan.RandomHex(16))
	k.Job.Spec.Key = ""
	k.Job.Spec.Options.Seed = cmp.Or(s.Options.Seed, plan.RandomHex(8))
	if k.Job.Shares() { // the paths that spare probes are whole
		k.Job.Spec.Options.Stitch = true
	}
	if err := h.size(&k, len(able)); err != nil {
		return nil, err
	}
	dir := h.path("jobs", k.Job.ID)
	if err := errors.Join(os.MkdirAll(dir, 0o700), makeJobDirs(dir)); err != nil {
		return nil, errDisk(err)
	}
	w, err := h.newWork(k)
	if err != nil {
		return nil, err
	}
	if err := h.save(&k); err != nil { // no later hub runs a job that was not acknowledged
		return nil, errors.Join(errDisk(err), w.ledger.Close())
	}
	h.mu.Lock()
	h.jobs = append(h.jobs, w)
	h.mu.Unlock()
	h.askToTell()
	h.cfg.Event(fmt.Sprintf("%s submits job %s: %d slices", name, s.Name, w.total()))
	return w.public(), nil
}

// requested returns the job that a request has made, nil if it is new.
func (h *Hub) requested(submitter, request string) *work {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.jobs, func(w *work) bool {
		return request != "" && w.Job.Submitter == submitter && w.Job.Spec.Request == request
	})
	if i < 0 {
		return nil
	}
	return h.jobs[i]
}

// Aims of the number of slices.
const (
	sliceTime = 30 * time.Second // of probing, by one of the agents
	perAgent  = 16               // slices, if there are enough targets
)

// size makes the plan of a job, so that a wrong request is refused now, and chooses the number of
// slices.
func (h *Hub) size(k *kept, agents int) error {
	digests := slices.Sorted(maps.Values(k.Job.Spec.Assigned))
	if k.Job.Spec.Mode != job.Assigned {
		digests = []string{k.Job.Spec.Targets}
	}
	most, all := uint64(0), float64(0)
	h.mu.Lock()
	forbidden := h.exclude.digest
	h.mu.Unlock()
	for _, digest := range slices.Compact(digests) {
		p, err := h.planOf(k, digest)
		if err != nil {
			return err
		}
		_, err = h.planOf(k, digest, forbidden)
		if wrong, ok := errors.AsType[*plan.ConfigError](err); ok && wrong.Field == "Targets" { // none is left
			return plan.Refuse("Targets", "the owner of the hub excludes all of the targets, so that no agent may probe them")
		}
		if err != nil {
			return err
		}
		most = max(most, p.Order.Len())
		all = max(all, float64(p.Probes()))
	}
	if most == 0 {
		return plan.Refuse("Targets", "no targets are left: all are excluded")
	}
	k.Slices = k.Job.Spec.Slices
	if k.Slices == 0 {
		perSlice := k.Job.Spec.Options.RatePPS / float64(agents) * sliceTime.Seconds()
		k.Slices = int(min(max(math.Ceil(all/perSlice), float64(perAgent*agents)), job.MostSlices/float64(agents)))
	}
	k.Slices = int(min(uint64(k.Slices), most))
	return nil
}

// planOf makes the plan of a job for a list of targets. The lists of exclusions are those of the job, and
// others of the hub.
func (h *Hub) planOf(k *kept, digest string, others ...string) (*plan.Plan, error) {
	c, err := k.Job.Spec.Options.Config()
	if err != nil {
		return nil, err
	}
	if !validDigest.MatchString(digest) {
		return nil, plan.Refuse("Targets", "the list of targets has no digest")
	}
	c.Targets = []string{h.path("lists", digest)}
	if k.Job.Spec.Exclude != "" {
		if !validDigest.MatchString(k.Job.Spec.Exclude) {
			return nil, plan.Refuse("Exclude", "the list of exclusions has no digest")
		}
		c.Exclude = []string{h.path("lists", k.Job.Spec.Exclude)}
	}
	for _, other := range others {
		c.Exclude = append(c.Exclude, h.path("lists", other))
	}
	return plan.New(h.ctx, &c, plan.Began{})
}

// mostReply bounds the jobs in one answer, in bytes. NATS takes messages of 1 MiB, and the agents
// are in it, too.
const mostReply = 256 << 10

// listJobs returns the jobs from a number on, as many as an answer has room for, and the agents in
// the first answer.
func (h *Hub) listJobs(name string, q *talk.ListJobs) (*talk.JobsReply, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	reply := &talk.JobsReply{Total: len(h.jobs), Results: h.results()}
	if q.From == 0 {
		reply.Agents = h.states()
	}
	if q.Job != "" {
		w, err := h.findOf(name, q.Job)
		if err != nil {
			return nil, err
		}
		reply.Jobs, reply.Total = append(reply.Jobs, w.state(h)), 1
		return reply, nil
	}
	size := 0
	for _, w := range h.jobs[min(max(q.From, 0), len(h.jobs)):] {
		s := w.state(h)
		text, err := json.Marshal(&s)
		if err != nil {
			return nil, err
		}
		if size += len(text); size > mostReply && len(reply.Jobs) > 0 {
			break
		}
		reply.Jobs = append(reply.Jobs, s)
	}
	return reply, nil
}

// results returns where the hub keeps results.
func (h *Hub) results() string {
	if h.cfg.Results != nil {
		return h.cfg.Results.String()
	}
	return h.cfg.Dir
}

// overview returns what the status page shows: all jobs that are not over, the last of the others,
// and the agents. The caller holds the mutex.
func (h *Hub) overview() *talk.JobsReply {
	reply := &talk.JobsReply{Agents: h.states(), Total: len(h.jobs), Results: h.results()}
	over := 0
	for _, w := range slices.Backward(h.jobs) { // the newest first
		if w.over() {
			if over++; over > keptJobs {
				continue
			}
		}
		reply.Jobs = append(reply.Jobs, w.state(h))
	}
	return reply
}

// state returns how a job goes.
func (w *work) state(h *Hub) talk.JobState {
	s := talk.JobState{
		Job: *w.forAgent(""), Slices: w.total(), Done: w.done, Targets: w.targets, Sent: w.sent, Answered: w.answered,
		InForce: w.budget.InForce(now()), Refusals: maps.Clone(w.refusals), Failures: maps.Clone(w.failures), Trouble: w.trouble,
		ByAgent: map[string]talk.Share{},
	}
	for _, t := range w.tables {
		s.Retaken += t.Retaken
	}
	for name := range h.people {
		share := talk.Share{Done: w.byAgent[name], Now: w.holds(name), Rate: w.budget.Of(now(), name)}
		if a := h.agents[name]; a != nil && share.Now > 0 {
			share.Add(a.holds, w.Job.ID)
		}
		if share != (talk.Share{}) {
			s.ByAgent[name] = share
		}
	}
	if s.Trouble == "" && !w.over() && h.allRefuse(w) {
		s.Trouble = "all agents of the job refuse it"
	}
	return s
}

// allRefuse reports whether no agent is left that may do the job.
func (h *Hub) allRefuse(w *work) bool {
	for name, id := range h.people {
		if id.Role == "agent" && job.Matches(w.Job.Spec.Agents, name) && w.tables[w.Job.Spec.Owner(name)] != nil && w.refusals[name] == "" {
			return false
		}
	}
	return true
}

// cancel ends a job. Its submitter may do that.
func (h *Hub) cancel(name string, q *talk.JobName) (*talk.JobState, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, err := h.findOf(name, q.Job)
	if err != nil {
		return nil, err
	}
	if w.Job.Submitter != name {
		return nil, fmt.Errorf("job %s is of %s", q.Job, w.Job.Submitter)
	}
	if w.Job.ID != q.Job { // an old request must not end a newer job of the name
		return nil, fmt.Errorf("cancel the job by its number, %s", w.Job.ID)
	}
	if w.over() && !w.Job.Canceled {
		return nil, fmt.Errorf("job %s is done already", w.Job.Spec.Name)
	}
	k := w.kept
	k.Job.Canceled = true
	if err := h.save(&k); err != nil {
		return nil, err
	}
	w.kept = k
	h.askToTell()
	s := w.state(h)
	return &s, nil
}

// perReply is how many entries an answer has.
const perReply = 2000

// entries answers with entries of the ledger of a job.
func (h *Hub) entries(name string, q *talk.Entries) (*talk.EntriesReply, error) {
	h.mu.Lock()
	w, err := h.findOf(name, q.Job)
	if err == nil && w.Job.Submitter != name {
		err = fmt.Errorf("job %s is of %s", q.Job, w.Job.Submitter)
	}
	if err != nil {
		h.mu.Unlock()
		return nil, err
	}
	reply := &talk.EntriesReply{Job: *w.public(), Slices: w.Slices, Agents: h.states()}
	h.mu.Unlock()
	list := slices.Collect(w.ledger.All)
	slices.SortFunc(list, func(a, b ledger.Entry) int {
		return cmp.Or(strings.Compare(a.Agent, b.Agent), cmp.Compare(a.Slice, b.Slice))
	})
	reply.Total = len(list)
	from := min(max(q.From, 0), len(list))
	reply.Entries = list[from:min(from+perReply, len(list))]
	return reply, nil
}
