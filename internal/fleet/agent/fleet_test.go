package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/client"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/hub"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/policy"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

const software = "masstrace/test"

// fleet is a hub with agents and a submitter, on loopback.
type fleet struct {
	t      *testing.T
	dir    string
	hub    *hub.Hub
	listen string
	user   *creds.File
	files  map[string]*creds.File
	stops  map[string]func()
	change func(*hub.Config) // of the next hub; nil for none
	clock  func() time.Time  // of agents; nil for that of this machine
	timing agent.Timing
}

// quick is the timing of agents in tests: they wait for little else. The patience is longer than that of
// a hub with a commit.
var quick = agent.Timing{
	Beat: 50 * time.Millisecond, Idle: 50 * time.Millisecond, Wrong: 100 * time.Millisecond, Status: 50 * time.Millisecond, Patience: 3 * time.Second,
}

func newFleet(t *testing.T, names ...string) *fleet {
	f := &fleet{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", files: map[string]*creds.File{}, stops: map[string]func(){}, timing: quick}
	f.startHub()
	f.listen = strings.TrimPrefix(f.hub.URL(), "tls://")
	f.user = f.add("alice", creds.Submitter)
	for _, name := range names {
		f.files[name] = f.add(name, creds.Agent)
	}
	t.Cleanup(func() {
		for name := range f.stops {
			f.stop(name)
		}
		f.stopHub()
	})
	return f
}

// config returns the configuration of the next hub.
func (f *fleet) config() hub.Config {
	c := hub.Config{Dir: filepath.Join(f.dir, "hub"), Listen: f.listen, Software: software}
	if f.change != nil {
		f.change(&c)
	}
	return c
}

func (f *fleet) startHub() {
	f.t.Helper()
	c := f.config()
	var err error
	until(f.t, "the port of the hub is free", func() bool {
		f.hub, err = hub.Open(c)
		return err == nil
	})
}

func (f *fleet) stopHub() {
	if f.hub != nil {
		if err := f.hub.Close(); err != nil {
			f.t.Error(err)
		}
		f.hub = nil
	}
}

func (f *fleet) add(name string, role creds.Role) *creds.File {
	f.t.Helper()
	authority, err := creds.OpenAuthority(filepath.Join(f.dir, "hub"))
	if err != nil {
		f.t.Fatal(err)
	}
	file, err := creds.Roster(filepath.Join(f.dir, "hub", "people")).Add(creds.Identity{Name: name, Role: role}, f.hub.URL(), authority.PEM)
	if err != nil {
		f.t.Fatal(err)
	}
	return file
}

// start starts an agent.
func (f *fleet) start(name string, p agent.Prober, rules *policy.Policy) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- agent.Run(ctx, agent.Config{
			Creds: f.files[name], Dir: filepath.Join(f.dir, name), Prober: p, Policy: rules, Software: software, Hostname: name, Now: f.clock, Timing: f.timing,
		})
	}()
	f.stops[name] = func() {
		cancel()
		if err := <-ended; err != nil {
			f.t.Errorf("%s: %v", name, err)
		}
	}
}

func (f *fleet) stop(name string) {
	f.stops[name]()
	delete(f.stops, name)
}

// submitter connects as the submitter, as soon as the hub knows it.
func (f *fleet) submitter() *client.Client {
	f.t.Helper()
	var c *client.Client
	var err error
	until(f.t, "the submitter is known", func() bool {
		c, err = client.Open(f.t.Context(), f.user, "", software)
		return err == nil
	})
	return c
}

// spec is a job over the targets of some prefixes.
func (f *fleet) spec(c *client.Client, targets string, slices int) *job.Spec {
	f.t.Helper()
	digest, err := c.List(f.t.Context(), []byte(targets))
	if err != nil {
		f.t.Fatal(err)
	}
	return &job.Spec{
		Name: "test", Mode: job.Split, Agents: "*", Slices: slices, Targets: digest,
		Options: job.OptionsOf(&plan.Config{
			PerPrefix: 1, Granularity4: 32, Granularity6: 48, Seed: "seed", Method: probe.UDP, MinTTL: 1, MaxTTL: 8, DstPort: 33434,
			Flows: 1, Attempts: 1, RatePPS: 1e6, Wait: time.Second, Memory: 64 << 20, Records: record.Traces,
		}),
	}
}

