package main

import (
	"fmt"
	"path/filepath"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/tabular"
)

// The limited network, and how it is probed.
const (
	limitRate  = 100 // answers per second of each router
	limitBurst = 50
	limitNear  = 3 // number of TTLs at which routers see every probe
	askRate    = 10_000
)

// limited compares scans with and without politeness in a network whose routers limit their
// answers.
func (c *config) limited() (string, error) {
	table := tabular.Table{Columns: "lr", Head: []string{"tool", "probes", "answers", "per probe", "bound", "s", "× answers", "× per probe", "× time"}}
	for _, strategy := range []string{"exhaustive", "complete"} {
		plain := [3]float64{}
		for _, options := range [][]string{{"--strategy=" + strategy}, {"--strategy=" + strategy, "--per-hop-rate=1000"}} {
			t := scan(options...)
			asked, answered, s, err := c.nearAnswers(t)
			if err != nil {
				return "", fmt.Errorf("%s: %w", t.name, err)
			}
			row := []string{t.name, tabular.Number(asked), tabular.Number(answered), percent(answered / asked),
				tabular.Number(limitNear * (limitRate*s + limitBurst)), tabular.Number(s)}
			if plain[0] == 0 {
				plain = [3]float64{answered, answered / asked, s}
			}
			for i, v := range [3]float64{answered, answered / asked, s} {
				row = append(row, fmt.Sprintf("%.2f", v/plain[i]))
			}
			table.Add(row...)
		}
	}
	return fmt.Sprintf("%d sparse targets, %d probes per second, every router limited to %d answers a second, in bursts of %d, medians over "+
		"%d network(s). Probes and answers are those at TTLs 1 to %d, where the routers see every probe. The bound is the limit times the "+
		"duration, plus the burst. × is the ratio to the same strategy without --per-hop-rate.\n\n%s",
		c.limitedTargets, askRate, limitRate, limitBurst, c.limitedSeeds, limitNear, table.Markdown()), nil
}

// nearAnswers returns the probes and answers of the near routers, and how long the scan took, in s:
// medians over networks.
func (c *config) nearAnswers(t *tool) (asked, answered, seconds float64, err error) {
	var all [3][]float64
	for seed := 1; seed <= c.limitedSeeds; seed++ {
		list := filepath.Join(c.dir, "targets")
		if err := writeSparse(list, uint64(seed), c.limitedTargets); err != nil {
			return 0, 0, 0, err
		}
		var sum record.Summary
		t.read = func(results string) (f found, err error) { return f, bench.ReadSummary(results, &sum) }
		if _, err := c.try(t, list, askRate, seed, "--preset=clean", "--set=limited-routers=1",
			fmt.Sprintf("--set=router-rate=%d", limitRate), fmt.Sprintf("--set=router-burst=%d", limitBurst)); err != nil {
			return 0, 0, 0, err
		}
		a, r := 0.0, 0.0
		for _, at := range sum.ByTTL[:limitNear+1] {
			a, r = a+float64(at.Sent), r+float64(at.Answered)
		}
		for i, v := range [3]float64{a, r, sum.ElapsedS} {
			all[i] = append(all[i], v)
		}
	}
	return bench.Median(all[0]), bench.Median(all[1]), bench.Median(all[2]), nil
}
