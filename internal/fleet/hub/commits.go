package hub

import (
	"errors"
	"sync"
	"time"

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
	h.mu.Lock()
	w, err := h.find(q.Job)
	if err == nil {
		e.By, e.Unit = name, w.Job.Spec.Unit(name, e.Slice)
	}
	h.mu.Unlock()
	if err != nil {
		return talk.Encode(&talk.CommitReply{Refused: err.Error()}, nil)
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
