package hub

import (
	"errors"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/budget"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// agent is an agent that has said hello.
type agent struct {
	state    talk.AgentState
	lastBeat int64 // SentNS of its last beat
	lastAsk  int64 // SentNS of its last request for a slice
	refused  int64 // SentNS of its last refusal
	holds    []talk.Held
	instance string // the process that is served
	excluded string // digest of the exclusion list that it honours
}

// gone is after how long without a beat an agent counts as not connected.
const gone = 5 * time.Second

// hello begins the life of an agent, or goes on with it when the hub has begun anew. The leases of
// a fresh agent end.
func (h *Hub) hello(name string, q *talk.Hello) (*talk.Hello, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.speaks("agent "+name, q); err != nil {
		if h.strange[name] != err.Error() {
			h.strange[name] = err.Error()
			h.mu.report(err.Error())
		}
		return nil, err
	}
	delete(h.strange, name)
	id := h.people[name]
	a := h.agents[name]
	if last := a.last(); q.SentNS <= last { // the broker has repeated it, or the clock was set back
		reply := h.ownHello()
		reply.After = last
		return reply, nil
	}
	if a != nil && !q.Fresh {
		return h.ownHello(), a.check(q.Instance)
	}
	h.agents[name] = &agent{instance: q.Instance, lastBeat: q.SentNS, lastAsk: q.SentNS, refused: q.SentNS, state: talk.AgentState{
		Name: name, Location: id.Location, AS: id.AS, Software: q.Software, Hostname: q.Hostname, Seen: time.Now(),
	}}
	for _, w := range h.jobs {
		if t := w.tables[w.Job.Spec.Owner(name)]; t != nil && q.Fresh {
			t.ReleaseAll(name)
		}
		// Policies are read anew when an agent begins. Its grants end by themselves: an agent
		// that has the same name and still runs may use them.
		delete(w.refusals, name)
	}
	h.mu.report(name + " is here")
	return h.ownHello(), nil
}

// last returns the SentNS of the last message of an agent; 0 if it was not here.
func (a *agent) last() int64 {
	if a == nil {
		return 0
	}
	return max(a.lastBeat, a.lastAsk, a.refused)
}

func (h *Hub) ownHello() *talk.Hello {
	own := talk.Own(h.cfg.Software)
	return &own
}

// speaks refuses a name that speaks no version of ours.
func (h *Hub) speaks(name string, q *talk.Hello) error {
	return talk.Speaks(talk.Party{Name: "the hub", Hello: *h.ownHello()}, talk.Party{Name: name, Hello: *q})
}

// helloUser checks that a submitter speaks our version.
func (h *Hub) helloUser(name string, q *talk.Hello) (*talk.Hello, error) {
	return h.ownHello(), h.speaks("submitter "+name, q)
}

// errTwice means that two processes have the credentials of one agent. They would take each
// other's slices away.
var errTwice = errors.New("another agent began later with these credentials: each vantage point needs a file of its own")

// check refuses a process of the agent that is not the last one.
func (a *agent) check(instance string) error {
	if instance != a.instance {
		return errTwice
	}
	return nil
}

// errStrange asks an agent to say hello.
var errStrange = errors.New("say hello first")

// beat renews leases and grants.
func (h *Hub) beat(name string, q *talk.Beat) (*talk.BeatReply, error) {
	came := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.agents[name]
	if a == nil {
		return nil, errStrange
	}
	if err := a.check(q.Instance); err != nil {
		return nil, err
	}
	if q.SentNS <= a.lastBeat {
		return nil, errors.New("this beat is old")
	}
	now := time.Now()
	a.lastBeat, a.state.Seen = q.SentNS, now
	a.state.OffsetNS, a.state.ErrorNS = q.OffsetNS, q.ErrorNS
	a.state.Trouble, a.state.Stored, a.holds = talk.Troubles(q.Trouble, talk.ClockTrouble(q.OffsetNS, q.ErrorNS)), q.Stored, q.Holds
	reply := &talk.BeatReply{CameNS: came.UnixNano(), Grants: map[string]budget.Grant{}, Limits: map[string]talk.Limits{}, Exclude: h.exclude.digest}
	for _, held := range q.Holds {
		w, err := h.numbered(held.Job)
		if err != nil {
			reply.Lost = append(reply.Lost, held)
			continue
		}
		t := w.tables[w.Job.Spec.Owner(name)]
		if t == nil || w.Job.Canceled || !w.proofs.Proves(held.Token, name, held.Lease) || !t.Renew(now, name, held.Lease) {
			reply.Lost = append(reply.Lost, held)
		}
	}
	for _, w := range h.jobs {
		most, wants := q.Want[w.Job.ID]
		switch {
		case !wants:
			w.budget.Return(name)
			w.limits.giveBack(name)
		case w.Job.Canceled:
			reply.Ended = append(reply.Ended, w.Job.ID)
		case w.holds(name) > 0:
			w.active[name] = now
			reply.Limits[w.Job.ID] = w.limits.grant(now, name, q.FirstHops[w.Job.ID])
			reply.Grants[w.Job.ID] = w.budget.Grant(now, name, most, w.holders())
		}
	}
	reply.HubNS = came.Add(time.Since(came)).UnixNano() // the clock may be set meanwhile
	return reply, nil
}

// states returns the agents, by name, among them those that were never here.
func (h *Hub) states() (list []talk.AgentState) {
	for name, id := range h.people {
		s := talk.AgentState{Name: name, Location: id.Location, AS: id.AS}
		if a := h.agents[name]; a != nil {
			s = a.state
			s.Connected = time.Since(s.Seen) < gone
		}
		s.Trouble = talk.Troubles(s.Trouble, h.strange[name])
		if id.Role == creds.Agent {
			list = append(list, s)
		}
	}
	sortStates(list)
	return list
}
