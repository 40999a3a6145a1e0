package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/tabular"
)

// found is the result of one run.
type found struct {
	probes     float64 // received by the simulator
	seconds    float64 // of the tool, from start to end
	interfaces float64
	// hops are the routers' answers; nil if the tool does not record them.
	hops map[hop]bool
	// probed is the last TTL of each target, if all TTLs up to it were probed.
	probed map[netip.Addr]uint8
	recall float64 // see recallOf
}

// hop identifies an answer of a router; the router itself does not matter.
type hop struct {
	target netip.Addr
	ttl    uint8
}

// recallOf returns the share of the hops in all that f has found, or probed without an answer: loss
// and limits suppress answers by chance.
func (f *found) recallOf(all *found) float64 {
	n := 0
	for h := range all.hops {
		if f.hops[h] || h.ttl <= f.probed[h.target] {
			n++
		}
	}
	return float64(n) / float64(len(all.hops))
}

// targets is a list to trace.
type targets struct {
	name         string
	n            int
	rate         int // probes per second
	seeds        int // number of networks
	scamperSeeds int // number of networks for scamper
	write        func(path string, seed uint64, n int) error
	curve        bool // with the curve of topology's parameters
}

// tool is a program to measure, with its options.
type tool struct {
	name string
	// command returns the command that traces a list and writes results to a file.
	command func(c *config, list, results string, rate, seed int) []string
	read    func(results string) (found, error)
	// part is set if not all TTLs up to the end are probed. seeds is the number of networks; 0
	// means all.
	part  bool
	seeds int
}

// scan returns masstrace with some options.
func scan(options ...string) *tool {
	name := "masstrace"
	for _, o := range options {
		name += " " + o
	}
	return &tool{name: name, read: readRecords, command: func(c *config, list, results string, rate, seed int) []string {
		return append([]string{c.masstrace, "scan", "-q", "--rate", strconv.Itoa(rate), "--seed", strconv.Itoa(seed),
			"--overwrite", "-o", results, list}, options...)
	}}
}

// topology returns masstrace with the parameters of a point of the curve.
func topology(gap, overlap int) *tool {
	t := scan("--strategy=topology", fmt.Sprintf("--gap-limit=%d", gap), fmt.Sprintf("--overlap=%d", overlap))
	t.part = true
	return t
}

const (
	flashRoute = "FlashRoute"
	mostRate   = 10_000 // of scamper
)

// tools returns the tools to compare. The first one is the reference for the shares, the last ones
// are topology's curve.
func (c *config) tools(l *targets) (all []*tool, curve int) {
	all = []*tool{scan("--strategy=exhaustive"), scan("--strategy=complete")}
	if c.scamper != "" && l.scamperSeeds > 0 {
		all = append(all, &tool{name: "scamper", read: readRecords, seeds: l.scamperSeeds,
			command: func(c *config, list, results string, rate, _ int) []string {
				// -w 0: no limit of parallel traces, because scamper mostly waits.
				return []string{c.scamper, "-O", "json", "-o", results, "-p", strconv.Itoa(min(rate, mostRate)), "-w", "0",
					"-c", "trace -P udp-paris -d 33434 -f 1 -m 32", "-f", list}
			}})
	}
	if c.flashroute != "" {
		all = append(all, &tool{name: flashRoute, read: readFlashRoute, part: true,
			command: func(c *config, list, results string, rate, seed int) []string {
				return []string{c.flashroute, "--interface=uplink0", "--prober_type=udp", "--dst_port=33434", "--granularity=24",
					"--probing_rate=" + strconv.Itoa(rate), "--seed=" + strconv.Itoa(seed),
					"--targets=" + list, "--output=" + results}
			}})
	}
	curve = len(all)
	if l.curve {
		return append(all, topology(1, 1), topology(2, 2), topology(3, 3), topology(5, 4)), curve
	}
	return append(all, topology(2, 2), topology(3, 3)), curve
}

