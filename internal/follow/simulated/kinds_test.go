package simulated_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/follow/engine"
	"github.com/masstrace/masstrace/internal/follow/simulated"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/record"
)

// Routes and balancers are told from each other at least as often as the confidence claims, and few
// changes are unclear. The networks are always the same, so chance has no part.
func TestKinds(t *testing.T) {
	var k simulated.Kinds
	for _, preset := range []string{"default", "multipath-hostile", "multipath"} {
		for seed := range uint64(effort.Count(2, 10)) {
			follow(t, &k, preset, seed+1)
		}
	}
	t.Logf("told × cause, each unclear, route, balancer: %v", k.Events)
	for _, kind := range []record.ChangeKind{record.RouteChange, record.BalancerChange} {
		n, right, claimed := k.Told(kind)
		t.Logf("%v: %d events, %.3f of them right, %.3f claimed", kind, n, right, claimed)
		if n < 40 || right < claimed || right < 0.95 || claimed < 0.8 {
			t.Errorf("%v: %d events, %.3f of them right, %.3f claimed", kind, n, right, claimed)
		}
	}
	routes, _, _ := k.Told(record.RouteChange)
	balancers, _, _ := k.Told(record.BalancerChange)
	if unclear, _, _ := k.Told(record.UnclearChange); 4*unclear > routes+balancers+unclear {
		t.Errorf("%d unclear events, %d others", unclear, routes+balancers)
	}
}

// follow follows targets in a network whose routes and balancers change, and adds the events.
func follow(t *testing.T, k *simulated.Kinds, preset string, seed uint64) {
	t.Helper()
	cfg, err := netsim.Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	const begin = 3 * time.Minute
	cfg.Seed = seed
	cfg.Reroute, cfg.RerouteEvery, cfg.Rerouted = netsim.After(begin), 4*time.Minute, 0.04
	cfg.Remap, cfg.RemapEvery, cfg.Remapped = netsim.After(begin), 5*time.Minute, 0.1
	w, err := simulated.NewWorld(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var told []record.PathChange
	e := engine.New(engine.Config{
		MinTTL: 1, MaxTTL: 32, Flows: engine.MostFlows, GapLimit: engine.DefaultGap,
		Changed: func(c *record.PathChange) { told = append(told, *c) },
	}, simulated.Targets(rand.New(rand.NewPCG(seed, 2)), 25, 6, 2), 0)
	w.Follow(e, 100, begin+12*time.Minute)
	for i := range told {
		k.Add(w, &told[i])
	}
}
