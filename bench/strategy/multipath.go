package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/tabular"
	"github.com/masstrace/masstrace/internal/verify"
)

// How strategy multipath is measured.
const (
	pathRate   = 20_000  // probes per second of masstrace
	fastRate   = 100_000 // of the measurement of speed
	fewTargets = 500     // of the comparison of time at one rate
	balancers  = 1000    // of each width
)

// paths is the result of a scan for all paths, by verify.
type paths struct {
	nodes, links, falseNodes, falseLinks float64
	addresses, pairs                     float64
	probes, seconds, octets              float64
	even                                 verify.Calibration
	widths                               []verify.WidthCount
}

// pathScan returns masstrace with strategy multipath and some options.
func pathScan(options ...string) *tool {
	return scan(append([]string{"--strategy=multipath"}, options...)...)
}

// tracelb returns scamper's multipath detection, with its smallest waits. With more targets at once its
// socket for routes overflows, and it leaves targets out.
func (c *config) tracelb() *tool {
	return &tool{name: "scamper tracelb", command: func(c *config, list, results string, rate, _ int) []string {
		return []string{c.scamper, "-O", "warts", "-o", results, "-p", strconv.Itoa(min(rate, mostRate)), "-w", "350",
			"-c", "tracelb -P udp-sport -w 1 -W 15 -q 1", "-f", list}
	}}
}

// allPaths compares the ways to find all paths, and returns the tables.
func (c *config) allPaths() (string, error) {
	text, err := c.comparePaths()
	if err != nil {
		return "", err
	}
	for _, part := range []func() (string, error){c.samePace, c.failures, c.speed} {
		more, err := part()
		if err != nil {
			return "", err
		}
		text += "\n" + more
	}
	return text, nil
}

// comparePaths compares the ways on the default network.
func (c *config) comparePaths() (string, error) {
	tools := []*tool{pathScan(), pathScan("--no-borrow"), pathScan("--mda=full")}
	if c.scamper != "" && c.tracelbSeeds > 0 {
		t := c.tracelb()
		t.seeds = c.tracelbSeeds
		tools = append(tools, t)
	}
	table := tabular.Table{Columns: "lr", Head: []string{
		"tool", "addresses", "pairs", "nodes", "links", "false nodes", "false links", "probes per target", "s", "complete balancers", "whole", "claimed",
	}}
	for _, t := range tools {
		sum, n := paths{}, 0
		for seed := 1; seed <= c.pathSeeds && (t.seeds == 0 || seed <= t.seeds); seed++ {
			p, err := c.tryPaths(t, c.pathTargets, pathRate, seed, "--preset=default")
			if err != nil {
				return "", err
			}
			sum.add(p)
			n++
		}
		k := float64(n)
		table.Add(t.name, percent(sum.addresses/k), percent(sum.pairs/k), percent(sum.nodes/k), percent(sum.links/k), tabular.Number(sum.falseNodes), tabular.Number(sum.falseLinks),
			tabular.Number(sum.probes/k/float64(c.pathTargets)), tabular.Number(sum.seconds/k), tabular.Count(sum.even.Balancers),
			percent(float64(sum.even.Whole)/float64(sum.even.Balancers)), percent(sum.even.Claimed/float64(sum.even.Balancers)))
	}
	return fmt.Sprintf("%d dense targets, default network, %d probes per second requested (scamper: at most %d), means over %d network(s), "+
		"tracelb over %d; false nodes and links are sums. Addresses and pairs of adjacent ones are shares of all different ones that answer, over all "+
		"flows to all targets. Nodes and links are those of each target on its own: near routers that limit their answers miss for most. Complete "+
		"balancers are those with equal shares that were not borrowed: the share that was found as a whole, and the mean confidence claimed.\n\n%s",
		c.pathTargets, pathRate, mostRate, c.pathSeeds, min(c.tracelbSeeds, c.pathSeeds), table.Markdown()), nil
}

// samePace compares the times of a few targets at one rate.
func (c *config) samePace() (string, error) {
	if c.scamper == "" || c.tracelbSeeds == 0 {
		return "", nil
	}
	ours, err := c.tryPaths(pathScan(), fewTargets, mostRate, 1, "--preset=default")
	if err != nil {
		return "", err
	}
	theirs, err := c.tryPaths(c.tracelb(), fewTargets, mostRate, 1, "--preset=default")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d dense targets at %d probes per second: %s s, tracelb %s s, which is %.1f times as long.\n", fewTargets, mostRate,
		tabular.Number(ours.seconds), tabular.Number(theirs.seconds), theirs.seconds/ours.seconds), nil
}

