// Command strategy measures how many probes the strategies of a scan need for what
// they find, in the simulated Internet of masstrace lab, beside FlashRoute and scamper
// where their paths are given: probes against interfaces (of routers) and hops, for
// several of topology's parameters, and what manners gain where routers limit their
// answers. All trace the same targets in the same networks, in turn; figures are
// medians over networks.
//
//	go run ./bench/strategy [-masstrace PATH] [-flashroute PATH] [-scamper PATH]
//	    [-targets N] [-dense N] [-rate PPS] [-seeds N] [-o FILE]
//
// It needs root, and sends nothing outside namespaces of its own.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/masstrace/masstrace/bench"
)

func main() {
	var c config
	flag.StringVar(&c.masstrace, "masstrace", "bin/masstrace", "masstrace, whose lab is used too")
	flag.StringVar(&c.flashroute, "flashroute", "", "path of FlashRoute, not used if empty")
	flag.StringVar(&c.scamper, "scamper", "", "path of scamper, likewise")
	flag.IntVar(&c.sparse, "targets", 16384, "targets, each in a /24 by chance")
	flag.IntVar(&c.dense, "dense", 0, "targets in /24s next to each other, in a second table; 0 for none")
	flag.IntVar(&c.rate, "rate", 10_000, "probes per second")
	flag.IntVar(&c.seeds, "seeds", 5, "networks, of which medians are taken")
	out := flag.String("o", "", "keep the tables in this file")
	flag.Parse()
	if err := run(&c, *out); err != nil {
		fmt.Fprintln(os.Stderr, "strategy:", err)
		os.Exit(1)
	}
}

// config says what is measured.
type config struct {
	masstrace, flashroute, scamper string
	sparse, dense                  int // targets
	rate                           int // probes per second
	seeds                          int
	dir                            string // temporary
}

func run(c *config, out string) (err error) {
	if c.dir, err = os.MkdirTemp("", "masstrace-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(c.dir)
	body := ""
	for _, list := range []struct {
		name  string
		n     int
		write func(path string, seed uint64, n int) error
	}{{"sparse", c.sparse, writeSparse}, {"dense", c.dense, writeDense}} {
		if list.n == 0 {
			continue
		}
		table, err := c.compare(list.n, list.write)
		if err != nil {
			return err
		}
		body += fmt.Sprintf("%d %s targets, default network, %d probes per second asked for, medians over %d network(s). Interfaces and "+
			"hops are of routers, as shares of what exhaustive finds.\n\n%s\n", list.n, list.name, c.rate, c.seeds, table)
	}
	table, err := c.limited()
	if err != nil {
		return err
	}
	body += "Every router limited to 100 answers a second, in bursts of 50. TTLs 1 to 3 are routers that see every probe; the bound is " +
		"the limit times the duration, and the burst.\n\n" + table
	fmt.Println(body)
	if out == "" {
		return nil
	}
	return bench.Keep(out, bench.Strategies, body)
}
