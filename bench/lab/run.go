package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/masstrace/masstrace/bench"
)

// maxTTL is the last of the TTLs that every tool probes.
const maxTTL = 32

// result is the result of one run.
type result struct {
	bench.Usage
	probes  float64 // probes received by the simulator
	lostOut float64 // probes that it did not receive
	lostIn  float64 // answers of the simulator that are missing from the tool's output
}

// series is the runs of a tool at a rate.
type series struct {
	tool    *tool
	rate    int
	results []result
}

// median returns the median of f over the runs.
func (s *series) median(f func(*result) float64) float64 {
	var v []float64
	for i := range s.results {
		v = append(v, f(&s.results[i]))
	}
	return bench.Median(v)
}

func (s *series) pps() float64 {
	return s.median(func(r *result) float64 { return r.probes / r.Seconds })
}

// nsPerProbe returns the processor time of the tool's own process per probe.
func (s *series) nsPerProbe() float64 {
	return s.median(func(r *result) float64 { return 1e9 * r.CPU / r.probes })
}

func (s *series) lost() float64 {
	return s.median(func(r *result) float64 { return r.lostOut + r.lostIn })
}

// keepsUp reports whether no probe was lost and the rate was kept.
func (s *series) keepsUp() bool { return s.lost() == 0 && s.pps() > 0.9*float64(s.rate) }

// measure runs all tools in turns, rate by rate. ceiling is the probes per second that the
// simulator received from a blaster, run by run.
func (c *config) measure() (all []series, ceiling []float64, err error) {
	tools := c.tools()
	for _, rate := range c.rates {
		now := make([]series, len(tools))
		for i := range c.rounds {
			for k := range tools {
				now[k].tool, now[k].rate = tools[k], rate
				fmt.Fprintf(os.Stderr, "measuring: %s at %d a second, round %d\n", tools[k].name, rate, i+1)
				r, err := c.try(tools[k], rate)
				if err != nil {
					return nil, nil, fmt.Errorf("%s at %d a second: %w", tools[k].name, rate, err)
				}
				now[k].results = append(now[k].results, r)
			}
			if len(ceiling) < c.rounds {
				pps, err := c.ceiling()
				if err != nil {
					return nil, nil, err
				}
				ceiling = append(ceiling, pps)
			}
		}
		tools = nil
		for i := range now {
			if now[i].keepsUp() && rate < now[i].tool.most {
				tools = append(tools, now[i].tool)
			}
		}
		all = append(all, now...)
	}
	return all, ceiling, nil
}

// try runs a tool once.
func (c *config) try(t *tool, rate int) (r result, err error) {
	targets := max(rate*c.seconds/maxTTL, 16)
	j := job{config: c, rate: rate, targets: filepath.Join(c.dir, "targets"), out: filepath.Join(c.dir, "out")}
	if err := writeTargets(j.targets, targets); err != nil {
		return r, err
	}
	if t.prepare != nil {
		if err := t.prepare(j, targets); err != nil {
			return r, err
		}
	}
	defer os.Remove(j.out)
	var seen bench.Seen
	r.Usage, seen, err = c.lab().Measured(t.input(j), t.command(j)...)
	if err != nil {
		return r, err
	}
	replies, err := t.replies(j)
	if err != nil {
		return r, err
	}
	r.probes = float64(seen.Simulator["received"])
	r.lostOut = float64(seen.LostIn)
	if !t.adapts {
		r.lostOut = float64(targets*maxTTL) - r.probes
	}
	r.lostIn = seen.Answers() - replies
	return r, nil
}

// ceiling returns how many probes per second the simulator can handle.
func (c *config) ceiling() (float64, error) {
	fmt.Fprintln(os.Stderr, "measuring: the simulator's ceiling")
	u, seen, err := c.lab().Measured("", bench.Part("blast", strconv.Itoa(c.seconds))...)
	if err != nil {
		return 0, fmt.Errorf("ceiling: %w", err)
	}
	return float64(seen.Simulator["received"]) / u.Seconds, nil
}

func (c *config) lab() *bench.Lab {
	return &bench.Lab{Masstrace: c.masstrace, Options: []string{"--preset", "clean"}, Dir: c.dir}
}
