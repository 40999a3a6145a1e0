package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/client"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/hub"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// drained is the result of a drain.
type drained struct {
	took, cpu               time.Duration
	messages, octets, beats uint64
	heap                    uint64 // at the end, before the agents stop
	targets                 uint64
}

// software is the version that hub and agents report to each other.
const software = "masstrace/bench"

// simulated is a prober without a network.
type simulated struct{ traced atomic.Uint64 }

// Probe implements agent.Prober: it writes the targets of the slice as its records.
func (s *simulated) Probe(ctx context.Context, t *agent.Task) (agent.Result, error) {
	p, err := plan.New(ctx, &t.Config, plan.Began{})
	if err != nil {
		return agent.Result{}, err
	}
	n := p.Order.Len()
	var text []byte
	for i := range n {
		text = append(append(text, p.Order.At(i).Netip().String()...), '\n')
	}
	s.traced.Add(n)
	return agent.Result{Targets: n, Sent: n, Answered: n}, outfile.WriteNew(t.Output, 0o600, text)
}

// drain lets agents drain a job of that many slices, with a target each.
func drain(agents, slices int) (r drained, err error) {
	dir, err := os.MkdirTemp("", "masstrace-fleet-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	store := filepath.Join(dir, "hub")
	h, err := hub.Open(hub.Config{Dir: store, Listen: "127.0.0.1:0", Software: software})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	authority, err := creds.OpenAuthority(store)
	if err != nil {
		return r, err
	}
	add := func(name string, role creds.Role) (*creds.File, error) {
		return creds.Roster(filepath.Join(store, "people")).Add(creds.Identity{Name: name, Role: role}, h.URL(), authority.PEM)
	}
	user, err := add("submitter", creds.Submitter)
	if err != nil {
		return r, err
	}
	var files []*creds.File
	for i := range agents {
		file, err := add(fmt.Sprint("agent-", i), creds.Agent)
		if err != nil {
			return r, err
		}
		files = append(files, file)
	}
	c, err := connect(user)
	if err != nil {
		return r, err
	}
	defer c.Close()
	id, err := submit(c, slices)
	if err != nil {
		return r, err
	}
	return drainJob(h, c, id, files, dir)
}

// connect connects the submitter; the hub sees a new name after a moment.
func connect(user *creds.File) (c *client.Client, err error) {
	for range 100 {
		if c, err = client.Open(context.Background(), user, "", software); err == nil {
			return c, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, err
}

// submit submits a job of that many slices.
func submit(c *client.Client, slices int) (id string, err error) {
	ctx := context.Background()
	digest, err := c.List(ctx, []byte("45.0.0.0/10\n"))
	if err != nil {
		return "", err
	}
	j, err := c.Submit(ctx, &job.Spec{
		Name: "bench", Mode: job.Split, Agents: "*", Slices: slices, Targets: digest,
		Options: job.OptionsOf(&plan.Config{
			PerPrefix: 1, Granularity4: 24, Granularity6: 48, Seed: "seed", Method: probe.UDP, MinTTL: 1, MaxTTL: 32, DstPort: 33434,
			Flows: 1, Attempts: 1, RatePPS: 1e6, Wait: time.Second, Memory: 64 << 20, Records: record.Traces,
		}),
	})
	if err != nil {
		return "", err
	}
	return j.ID, nil
}

// drainJob starts the agents, and measures until the job is done.
func drainJob(h *hub.Hub, c *client.Client, id string, files []*creds.File, dir string) (r drained, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	began, cpu := time.Now(), bench.CPUTime()
	sent, octets := h.Messages()
	prober := new(simulated)
	for _, file := range files {
		all.Go(func() {
			e := agent.Run(ctx, agent.Config{Creds: file, Dir: filepath.Join(dir, file.Name), Prober: prober, Software: software, Hostname: file.Name})
			if e != nil {
				fmt.Fprintln(os.Stderr, file.Name, e)
			}
		})
	}
	for {
		j, _, err := c.JobOf(ctx, id)
		if err != nil {
			return r, err
		}
		if j.Done >= j.Slices {
			r.targets = j.Targets
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.took, r.cpu = time.Since(began), bench.CPUTime()-cpu
	n, size := h.Messages()
	r.messages, r.octets = uint64(n-sent), uint64(size-octets)
	r.beats = uint64(r.took.Seconds() / 0.4 * float64(len(files))) // one each 400 ms, at least
	r.heap = bench.Heap()
	return r, nil
}
