// Package hub is the middle of a fleet: it takes jobs, leases slices to agents, divides rates, and
// keeps the results. Everything that must last is in files below its folder:
//
//	authority.pem            the certificate authority, with its key
//	people/NAME.json         public keys of agents and submitters
//	term                     how often a hub has begun here
//	exclude                  addresses that no agent may probe
//	lists/DIGEST             lists of targets and exclusions
//	jobs/ID/job.json         a job, with its key
//	jobs/ID/manifest         its finished slices (package ledger)
//	jobs/ID/segments/        their records
//	jobs/ID/incoming/        parts of segments
//	jobs/ID/known/SLICE      paths to the targets of a slice, made of its segment (package known)
//	broker/                  the stream of the broker inside the hub
//	nats-users.conf          users for the configuration of a cluster
//	hub.nk                   the key of the hub on a cluster
//
// With Config.Results, the manifest and the segments are elsewhere.
// The broker keeps nothing that the hub needs.
package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/broker"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/listen"
	"github.com/masstrace/masstrace/internal/outfile"
)

// Config describes a hub.
type Config struct {
	Dir    string
	Listen string // address and port for agents and submitters
	Page   string // address and port of the status page, "" for none
	// Software is the name and version of the program.
	Software string
	// Event, unless it is nil, receives what a person should see.
	Event func(text string)
	// Cluster is an existing NATS cluster, nil for the broker inside the hub.
	Cluster *broker.Cluster
	// Disk is where the ledgers are, nil for the file system of this machine.
	Disk ledger.Disk
	// Results, unless it is nil, is where the ledgers are instead.
	Results Results
}

// Results keeps the ledgers of jobs.
type Results interface {
	// Open opens the ledger of a job, which is empty if it has none.
	Open(ctx context.Context, id string) (*ledger.Ledger, error)
	// String returns the place, for people.
	String() string
}

// Hub is a running hub.
type Hub struct {
	cfg    Config
	term   uint32
	broker *broker.Broker
	retell chan struct{}  // asks for all messages to all agents again
	page   *listen.Server // nil if there is none
	lock   *os.File

	commits commits

	mu      guard   // of what follows
	jobs    []*work // in the order in which they came
	agents  map[string]*agent
	strange map[string]string // why the last hello of an agent was refused
	people  map[string]creds.Identity
	exclude exclusion
	serial  uint64 // of the last message to all agents

	submits sync.Mutex // one submission at a time
	lists   lists

	reading sync.Mutex // of the results of pathfinders: see writeKnown

	ctx  context.Context // ends with the hub
	stop context.CancelFunc
	done sync.WaitGroup
}

// Open starts a hub on the folder of c. Close ends it.
func Open(c Config) (h *Hub, err error) {
	if c.Event == nil {
		c.Event = func(string) {}
	}
	if c.Disk == nil {
		c.Disk = ledger.OS{}
	}
	h = &Hub{cfg: c, mu: guard{event: c.Event}, agents: map[string]*agent{}, strange: map[string]string{}, retell: make(chan struct{}, 1), commits: commits{list: map[commitOf]*commit{}, waits: map[string]int{}}}
	h.ctx, h.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	for _, dir := range []string{"people", "lists", "jobs"} {
		if err := os.MkdirAll(h.path(dir), 0o700); err != nil {
			return h, err
		}
	}
	if h.lock, err = lockDir(c.Dir); err != nil {
		return h, err
	}
	if h.term, err = nextTerm(h.path("term")); err != nil {
		return h, err
	}
	h.serial = uint64(h.term) << 32
	if err := h.sweepLists(); err != nil {
		return h, err
	}
	if err := h.loadJobs(); err != nil {
		return h, err
	}
	if _, err := h.readExclude(); err != nil {
		return h, err
	}
	authority, err := creds.OpenAuthority(c.Dir)
	if err != nil {
		return h, err
	}
	h.broker, err = broker.Open(broker.Config{
		Dir: c.Dir, Listen: c.Listen, Authority: authority, Cluster: c.Cluster, Up: h.askToTell, Event: c.Event,
	})
	if err != nil {
		return h, err
	}
	if _, err := h.readPeople(); err != nil {
		return h, err
	}
	if err := h.serve(); err != nil {
		return h, err
	}
	if err := h.broker.Listen(); err != nil {
		return h, err
	}
	if c.Page != "" {
		if h.page, err = h.openPage(c.Page); err != nil {
			return h, err
		}
	}
	h.askToTell()
	h.done.Go(h.watch)
	h.done.Go(h.mend)
	return h, nil
}

func (h *Hub) path(parts ...string) string {
	return filepath.Join(append([]string{h.cfg.Dir}, parts...)...)
}

// URL returns the URL at which agents reach the hub.
func (h *Hub) URL() string { return h.broker.URL() }

// PageURL returns the URL of the status page, "" if there is none.
func (h *Hub) PageURL() string {
	if h.page == nil {
		return ""
	}
	return "http://" + h.page.Addr() + "/"
}

