// Command strategy measures how many probes the strategies of a scan need for their results, in the
// simulated Internet of masstrace lab. It compares them with FlashRoute and scamper if their paths
// are given. It measures probes, interfaces (of routers) and hops, for several of topology's
// parameters. It also measures the effect of politeness if routers limit their answers, and strategy
// multipath beside scamper's tracelb. All tools
// trace the same targets in the same networks, in turns. Results are medians over networks.
//
//	go run ./bench/strategy [-masstrace PATH] [-flashroute PATH] [-scamper PATH]
//	    [-targets N] [-rate PPS] [-dense N] [-dense-rate PPS] [-limited N] [-seeds N]
//	    [-dense-seeds N] [-limited-seeds N] [-scamper-seeds N] [-paths N] [-paths-seeds N]
//	    [-tracelb-seeds N] [-remap N] [-paths-few N] [-failures N] [-paths-fast N] [-o FILE]
//
// A part is left out if its number of targets, or of balancers, is 0.
//
// It needs root, and sends nothing outside namespaces of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/masstrace/masstrace/bench"
)

func main() {
	if was, err := bench.Inside(os.Args[1:], nil); was {
		bench.Exit("strategy", err)
		return
	}
	var c config
	flag.StringVar(&c.masstrace, "masstrace", "bin/masstrace", "masstrace, whose lab is used too")
	flag.StringVar(&c.flashroute, "flashroute", "", "path of FlashRoute, not used if empty")
	flag.StringVar(&c.scamper, "scamper", "", "path of scamper, likewise")
	flag.IntVar(&c.sparse, "targets", 16384, "targets, each in a /24 by chance; 0 for none")
	flag.IntVar(&c.sparseRate, "rate", 30_000, "probes per second to them")
	flag.IntVar(&c.dense, "dense", 100_000, "targets in /24s next to each other, in a second table; 0 for none")
	flag.IntVar(&c.denseRate, "dense-rate", 50_000, "probes per second to them")
	flag.IntVar(&c.limitedTargets, "limited", 8192, "targets behind routers with limits, at 10,000 probes per second; 0 for none")
	flag.IntVar(&c.seeds, "seeds", 5, "networks of the sparse list, of which medians are taken")
	flag.IntVar(&c.denseSeeds, "dense-seeds", 3, "likewise of the dense list")
	flag.IntVar(&c.limitedSeeds, "limited-seeds", 3, "likewise with limits")
	flag.IntVar(&c.scamperSeeds, "scamper-seeds", 1, "networks in which scamper, the slowest, traces the sparse list")
	flag.IntVar(&c.pathTargets, "paths", 4096, "targets of the search for all paths, with and without borrowing, full, and by tracelb; 0 for none")
	flag.IntVar(&c.pathSeeds, "paths-seeds", 5, "networks of the search for all paths")
	flag.IntVar(&c.pathRemap, "remap", 4096, "targets of the search while balancers remap their flows; 0 for none")
	flag.IntVar(&c.pathFew, "paths-few", 500, "targets whose time is compared with tracelb's at one rate; 0 for none")
	flag.IntVar(&c.balancers, "failures", 1000, "balancers of each width whose failures are counted, at least; 0 for none")
	flag.IntVar(&c.tracelbSeeds, "tracelb-seeds", 5, "networks in which scamper's tracelb searches, too")
	flag.IntVar(&c.pathFast, "paths-fast", 30_000, "targets of the fast search for all paths; 0 for none")
	out := flag.String("o", "", "keep the tables in this file")
	flag.Parse()
	bench.Exit("strategy", run(&c, *out))
}

// config is the configuration of the measurement.
type config struct {
	masstrace, flashroute, scamper string
	sparse, dense, limitedTargets  int // number of targets
	sparseRate, denseRate          int // probes per second
	seeds, denseSeeds              int
	limitedSeeds, scamperSeeds     int
	pathTargets, pathFast          int // number of targets
	pathRemap, pathFew             int // likewise
	balancers                      int // of each width
	pathSeeds, tracelbSeeds        int
	dir                            string // temporary folder
}

func run(c *config, out string) (err error) {
	if c.dir, err = os.MkdirTemp("", "masstrace-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(c.dir)
	if c.masstrace, err = filepath.Abs(c.masstrace); err != nil { // tools run in another folder
		return err
	}
	body := ""
	for _, l := range []*targets{
		{name: "sparse", n: c.sparse, rate: c.sparseRate, seeds: c.seeds, scamperSeeds: c.scamperSeeds, write: writeSparse, curve: true},
		{name: "dense", n: c.dense, rate: c.denseRate, seeds: c.denseSeeds, write: writeDense},
	} {
		if l.n == 0 {
			continue
		}
		text, err := c.compare(l)
		if err != nil {
			return err
		}
		body += text + "\n"
	}
	if c.limitedTargets > 0 {
		text, err := c.limited()
		if err != nil {
			return err
		}
		body += text
	}
	keep := []kept{{bench.Strategies, body}}
	text, err := c.allPaths()
	if err != nil {
		return err
	}
	keep = append(keep, kept{bench.Paths, text})
	for _, k := range keep {
		if k.text == "" {
			continue
		}
		fmt.Println(k.text)
		if out == "" {
			continue
		}
		if err := bench.Keep(out, k.section, k.text); err != nil {
			return err
		}
	}
	return nil
}

// kept is the text of a section.
type kept struct {
	section bench.Section
	text    string
}
