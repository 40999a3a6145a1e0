package main

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/follow/engine"
	"github.com/masstrace/masstrace/internal/follow/simulated"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/tabular"
)

// many measures what many targets cost: one in each /24 of some /16s.
func many(nets, budget, minutes int) (string, error) {
	cfg, err := netsim.Preset("default")
	if err != nil {
		return "", err
	}
	list := simulated.Targets(rand.New(rand.NewPCG(5, 6)), nets, 256, 1)
	begin := time.Duration(len(list)*24/budget) * time.Second
	cfg.Reroute, cfg.RerouteEvery, cfg.Rerouted = netsim.After(begin), 10*time.Minute, 0.02
	w, err := simulated.NewWorld(cfg)
	if err != nil {
		return "", err
	}
	take, told := simulated.Collect()
	before := bench.Heap()
	e := engine.New(engine.Config{MinTTL: 1, MaxTTL: 32, Flows: engine.MostFlows, GapLimit: engine.DefaultGap, Changed: take}, list, 0)
	var first time.Duration
	for ; e.Counts.Traced < uint64(len(list)) && first < 2*begin; first += 10 * time.Second {
		w.Follow(e, budget, 10*time.Second)
	}
	asked, used, sent := e.Counts.Routine, cpu(), w.Sent
	d := time.Duration(minutes) * time.Minute
	w.Follow(e, budget, d)
	used, sent = cpu()-used, w.Sent-sent
	routine := float64(e.Counts.Routine-asked) / d.Seconds()
	mem := bench.Heap() - before
	at := cpu()
	state, err := e.Save(w.Now)
	if err != nil {
		return "", err
	}
	saved := cpu() - at
	simulation := probing(w, list, min(sent, 300_000))
	v := w.Judge(w.Moments(sample(list), int64(first), w.Now-int64(2*time.Minute)), of(told(), sample(list)))

	t := tabular.Table{Columns: "lr", Head: []string{"many targets", "value"}}
	row := func(name, value string) { t.Add(name, value) }
	row("targets", tabular.Number(float64(len(list))))
	row("probes a second", tabular.Number(float64(budget)))
	row("first scan of all", first.String())
	row("probes of it per target", tabular.Number(float64(e.Counts.First)/float64(len(list))))
	row("then each target is asked every", (time.Duration(float64(len(list))/routine) * time.Second).String())
	row("heap per target, bytes", tabular.Number(float64(mem)/float64(len(list))))
	row("heap, MiB", tabular.Number(float64(mem)/(1<<20)))
	row("CPU time of the engine per probe, µs", tabular.Number(used/float64(sent)*1e6-simulation))
	row("CPU time of the simulator per probe, µs", tabular.Number(simulation))
	row("state, MiB", tabular.Number(float64(len(state))/(1<<20)))
	row("CPU time to encode the state, ms", tabular.Number(saved*1000))
	row("changes of every 50th target", fmt.Sprint(v.True))
	row("found, %", tabular.Number(100*float64(v.Found)/float64(max(v.True, 1))))
	row("false, %", tabular.Number(100*float64(v.False)/float64(max(v.Told, 1))))
	if len(v.Delays) > 0 {
		row("median delay, s", tabular.Number(v.Delays[len(v.Delays)/2].Seconds()))
	}
	return t.Markdown(), nil
}

// probing returns the CPU time of a simulated probe, in µs.
func probing(w *simulated.World, list []probe.Addr, n int) float64 {
	r := rand.New(rand.NewPCG(7, 8))
	begin := cpu()
	for range n {
		w.Send(list[r.IntN(len(list))], 0, uint8(1+r.IntN(15)))
	}
	return (cpu() - begin) / float64(n) * 1e6
}

// sample returns every 50th target: the truth about all would take long.
func sample(list []probe.Addr) (some []probe.Addr) {
	for i := 0; i < len(list); i += 50 {
		some = append(some, list[i])
	}
	return some
}

// of returns the changes of some targets.
func of(told []simulated.Found, list []probe.Addr) (some []simulated.Found) {
	in := map[probe.Addr]bool{}
	for _, t := range list {
		in[t] = true
	}
	for _, f := range told {
		if in[f.Target] {
			some = append(some, f)
		}
	}
	return some
}

// cpu returns the CPU time of the process in user mode, in s.
func cpu() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano()).Seconds()
}
