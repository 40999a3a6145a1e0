// Command follow measures how many changes of paths are found, and how soon: by an engine of
// masstrace follow, and by scanning all targets again and again with the same budget. Both have the
// same simulated Internet with scheduled changes, and a virtual clock.
//
//	go run ./bench/follow [-nets N] [-budget PPS] [-minutes N] [-many N] [-o FILE]
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/follow/engine"
	"github.com/masstrace/masstrace/internal/follow/simulated"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/tabular"
)

func main() {
	nets := flag.Int("nets", 100, "/16s, with 20 targets each")
	budget := flag.Int("budget", 50, "probes per second")
	minutes := flag.Int("minutes", 30, "virtual time")
	manyNets := flag.Int("many", 400, "/16s with a target in each /24, to measure many targets; 0 does not")
	manyBudget := flag.Int("many-budget", 5000, "probes per second for these")
	only := flag.Bool("only-many", false, "measure nothing else")
	out := flag.String("o", "", "keep the table in this file")
	flag.Parse()
	if *only {
		body, err := many(*manyNets, *manyBudget, *minutes)
		fmt.Print(body)
		bench.Exit("follow", err)
		return
	}
	bench.Exit("follow", run(*nets, *budget, *minutes, *manyNets, *manyBudget, *out))
}

// run measures both ways in two networks.
func run(nets, budget, minutes, manyNets, manyBudget int, out string) error {
	table := tabular.Table{Columns: "ll", Head: []string{"network", "way", "changes", "found", "found %", "false %", "median delay s", "p90 s", "probes per change found"}}
	d := time.Duration(minutes) * time.Minute
	targets := 0
	for _, n := range []struct {
		name, preset string
		rerouted     float64
	}{{"default, many changes", "default", 0.2}, {"default, few changes", "default", 0.02}, {"multipath-hostile, few changes", "multipath-hostile", 0.02}} {
		preset := n.name
		cfg, err := netsim.Preset(n.preset)
		if err != nil {
			return err
		}
		begin := 15 * time.Minute // both know all paths by then
		cfg.Reroute, cfg.RerouteEvery, cfg.Rerouted = netsim.After(begin), 4*time.Minute, n.rerouted
		cfg.Remap, cfg.RemapEvery, cfg.Remapped = netsim.After(begin), 30*time.Minute, n.rerouted/4
		list := simulated.Targets(rand.New(rand.NewPCG(1, 2)), nets, 10, 2)
		targets = len(list)
		for _, way := range []struct {
			name string
			run  func(*simulated.World) []simulated.Found
		}{
			{"follow", func(w *simulated.World) []simulated.Found { return follow(w, list, budget, begin+d) }},
			{"scans", func(w *simulated.World) []simulated.Found { return scans(w, list, budget, begin+d) }},
		} {
			w, err := simulated.NewWorld(cfg)
			if err != nil {
				return err
			}
			told := way.run(w)
			v := w.Judge(w.Moments(list, int64(begin), int64(begin+d)), told)
			at := func(share float64) string {
				if len(v.Delays) == 0 {
					return "-"
				}
				return tabular.Number(v.Delays[int(share*float64(len(v.Delays)-1))].Seconds())
			}
			table.Add(preset, way.name, fmt.Sprint(v.True), fmt.Sprint(v.Found), tabular.Number(100*float64(v.Found)/float64(max(v.True, 1))),
				tabular.Number(100*float64(v.False)/float64(max(v.Told, 1))), at(0.5), at(0.9), tabular.Number(float64(w.Sent)/float64(max(v.Found, 1))))
			fmt.Println(table.Markdown())
		}
	}
	cost, err := many(manyNets, manyBudget, minutes)
	if err != nil {
		return err
	}
	body := fmt.Sprintf("`masstrace follow` and scans of all targets again and again: %d targets, %d probes a second, %d minutes of changes. "+
		"A change counts for each target. Two scans differ where both have an address at a TTL, and the addresses are not the same.\n\n%s\n"+
		"An engine that follows many targets, one in each /24 of the networks, in the simulated Internet. Few routes change.\n\n%s",
		targets, budget, minutes, table.Markdown(), cost)
	if fmt.Print(body); out == "" {
		return nil
	}
	return bench.Keep(out, bench.Follow, body)
}

func follow(w *simulated.World, list []probe.Addr, budget int, d time.Duration) []simulated.Found {
	take, told := simulated.Collect()
	e := engine.New(engine.Config{MinTTL: 1, MaxTTL: 32, Flows: engine.MostFlows, GapLimit: engine.DefaultGap, Changed: take}, list, 0)
	w.Follow(e, budget, d)
	return told()
}

// scans traces one target after the other, each up to its end, again and again.
func scans(w *simulated.World, list []probe.Addr, budget int, d time.Duration) (told []simulated.Found) {
	gap := int64(time.Second) / int64(budget)
	paths := make([][33]netip.Addr, len(list))
	at := make([]int64, len(list))
	order := rand.New(rand.NewPCG(3, 4)).Perm(len(list))
	for w.Now < int64(d) {
		for _, i := range order {
			var path [33]netip.Addr
			begin, silent := w.Now, 0
			for ttl := uint8(1); ttl <= 32 && silent < engine.DefaultGap; ttl++ {
				r, _, ok := w.Send(list[i], 0, ttl)
				w.Now += gap
				if silent++; ok {
					path[ttl], silent = r.From.Netip(), 0
				}
				if ok && r.End {
					simulated.Extend(&path, ttl)
					break
				}
			}
			if at[i] != 0 && simulated.Differ(paths[i], path) {
				told = append(told, simulated.Found{Target: list[i], NotBefore: at[i], NotAfter: w.Now, Told: w.Now})
			}
			paths[i], at[i] = path, begin
			if w.Now >= int64(d) {
				break
			}
		}
	}
	return slices.Clip(told)
}