func (f *fleet) submit(c *client.Client, s *job.Spec) *job.Job {
	f.t.Helper()
	j, err := c.Submit(f.t.Context(), s)
	if err != nil {
		f.t.Fatal(err)
	}
	return j
}

// jobState returns how a job goes.
func jobState(t *testing.T, c *client.Client, id string) (talk.JobState, bool) {
	reply, err := c.Jobs(t.Context())
	if err != nil {
		return talk.JobState{}, false // the hub is away
	}
	i := slices.IndexFunc(reply.Jobs, func(s talk.JobState) bool { return s.Job.ID == id })
	if i < 0 {
		t.Fatalf("the hub has lost job %s", id)
	}
	return reply.Jobs[i], true
}

// until waits for a condition that must come.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Duration(effort.Count(2, 30)) * time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("it does not happen that %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// await waits until a job is done.
func await(t *testing.T, c *client.Client, id string) talk.JobState {
	t.Helper()
	var s talk.JobState
	until(t, "the job is done", func() bool {
		var ok bool
		s, ok = jobState(t, c, id)
		return ok && s.Done == s.Slices
	})
	return s
}

// simulated is a prober without a network: its records are the targets of the slice.
type simulated struct {
	fail func() error
	hold func(ctx context.Context, t *agent.Task) error
}

func (s *simulated) Probe(ctx context.Context, t *agent.Task) (agent.Result, error) {
	p, err := plan.New(ctx, &t.Config, plan.Began{})
	if err != nil {
		return agent.Result{}, err
	}
	if s.fail != nil {
		if err := s.fail(); err != nil {
			return agent.Result{}, err
		}
	}
	if s.hold != nil {
		if err := s.hold(ctx, t); err != nil {
			return agent.Result{}, err
		}
	}
	var text bytes.Buffer
	for i := range p.Order.Len() {
		if a := p.Order.At(i); !t.Since.Contains(a) {
			fmt.Fprintln(&text, a.Netip())
		}
	}
	n := p.Order.Len()
	return agent.Result{Targets: n, Sent: n, Answered: n}, outfile.WriteNew(t.Output, 0o600, text.Bytes())
}

// union returns all records of a job, and fails if one is there twice.
func union(t *testing.T, c *client.Client, id string) []string {
	t.Helper()
	reply, err := c.Entries(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range reply.Entries {
		text, err := c.Segment(t.Context(), id, &e)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Fields(string(text))...)
	}
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		t.Errorf("%d records, %d of them different", len(all), n)
	}
	return all
}

// Agents drain a job, and its result has each target once.
func TestFleetSplits(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris", "tokyo", "lima")
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/22", 64))
	for name := range f.files {
		f.start(name, &simulated{}, nil)
	}
	s := await(t, c, j.ID)
	if s.Targets != 1024 || s.Sent != 1024 {
		t.Errorf("state %+v", s)
	}
	if all := union(t, c, j.ID); len(all) != 1024 {
		t.Errorf("%d records", len(all))
	}
}

// In mode every, each agent traces all targets.
func TestFleetEvery(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris", "tokyo")
	c := f.submitter()
	defer c.Close()
	spec := f.spec(c, "45.16.0.0/24", 8)
	spec.Mode = job.Every
	j := f.submit(c, spec)
	for name := range f.files {
		f.start(name, &simulated{}, nil)
	}
	if s := await(t, c, j.ID); s.Slices != 16 || s.Targets != 512 || s.ByAgent["paris"].Done != 8 {
		t.Errorf("state %+v", s)
	}
}