// compare traces a list with every tool in every network.
func (c *config) compare(l *targets) (string, error) {
	tools, curve := c.tools(l)
	results := make([][]found, len(tools))
	for seed := 1; seed <= l.seeds; seed++ {
		list := filepath.Join(c.dir, "targets")
		if err := l.write(list, uint64(seed), l.n); err != nil {
			return "", err
		}
		var all found
		for i, t := range tools {
			if t.seeds > 0 && seed > t.seeds {
				continue
			}
			f, err := c.try(t, list, l.rate, seed, "--preset=default")
			if err != nil {
				return "", fmt.Errorf("%s: %w", t.name, err)
			}
			if i == 0 {
				all = f
			}
			if !t.part {
				f.recall = f.recallOf(&all)
			}
			f.interfaces /= all.interfaces
			f.hops, f.probed = nil, nil
			results[i] = append(results[i], f)
			fmt.Fprintf(os.Stderr, "network %d: %s: %.0f probes, %.4f of the interfaces, recall %.4f, %.1f s\n",
				seed, t.name, f.probes, f.interfaces, f.recall, f.seconds)
		}
	}
	table := tabular.Table{Columns: "lr", Head: []string{"tool", "probes", "of 32 per target", "of exhaustive", "interfaces", "recall", "s"}}
	medians := make([]found, len(tools))
	for i, t := range tools {
		med := func(f func(f *found) float64) float64 {
			var v []float64
			for k := range results[i] {
				v = append(v, f(&results[i][k]))
			}
			return bench.Median(v)
		}
		m := &medians[i]
		m.probes, m.interfaces = med(func(f *found) float64 { return f.probes }), med(func(f *found) float64 { return f.interfaces })
		table.Add(t.name, tabular.Number(m.probes), percent(m.probes/float64(32*l.n)), percent(m.probes/medians[0].probes),
			percent(m.interfaces), percent(med(func(f *found) float64 { return f.recall })),
			tabular.Number(med(func(f *found) float64 { return f.seconds })))
	}
	text := fmt.Sprintf("%d %s targets, default network, %d probes per second requested (scamper: at most %d), medians over %d network(s)",
		l.n, l.name, l.rate, mostRate, l.seeds)
	if c.scamper != "" && l.scamperSeeds > 0 {
		text += fmt.Sprintf(", scamper over %d", min(l.seeds, l.scamperSeeds))
	}
	text += ". Interfaces are of routers, as shares of those that exhaustive finds. Recall is the share of its hops that were found, or probed " +
		"without an answer, because loss and limits suppress answers by chance.\n\n" + table.Markdown()
	for i, t := range tools {
		if t.name == flashRoute {
			text += "\n" + against(&medians[i], medians[curve:]) + "\n"
		}
	}
	return text, nil
}

// against compares FlashRoute with the curve of topology, once at the same number of probes, and
// once at the same number of interfaces. The points of the curve are in ascending order of
// probes.
func against(f *found, curve []found) string {
	text := "Against FlashRoute, by the curve of topology: "
	if last := &curve[len(curve)-1]; last.probes <= f.probes {
		text += fmt.Sprintf("%s of the interfaces with %s of its probes", percent(last.interfaces), percent(last.probes/f.probes))
	} else {
		text += fmt.Sprintf("%s of the interfaces at its number of probes", percent(between(curve, f.probes,
			func(p *found) float64 { return p.probes }, func(p *found) float64 { return p.interfaces })))
	}
	if first := &curve[0]; first.interfaces >= f.interfaces {
		return text + fmt.Sprintf("; more than its interfaces (%s) with %s of its probes.", percent(first.interfaces),
			percent(first.probes/f.probes))
	}
	return text + fmt.Sprintf("; its interfaces with %s of its probes.", percent(between(curve, f.interfaces,
		func(p *found) float64 { return p.interfaces }, func(p *found) float64 { return p.probes })/f.probes))
}

// between returns y at the point where x is at, by linear interpolation between points.
func between(points []found, at float64, x, y func(p *found) float64) float64 {
	i := 1
	for i < len(points)-1 && x(&points[i]) < at {
		i++
	}
	a, b := &points[i-1], &points[i]
	return y(a) + (at-x(a))/(x(b)-x(a))*(y(b)-y(a))
}

func percent(share float64) string {
	if share == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}

// try runs a tool on a list in a network.
func (c *config) try(t *tool, list string, rate, seed int, network ...string) (f found, err error) {
	results := filepath.Join(c.dir, "results")
	lab := bench.Lab{Masstrace: c.masstrace, Options: append([]string{"--net-seed", strconv.Itoa(seed)}, network...),
		Dir: c.dir, Work: c.dir} // FlashRoute writes into its working folder
	used, seen, err := lab.Measured("", t.command(c, list, results, rate, seed)...)
	if err != nil {
		return f, err
	}
	f, err = t.read(results)
	f.seconds, f.probes = used.Elapsed, float64(seen.Simulator["received"])
	return f, err
}
