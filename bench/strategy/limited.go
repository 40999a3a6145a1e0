package main

import (
	"fmt"
	"path/filepath"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/output"
)

// limited compares scans with and without manners where routers limit their
// answers.
func (c *config) limited() (string, error) {
	const rate, burst, near = 100, 50, 3
	table := bench.Table{Texts: 1, Head: []string{"who", "asked of TTLs 1–3", "answered", "share", "bound", "s"}}
	for _, t := range []*tool{
		scan("--strategy=exhaustive"), scan("--strategy=exhaustive", "--per-hop-rate=1000"),
		scan("--strategy=complete"), scan("--strategy=complete", "--per-hop-rate=1000"),
	} {
		var asked, answered, seconds []float64
		for seed := 1; seed <= c.seeds; seed++ {
			list := filepath.Join(c.dir, "targets")
			if err := writeSparse(list, uint64(seed), c.sparse); err != nil {
				return "", err
			}
			var sum output.Summary
			t.read = func(results string) (f found, err error) { return f, readSummary(results, &sum) }
			if _, err := c.try(t, list, seed, "--preset=clean", "--set=limited-routers=1",
				fmt.Sprintf("--set=router-rate=%d", rate), fmt.Sprintf("--set=router-burst=%d", burst)); err != nil {
				return "", fmt.Errorf("%s: %w", t.name, err)
			}
			a, r := 0.0, 0.0
			for _, at := range sum.ByTTL {
				if at.TTL <= near {
					a, r = a+float64(at.Sent), r+float64(at.Answered)
				}
			}
			asked, answered, seconds = append(asked, a), append(answered, r), append(seconds, sum.ElapsedS)
		}
		a, r, s := bench.Median(asked), bench.Median(answered), bench.Median(seconds)
		table.Add(t.name, bench.Number(a), bench.Number(r), percent(r/a), bench.Number(near*(rate*s+burst)), bench.Number(s))
	}
	return table.String(), nil
}