// An agent keeps what the hub does not take, and gives it to the next hub.
func TestFleetOutlivesHub(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris")
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 4))
	inside, resume := make(chan struct{}, 8), make(chan struct{})
	f.start("paris", &simulated{hold: func(ctx context.Context, _ *agent.Task) error {
		inside <- struct{}{}
		<-resume
		return nil
	}}, nil)
	<-inside
	f.stopHub()
	close(resume) // the slice ends while there is no hub
	until(t, "the segment is stored", func() bool {
		files, _ := os.ReadDir(filepath.Join(f.dir, "paris", "segments"))
		return len(files) == 2
	})
	f.startHub()
	if s := await(t, c, j.ID); s.Targets != 256 {
		t.Errorf("state %+v", s)
	}
	if all := union(t, c, j.ID); len(all) != 256 {
		t.Errorf("%d records", len(all))
	}
}

// The submitter reads why an owner refuses, and that nobody is left.
func TestFleetRefusals(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris", "tokyo")
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 4))
	rules := map[string]string{"paris": "methods icmp\n", "tokyo": "exclude 45.16.0.0/16\n"}
	for name, text := range rules {
		p, err := policy.Parse("policy", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		f.start(name, &simulated{}, p)
	}
	var s talk.JobState
	until(t, "all refuse", func() bool { s, _ = jobState(t, c, j.ID); return s.Trouble != "" })
	want := map[string]string{
		"paris": "the policy does not allow method udp", "tokyo": "the policy does not allow any of the targets",
	}
	for name, reason := range want {
		if s.Refusals[name] != reason {
			t.Errorf("%s refuses: %q, want %q", name, s.Refusals[name], reason)
		}
	}
}

// Exclusions of the hub reach a slice that runs, in less than two seconds.
func TestFleetExcludes(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris")
	c := f.submitter()
	defer c.Close()
	f.submit(c, f.spec(c, "45.16.0.0/24", 1))
	inside, heard := make(chan struct{}, 1), make(chan bool, 1)
	f.start("paris", &simulated{hold: func(ctx context.Context, task *agent.Task) error {
		inside <- struct{}{}
		a := probe.AddrFrom(netip.MustParseAddr("45.16.0.7"))
		for set := range task.More {
			if set.Contains(a) {
				break
			}
		}
		heard <- true
		task.Excluded()
		return nil
	}}, nil)
	<-inside
	if err := os.WriteFile(filepath.Join(f.dir, "hub", "exclude"), []byte("45.16.0.7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	<-heard
	until(t, "the hub knows that the agent honours the list", func() bool {
		reply, err := c.Jobs(t.Context())
		return err == nil && reply.Agents[0].AppliedMS > 0
	})
}

// A revoked agent is cut off, and a submitter's key is no agent's.
func TestFleetRevokes(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris")
	c := f.submitter()
	defer c.Close()
	f.start("paris", &simulated{}, nil)
	connected := func() bool {
		s, err := agent.ReadStatus(filepath.Join(f.dir, "paris"))
		return err == nil && s.Connected
	}
	until(t, "the agent is connected", connected)
	roster := creds.Roster(filepath.Join(f.dir, "hub", "people"))
	if err := roster.Revoke("paris"); err != nil {
		t.Fatal(err)
	}
	until(t, "the agent is cut off", func() bool { return !connected() })
	s, err := agent.ReadStatus(filepath.Join(f.dir, "paris"))
	if err != nil || !strings.Contains(s.Trouble, "hub") {
		t.Errorf("status %+v, %v", s, err)
	}
	if err := roster.Revoke("alice"); err != nil {
		t.Fatal(err)
	}
	until(t, "the submitter is refused", func() bool {
		_, err := client.Open(t.Context(), f.user, "", software)
		return err != nil && strings.Contains(err.Error(), "revoked")
	})
}

// A prober that fails gives its slice back, with a reason that the submitter reads.
func TestFleetFailures(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris", "tokyo")
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 4))
	f.start("paris", &simulated{fail: func() error { return errors.New("no space left on device") }}, nil)
	until(t, "the failure is seen", func() bool {
		s, ok := jobState(t, c, j.ID)
		return ok && strings.Contains(s.Failures["paris"], "no space left")
	})
	f.start("tokyo", &simulated{}, nil)
	await(t, c, j.ID)
}
