package commands

import (
	"fmt"
	"iter"

	"github.com/masstrace/masstrace/internal/follow"
	"github.com/masstrace/masstrace/internal/listen"
	"github.com/masstrace/masstrace/internal/metrics"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/watch/screen"
)

// followedSeries returns the states of followed targets as metrics.
func followedSeries(states iter.Seq[follow.State]) iter.Seq[metrics.Target] {
	return func(yield func(metrics.Target) bool) {
		for s := range states {
			if !yield(metrics.Target{
				Addr: s.Target.String(), Known: s.Traced, Reached: s.Reached, RTT: s.RTT, Hops: int(s.Last), Loss: s.Loss, Changes: uint64(s.Changes),
			}) {
				return
			}
		}
	}
}

// watchedSeries returns the states of watched targets as metrics.
func watchedSeries(source screen.Source) iter.Seq[metrics.Target] {
	return func(yield func(metrics.Target) bool) {
		var list []metrics.Target
		source.View(func(b *board.Board) {
			for _, t := range b.Targets {
				list = append(list, watchedTarget(t))
			}
		})
		for _, t := range list {
			if !yield(t) {
				return
			}
		}
	}
}

// watchedTarget returns the state of a watched target. Several flows are one: the first that reaches the
// target has its time and hops, and the loss is the mean of all.
func watchedTarget(t *board.Target) metrics.Target {
	m := metrics.Target{Addr: t.Addr.String(), Name: t.Name, Changes: t.Changed}
	known := 0
	for _, p := range t.Flows {
		e := board.EndingOf(p)
		if e.Reason == board.Waiting {
			continue
		}
		known++
		if e.Reason != board.Reached {
			m.Loss++
			if !m.Reached {
				m.Hops = max(m.Hops, int(e.TTL))
			}
			continue
		}
		if m.Loss += e.Loss; !m.Reached {
			m.Reached, m.Hops, m.RTT = true, int(e.TTL), p.Hop(e.TTL).Last
		}
	}
	if m.Known = known > 0; m.Known {
		m.Loss /= float64(known)
	}
	return m
}

// serve serves the metrics; it returns nil without --metrics. Where no screen is shown, it prints the
// address, which has the port that was chosen.
func (w *watching) serve(onScreen bool) (*listen.Server, error) {
	if w.cmd.Metrics == "" {
		return nil, nil
	}
	server, err := metrics.Serve(w.cmd.Metrics, metrics.NewTargets(version, watchedSeries(w.source)))
	if err != nil {
		return nil, fmt.Errorf("--metrics: %w", err)
	}
	if !onScreen {
		newConsole(w.s, false).line("metrics: http://" + server.Addr() + "/metrics")
	}
	return server, nil
}
