// Command fleet measures a hub: simulated agents drain many slices through the real broker, over
// loopback, and many more slices are leased in memory. No probe is sent.
//
//	go run ./bench/fleet [-agents N] [-slices N] [-leases N] [-o FILE]
package main

import (
	"flag"
	"fmt"
	"runtime"
	"time"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/fleet/lease"
	"github.com/masstrace/masstrace/internal/tabular"
)

func main() {
	agents := flag.Int("agents", 100, "simulated agents")
	slices := flag.Int("slices", 10_000, "slices that they drain")
	leases := flag.Int("leases", 1_000_000, "slices that are leased in memory")
	out := flag.String("o", "", "keep the tables in this file")
	flag.Parse()
	bench.Exit("fleet", run(*agents, *slices, *leases, *out))
}

func run(agents, slices, leases int, out string) error {
	r, err := drain(agents, slices)
	if err != nil {
		return err
	}
	n := float64(slices)
	t := tabular.Table{Columns: "lr", Head: []string{"draining through the broker", "value"}}
	t.Add("agents", tabular.Count(uint64(agents)))
	t.Add("slices", tabular.Count(uint64(slices)))
	t.Add("time", fmt.Sprintf("%.1f s", r.took.Seconds()))
	t.Add("slices per second", tabular.Number(n/r.took.Seconds()))
	t.Add("CPU time of all, per slice", fmt.Sprintf("%.2f ms", 1e3*r.cpu.Seconds()/n))
	t.Add("messages to the hub per slice", fmt.Sprintf("%.2f", float64(r.messages)/n))
	t.Add("of them life signs", fmt.Sprintf("%.2f", float64(r.beats)/n))
	t.Add("bytes to the hub per slice", tabular.Number(float64(r.octets)/n))
	t.Add("heap of hub and all agents", fmt.Sprintf("%.1f MiB", float64(r.heap)/(1<<20)))
	t.Add("targets in the ledger", tabular.Count(r.targets))
	l := leaseAll(leases, agents)
	m := tabular.Table{Columns: "lr", Head: []string{"leasing in memory", "value"}}
	m.Add("slices", tabular.Count(uint64(leases)))
	m.Add("lease and result", fmt.Sprintf("%.0f ns", l.perSlice))
	m.Add("heap", fmt.Sprintf("%.1f MiB", float64(l.heap)/(1<<20)))
	m.Add("bytes per slice", fmt.Sprintf("%.1f", float64(l.heap)/float64(leases)))
	body := "A hub with its broker, and simulated agents without probes, in one process: the figures are bounds on what the hub " +
		"itself needs. The second table has the leases alone, one after another for all agents in turn.\n\n" + t.Markdown() + "\n" + m.Markdown()
	if fmt.Print(body); out == "" {
		return nil
	}
	return bench.Keep(out, bench.Fleet, body)
}

// leased is the cost of leases.
type leased struct {
	perSlice float64 // ns
	heap     uint64  // octets, while all are done
}

// leaseAll leases and completes n slices, each agent one at a time.
func leaseAll(n, agents int) (l leased) {
	before := bench.Heap()
	names := make([]string, agents)
	for i := range names {
		names[i] = fmt.Sprint("agent-", i)
	}
	began := time.Now()
	table := lease.New(n, 1)
	now := began
	for i := 0; table.Left() > 0; i++ {
		agent := names[i%agents]
		if grant, ok := table.Grant(now, agent, nil); !ok || table.Complete(now, agent, grant) != nil {
			panic("a lease of a slice that nobody else has was refused")
		}
	}
	l.perSlice = float64(time.Since(began).Nanoseconds()) / float64(n)
	l.heap = bench.Heap() - before
	runtime.KeepAlive(table)
	return l
}
