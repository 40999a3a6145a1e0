package hub

import (
	"errors"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/lease"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// commits are the commits under way. A store may take long, or hang. So a commit goes on while its
// agent is told to ask again, and requests of other kinds never wait for one.
type commits struct {
	mu   sync.Mutex
	list map[commitOf]*commit
	over bool // the hub ends
	open sync.WaitGroup
	// waits are the requests of each agent that wait for an answer.
	waits map[string]int
}

// commitOf names the unit of a commit. A unit has one commit at a time.
type commitOf struct {
	job  string
	unit ledger.Unit
}

// commit is one under way.
type commit struct {
	by    string // agent
	epoch uint64
	ended chan struct{}
	reply *talk.CommitReply // once it has ended
	err   error
}

// Bounds of commits. Each may hold a message in memory.
const (
	mostCommits    = 256                     // under way
	mostWaits      = 8                       // requests of one agent; an agent that works sends one at a time
	commitPatience = 2500 * time.Millisecond // for an answer; that of agents is longer
)

// Errors of commits that the agent should ask for again.
var (
	errBusy = errors.New("the store of the hub is slow: too many results wait for it")
	errSlow = errors.New("the store of the hub is slow: it has not taken the result yet")
	errEnds = errors.New("the hub ends")
)

// commit enters a segment in the ledger. A message that comes again gets the same answer.
func (h *Hub) commit(name string, data []byte) ([]byte, error) {
	var q talk.Commit
	body, err := talk.Decode(data, &q)
	if err != nil {
		return nil, err
	}
	e := q.Entry
	if !validDigest.MatchString(e.SHA256) || e.Size < 0 || e.Size > mostSegment {
		return talk.Encode(&talk.CommitReply{Refused: "the entry has no digest, or a wrong size"}, nil)
	}
	if !h.commits.enter(name) {
		return nil, errBusy
	}
	defer h.commits.leave(name)
	h.mu.Lock()
	w, err := h.numbered(q.Job)
	if err == nil {
		e.By, e.Unit = name, w.Job.Spec.Unit(name, e.Slice)
	}
	h.mu.Unlock()
	if err != nil {
		return talk.Encode(&talk.CommitReply{Refused: err.Error()}, nil)
	}
	if !w.proofs.Proves(q.Token, name, lease.Lease{Slice: e.Slice, Epoch: e.Epoch}) { // before it takes the place of an honest one
		return talk.Encode(&talk.CommitReply{Refused: errNoLease.Error()}, nil)
	}
	c, err := h.begin(w, name, e, body)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(commitPatience)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
		return nil, h.refusedWrite(w, errSlow)
	}
	switch {
	case c.by != name || c.epoch != e.Epoch: // that of another agent has ended now
		return nil, errSlow
	case c.err != nil:
		return nil, c.err
	}
	return talk.Encode(c.reply, nil)
}

// enter counts a request of an agent that will wait, and reports whether there is room for it.
func (c *commits) enter(agent string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waits[agent] >= mostWaits {
		return false
	}
	c.waits[agent]++
	return true
}

// leave is the end of a request that was entered.
func (c *commits) leave(agent string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waits[agent]--; c.waits[agent] == 0 {
		delete(c.waits, agent)
	}
}

// begin starts a commit, or returns the one that is under way for the unit.
func (h *Hub) begin(w *work, name string, e ledger.Entry, body []byte) (*commit, error) {
	of := commitOf{w.Job.ID, e.Unit}
	h.commits.mu.Lock()
	defer h.commits.mu.Unlock()
	if c := h.commits.list[of]; c != nil {
		return c, nil
	}
	switch {
	case h.commits.over:
		return nil, errEnds
	case len(h.commits.list) >= mostCommits:
		return nil, errBusy
	}
	c := &commit{by: name, epoch: e.Epoch, ended: make(chan struct{})}
	h.commits.list[of] = c
	h.commits.open.Go(func() {
		c.reply, c.err = h.enter(w, name, e, body)
		h.commits.mu.Lock()
		delete(h.commits.list, of)
		h.commits.mu.Unlock()
		close(c.ended)
	})
	return c, nil
}

// end waits for the commits under way. No other begins.
func (c *commits) end() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.open.Wait()
}