// Close ends the hub. What it has acknowledged stays.
func (h *Hub) Close() error {
	h.stop()
	h.page.Close()
	h.broker.Close()
	h.done.Wait()
	h.commits.end()
	h.mu.Lock()
	jobs := h.jobs
	h.jobs = nil
	h.mu.Unlock()
	var errs []error
	for _, w := range jobs {
		w.parts.Lock() // parts that are being written
		errs = append(errs, w.ledger.Close())
		w.parts.Unlock()
	}
	if h.lock != nil {
		errs = append(errs, h.lock.Close())
		h.lock = nil
	}
	return errors.Join(errs...)
}

// serve answers requests.
func (h *Hub) serve() error {
	agents := map[string]handler{
		talk.VerbHello: answer(h.hello), talk.VerbBeat: answer(h.beat), talk.VerbAsk: answer(h.ask),
		talk.VerbPut: h.put, talk.VerbCommit: h.commit, talk.VerbRelease: answer(h.release),
		talk.VerbRefuse: answer(h.refuse), talk.VerbApplied: answer(h.applied), talk.VerbLast: h.last, talk.VerbGet: h.get,
	}
	users := map[string]handler{
		talk.VerbHello: answer(h.helloUser), talk.VerbList: h.list, talk.VerbSubmit: answer(h.submit), talk.VerbJobs: answer(h.listJobs),
		talk.VerbCancel: answer(h.cancel), talk.VerbEntries: answer(h.entries), talk.VerbGet: h.get,
	}
	return errors.Join(
		h.broker.Serve(talk.AgentRequests, h.of(creds.Agent, agents)),
		h.broker.Serve(talk.UserRequests, h.of(creds.Submitter, users)),
	)
}

// handler answers a request of a name.
type handler func(name string, data []byte) ([]byte, error)

// answer makes a handler of a function on messages without octets.
func answer[Q, A any](f func(name string, q *Q) (*A, error)) handler {
	return func(name string, data []byte) ([]byte, error) {
		q := new(Q)
		if _, err := talk.Decode(data, q); err != nil {
			return nil, err
		}
		a, err := f(name, q)
		if err != nil {
			return nil, err
		}
		return talk.Encode(a, nil)
	}
}

// nothing is the answer to a request that needs none.
type nothing struct{}

// of returns a function that answers the requests of one role.
func (h *Hub) of(role creds.Role, verbs map[string]handler) func(name, verb string, data []byte) []byte {
	return func(name, verb string, data []byte) []byte {
		h.mu.Lock()
		id, known := h.people[name]
		h.mu.Unlock()
		f, ok := verbs[verb]
		var reply []byte
		var err error
		switch {
		case !known || id.Role != role:
			err = fmt.Errorf("%s is no %s here, or was revoked", name, role)
		case !ok:
			err = fmt.Errorf("the hub does not know the request %q: update the hub", verb)
		default:
			reply, err = f(name, data)
		}
		if err != nil {
			return talk.EncodeFault(err)
		}
		return reply
	}
}

// watchEvery is how often the hub looks at its files.
const watchEvery = 200 * time.Millisecond

// watch takes in changes of people and exclusions.
func (h *Hub) watch() {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-h.retell:
			h.tellExclude()
			h.tellJobs()
			continue
		case <-ticker.C:
		}
		if changed, err := h.readPeople(); err != nil {
			h.cfg.Event("people: " + err.Error())
		} else if changed {
			h.cfg.Event("people: the list has changed")
		}
		changed, err := h.readExclude()
		if err != nil {
			h.cfg.Event("exclusions stay as they are: " + err.Error())
		}
		if changed {
			h.tellExclude()
		}
	}
}

// readPeople reads the identities again if they have changed.
func (h *Hub) readPeople() (changed bool, err error) {
	list, err := creds.Roster(h.path("people")).List()
	if err != nil {
		return false, err
	}
	people := map[string]creds.Identity{}
	for _, id := range list {
		people[id.Name] = id
	}
	h.mu.Lock()
	same := h.people != nil && len(people) == len(h.people)
	for name, id := range people {
		same = same && h.people[name].Key == id.Key
	}
	h.people = people
	h.mu.Unlock()
	if same {
		return false, nil
	}
	return true, h.broker.Admit(list)
}

// nextTerm counts the lives of the hub of a folder.
func nextTerm(path string) (uint32, error) {
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return 0, err
	}
	var n uint64
	if len(text) > 0 {
		if n, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
	}
	n++
	return uint32(n), outfile.Replace(path, 0o600, []byte(strconv.FormatUint(n, 10)+"\n"))
}

// Messages returns how many messages and bytes the broker has taken in.
func (h *Hub) Messages() (count, octets int64) { return h.broker.Messages() }

// Ignored returns how many requests had no effect, because their answer should go to the inbox of
// another name.
func (h *Hub) Ignored() uint64 { return h.broker.Ignored() }
