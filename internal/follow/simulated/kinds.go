package simulated

import (
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Kinds compares the kinds of events, as they were told, with their causes. Judged by a network whose
// balancers never remap: if a path changes there too, its route has changed.
type Kinds struct {
	// Events has the number of events by the kind that was told, and the cause. The cause of a false
	// change is UnclearChange.
	Events [3][3]int
	claims [3]float64 // sums of the confidence
}

// Cause returns why the path to a target changed between two times.
func (w *World) Cause(target probe.Addr, from, to int64) record.ChangeKind {
	const slack = int64(20 * time.Millisecond) // of the ticks of the engine
	from, to = from-slack, to+slack
	switch {
	case Differ(w.pathBy(w.routes, target, from), w.pathBy(w.routes, target, to)):
		return record.RouteChange
	case Differ(w.Path(target, from), w.Path(target, to)):
		return record.BalancerChange
	}
	return record.UnclearChange
}

// Add judges an event.
func (k *Kinds) Add(w *World, c *record.PathChange) {
	k.Events[c.Kind][w.Cause(c.Target, c.NotBefore, c.NotAfter)]++
	k.claims[c.Kind] += c.Confidence
}

// Told returns how many events have a kind, the share of those whose cause it is, and the share
// that their confidence claims.
func (k *Kinds) Told(kind record.ChangeKind) (n int, right, claimed float64) {
	for _, m := range k.Events[kind] {
		n += m
	}
	if n == 0 {
		return 0, 1, 1
	}
	return n, float64(k.Events[kind][kind]) / float64(n), k.claims[kind] / float64(n)
}

// withoutRemaps returns the truth about a network whose balancers never remap.
func withoutRemaps(cfg netsim.Config) (*netsim.Truth, error) {
	cfg.Remap, cfg.RemapEvery = 0, 0
	sim, err := netsim.New(cfg)
	if err != nil {
		return nil, err
	}
	return sim.Truth(), nil
}

// pathBy returns Path by the truth about another network.
func (w *World) pathBy(truth *netsim.Truth, target probe.Addr, at int64) [33]netip.Addr {
	other := *w
	other.truth = truth
	return other.Path(target, at)
}