// failures measures how often the search at a balancer misses a branch, by width.
func (c *config) failures() (string, error) {
	rule := multipath.NewRule(0.95, multipath.PerBalancer, multipath.MaxBranches)
	table := tabular.Table{Columns: "rr", Head: []string{"width", "balancers", "missed a branch", "rule", "rule + 3σ"}}
	for _, width := range []int{2, 4, 8, 16} {
		var n, missed uint64
		for seed := 1; n < balancers && seed <= 20; seed++ {
			w := strconv.Itoa(width)
			p, err := c.tryPaths(pathScan("--no-borrow"), balancers, pathRate, seed, "--preset=clean", "--set=diamonds=1",
				"--set=min-width="+w, "--set=max-width="+w, "--set=per-flow=1", "--set=per-destination=0", "--set=per-packet=0")
			if err != nil {
				return "", err
			}
			for _, is := range p.widths {
				if is.Width == width {
					n, missed = n+is.Balancers, missed+is.Missed
				}
			}
		}
		exact := rule.Failure(width)
		table.Add(strconv.Itoa(width), tabular.Count(n), percentExactly(float64(missed)/float64(n)), percentExactly(exact),
			percentExactly(exact+3*math.Sqrt(exact*(1-exact)/float64(n))))
	}
	return fmt.Sprintf("Balancers that missed a branch, by width, without loss and without borrowing: at least %d balancers each.\n\n%s",
		balancers, table.Markdown()), nil
}

func percentExactly(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

// speed measures the rate and the memory of a fast scan.
func (c *config) speed() (string, error) {
	p, err := c.tryPaths(pathScan("--no-borrow"), c.pathFast, fastRate, 1, "--preset=clean")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d dense targets, %d probes per second requested, without borrowing: %s probes in %s s from start to end, %s per second; "+
		"largest memory %s MiB.\n", c.pathFast, fastRate, tabular.Number(p.probes), tabular.Number(p.seconds), tabular.Number(p.probes/p.seconds),
		tabular.Number(p.octets/(1<<20))), nil
}

// add adds a result.
func (p *paths) add(o *paths) {
	p.nodes, p.links, p.falseNodes, p.falseLinks = p.nodes+o.nodes, p.links+o.links, p.falseNodes+o.falseNodes, p.falseLinks+o.falseLinks
	p.addresses, p.pairs = p.addresses+o.addresses, p.pairs+o.pairs
	p.probes, p.seconds = p.probes+o.probes, p.seconds+o.seconds
	p.even.Balancers, p.even.Whole = p.even.Balancers+o.even.Balancers, p.even.Whole+o.even.Whole
	p.even.Claimed += o.even.Claimed * float64(o.even.Balancers)
}

// tryPaths runs a tool on so many dense targets in a network, and judges its results.
func (c *config) tryPaths(t *tool, targets, rate, seed int, network ...string) (*paths, error) {
	list, results, log := filepath.Join(c.dir, "targets"), filepath.Join(c.dir, "results"), filepath.Join(c.dir, "log")
	if err := writeDense(list, uint64(seed), targets); err != nil {
		return nil, err
	}
	lab := bench.Lab{Masstrace: c.masstrace, Options: append([]string{"--net-seed", strconv.Itoa(seed), "--log", log}, network...),
		Dir: c.dir, Work: c.dir}
	for _, name := range []string{results, log} {
		if err := os.RemoveAll(name); err != nil {
			return nil, err
		}
	}
	used, seen, err := lab.Measured("", t.command(c, list, results, rate, seed)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	report, err := verify.Run(context.Background(), verify.Config{Results: results, Log: log, Targets: []string{list}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	m := report.Multipath
	if m == nil {
		return nil, fmt.Errorf("%s: no multipath records", t.name)
	}
	p := &paths{
		nodes: m.Nodes.Share, links: m.Links.Share, falseNodes: float64(m.Nodes.False()), falseLinks: float64(m.Links.False()),
		probes: float64(seen.Simulator["received"]), seconds: used.Elapsed, octets: float64(used.Octets),
		addresses: float64(m.Nodes.AddressesFound) / float64(m.Nodes.Addresses), pairs: float64(m.Links.PairsFound) / float64(m.Links.Pairs),
		even: m.Balancers.Even, widths: m.Balancers.Widths,
	}
	fmt.Fprintf(os.Stderr, "network %d %v: %s: %.0f probes, %.4f and %.4f of the addresses and pairs, %.4f of the nodes, %.4f of the links, %.0f and %.0f false, %.1f s\n",
		seed, network, t.name, p.probes, p.addresses, p.pairs, p.nodes, p.links, p.falseNodes, p.falseLinks, p.seconds)
	return p, nil
}
