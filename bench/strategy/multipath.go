package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/tabular"
	"github.com/masstrace/masstrace/internal/verify"
)

// How strategy multipath is measured.
const (
	pathRate = 20_000  // probes per second of masstrace
	fastRate = 100_000 // of the measurement of speed
	remapAt  = "5s"    // when balancers remap their flows, in the measurement of false links
)

// paths is the result of a scan for all paths, by verify.
type paths struct {
	nodes, links, falseNodes, falseLinks float64
	claimedLinks, marked, markedFalse    float64
	addresses, pairs                     float64
	targets, probes, seconds, octets     float64 // targets with a record
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
	var texts []string
	for _, part := range []func() (string, error){c.comparePaths, c.remapped, c.samePace, c.failures, c.speed} {
		text, err := part()
		if err != nil {
			return "", err
		}
		if text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n"), nil
}

// remapped counts false links if balancers remap their flows during the scan.
func (c *config) remapped() (string, error) {
	if c.pathRemap == 0 {
		return "", nil
	}
	table := tabular.Table{Columns: "lr", Head: []string{"tool", "links", "false links", "in 10,000", "marked links", "of these false"}}
	for _, t := range []*tool{pathScan(), pathScan("--no-borrow")} {
		var sum paths
		for seed := 1; seed <= c.pathSeeds; seed++ {
			p, err := c.tryPaths(t, c.pathRemap, pathRate, seed, "--preset=default", "--set=remap="+remapAt)
			if err != nil {
				return "", err
			}
			sum.add(p)
		}
		table.Add(t.name, tabular.Number(sum.claimedLinks), tabular.Number(sum.falseLinks), fmt.Sprintf("%.2f", 1e4*sum.falseLinks/sum.claimedLinks),
			tabular.Number(sum.marked), tabular.Number(sum.markedFalse))
	}
	return fmt.Sprintf("%d dense targets, default network, balancers remap their flows after %s, sums over %d network(s). Links without a mark "+
		"and the false ones of them; links that are marked as those of flows that moved.\n\n%s", c.pathRemap, remapAt, c.pathSeeds, table.Markdown()), nil
}

// samePace compares the times of a few targets at one rate.
func (c *config) samePace() (string, error) {
	if c.scamper == "" || c.pathFew == 0 {
		return "", nil
	}
	theirs, err := c.tryPaths(c.tracelb(), c.pathFew, mostRate, 1, "--preset=default")
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%d dense targets at %d probes per second: tracelb %s s", c.pathFew, mostRate, tabular.Number(theirs.seconds))
	for _, t := range []*tool{pathScan(), pathScan("--no-borrow")} {
		ours, err := c.tryPaths(t, c.pathFew, mostRate, 1, "--preset=default")
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf("; %s %s s, so that tracelb takes %.1f times as long", t.name, tabular.Number(ours.seconds), theirs.seconds/ours.seconds)
	}
	return text + ".\n", nil
}

// failures measures how often the search at a balancer misses a branch, by width.
func (c *config) failures() (string, error) {
	if c.balancers == 0 {
		return "", nil
	}
	rule := multipath.NewRule(0.95, multipath.PerBalancer, multipath.MaxBranches)
	table := tabular.Table{Columns: "rr", Head: []string{"width", "balancers", "missed a branch", "rule", "rule + 3σ"}}
	for _, width := range []int{2, 4, 8, 16} {
		var n, missed uint64
		for seed := 1; n < uint64(c.balancers) && seed <= 20; seed++ {
			w := strconv.Itoa(width)
			p, err := c.tryPaths(pathScan("--no-borrow"), c.balancers, pathRate, seed, "--preset=clean", "--set=diamonds=1",
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
		c.balancers, table.Markdown()), nil
}

func percentExactly(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

// speed measures the rate and the memory of a fast scan.
func (c *config) speed() (string, error) {
	if c.pathFast == 0 {
		return "", nil
	}
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
	p.claimedLinks, p.marked, p.markedFalse = p.claimedLinks+o.claimedLinks, p.marked+o.marked, p.markedFalse+o.markedFalse
	p.addresses, p.pairs = p.addresses+o.addresses, p.pairs+o.pairs
	p.targets, p.probes, p.seconds = p.targets+o.targets, p.probes+o.probes, p.seconds+o.seconds
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
		claimedLinks: float64(m.Links.Claimed), marked: float64(m.Links.Marked), markedFalse: float64(m.Links.MarkedFalse),
		targets: float64(m.Targets), probes: float64(seen.Simulator["received"]), seconds: used.Elapsed, octets: float64(used.Octets),
		addresses: float64(m.Nodes.AddressesFound) / float64(m.Nodes.Addresses), pairs: float64(m.Links.PairsFound) / float64(m.Links.Pairs),
		even: m.Balancers.Even, widths: m.Balancers.Widths,
	}
	fmt.Fprintf(os.Stderr, "network %d %v: %s: %.0f probes, %.4f and %.4f of the addresses and pairs, %.4f of the nodes, %.4f of the links, %.0f and %.0f false, %.1f s\n",
		seed, network, t.name, p.probes, p.addresses, p.pairs, p.nodes, p.links, p.falseNodes, p.falseLinks, p.seconds)
	return p, nil
}
