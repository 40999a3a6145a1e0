package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/masstrace/masstrace/bench"
)

// found is what one run came to.
type found struct {
	probes     float64 // that the simulator received
	seconds    float64 // of the tool, start and end included
	interfaces float64
	hops       float64 // (target, TTL) of routers; 0 if the tool does not tell
}

// tool is somebody who traces.
type tool struct {
	name string
	// command returns how to trace a list, with results in a file.
	command func(c *config, list, results string, seed int) []string
	read    func(results string) (found, error)
}

// scan returns masstrace with some options.
func scan(options ...string) *tool {
	name := "masstrace"
	for _, o := range options {
		name += " " + o
	}
	return &tool{name: name, read: readRecords, command: func(c *config, list, results string, seed int) []string {
		return append([]string{c.masstrace, "scan", "-q", "--rate", strconv.Itoa(c.rate), "--seed", strconv.Itoa(seed),
			"-o", results, list}, options...)
	}}
}

// topology returns masstrace with a point of the curve.
func topology(gap, overlap int) *tool {
	return scan("--strategy=topology", fmt.Sprintf("--gap-limit=%d", gap), fmt.Sprintf("--overlap=%d", overlap))
}

// tools returns who is compared; the first one is what others are a share of.
func (c *config) tools() []*tool {
	all := []*tool{scan("--strategy=exhaustive"), scan("--strategy=complete")}
	if c.scamper != "" {
		all = append(all, &tool{name: "scamper", read: readRecords, command: func(c *config, list, results string, _ int) []string {
			return []string{c.scamper, "-O", "json", "-o", results, "-p", strconv.Itoa(c.rate), "-w", "2000",
				"-c", "trace -P udp-paris -d 33434 -f 1 -m 32", "-f", list}
		}})
	}
	if c.flashroute != "" {
		all = append(all, &tool{name: "FlashRoute", read: readFlashRoute, command: func(c *config, list, results string, seed int) []string {
			return []string{c.flashroute, "--interface=uplink0", "--prober_type=udp", "--dst_port=33434", "--granularity=24",
				"--probing_rate=" + strconv.Itoa(c.rate), "--seed=" + strconv.Itoa(seed),
				"--targets=" + list, "--output=" + results}
		}})
	}
	return append(all, topology(1, 1), topology(2, 1), topology(2, 2), topology(3, 2), topology(3, 3), topology(5, 4))
}

// compare traces n targets with every tool in every network.
func (c *config) compare(n int, write func(path string, seed uint64, n int) error) (string, error) {
	tools := c.tools()
	results := make([][]found, len(tools))
	for seed := 1; seed <= c.seeds; seed++ {
		list := filepath.Join(c.dir, "targets")
		if err := write(list, uint64(seed), n); err != nil {
			return "", err
		}
		for i, t := range tools {
			f, err := c.try(t, list, seed, "--preset=default")
			if err != nil {
				return "", fmt.Errorf("%s: %w", t.name, err)
			}
			results[i] = append(results[i], f)
			fmt.Fprintf(os.Stderr, "network %d: %s: %+v\n", seed, t.name, f)
		}
	}
	table := bench.Table{Texts: 1, Head: []string{"who", "probes", "of 32 a target", "interfaces", "hops", "s"}}
	for i, t := range tools {
		med := func(f func(f, all *found) float64) float64 {
			var v []float64
			for k := range results[i] {
				v = append(v, f(&results[i][k], &results[0][k]))
			}
			return bench.Median(v)
		}
		table.Add(t.name,
			bench.Number(med(func(f, _ *found) float64 { return f.probes })),
			percent(med(func(f, _ *found) float64 { return f.probes / float64(32*n) })),
			percent(med(func(f, all *found) float64 { return f.interfaces / all.interfaces })),
			percent(med(func(f, all *found) float64 { return f.hops / all.hops })),
			bench.Number(med(func(f, _ *found) float64 { return f.seconds })))
	}
	return table.String(), nil
}

func percent(share float64) string {
	if share == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}

// try lets a tool trace a list in a network.
func (c *config) try(t *tool, list string, seed int, network ...string) (f found, err error) {
	results, counters := filepath.Join(c.dir, "results"), filepath.Join(c.dir, "counters")
	args := append([]string{"lab", "--counters", counters, "--net-seed", strconv.Itoa(seed)}, network...)
	args = append(append(args, "--"), t.command(c, list, results, seed)...)
	cmd := exec.Command(c.masstrace, args...)
	cmd.Dir = c.dir // FlashRoute writes beside itself
	seconds, err := timed(cmd)
	if err != nil {
		return f, err
	}
	if f, err = t.read(results); err != nil {
		return f, err
	}
	var counted struct {
		Simulator map[string]uint64 `json:"simulator"`
	}
	text, err := os.ReadFile(counters)
	if err == nil {
		err = json.Unmarshal(text, &counted)
	}
	f.seconds, f.probes = seconds, float64(counted.Simulator["received"])
	return f, err
}

// timed runs a command and returns how long it took.
func timed(cmd *exec.Cmd) (seconds float64, err error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	began := now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%w\n%s", err, said.Bytes())
	}
	return now() - began, nil
}
