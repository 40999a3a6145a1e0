// Command lab measures masstrace end to end, in the simulated Internet of masstrace lab. It
// compares masstrace with the other tools whose paths are given. It also measures the limit of
// the simulator itself: a blaster sends constant valid probes as fast as sendmmsg(2) does. All
// tools probe the same targets at all TTLs, in turns.
//
//	go run ./bench/lab [-masstrace PATH] [-scamper PATH] [-caracal PATH] [-yarrp PATH]
//	    [-rates LIST] [-rounds N] [-seconds N] [-o FILE]
//
// It needs root, and sends nothing outside namespaces of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/bench"
)

func main() {
	if was, err := bench.Inside(os.Args[1:], blast); was {
		bench.Exit("lab", err)
		return
	}
	var c config
	flag.StringVar(&c.masstrace, "masstrace", "bin/masstrace", "masstrace, whose lab is used too")
	flag.StringVar(&c.scamper, "scamper", "", "path of scamper, not used if empty")
	flag.StringVar(&c.caracal, "caracal", "", "path of caracal, likewise")
	flag.StringVar(&c.yarrp, "yarrp", "", "path of yarrp, likewise")
	rates := flag.String("rates", "10k,50k,100k,150k,200k,250k,300k,350k,400k", "probes per second, ascending; a tool goes on as long as it loses nothing")
	flag.IntVar(&c.rounds, "rounds", 5, "runs of each, of which medians are taken")
	flag.IntVar(&c.seconds, "seconds", 3, "how long a run sends, about")
	out := flag.String("o", "", "keep the tables in this file")
	flag.Parse()
	err := c.parseRates(*rates)
	if err == nil {
		err = run(c, *out)
	}
	bench.Exit("lab", err)
}

// config is the configuration of the measurement.
type config struct {
	masstrace, scamper, caracal, yarrp string

	rates           []int // probes per second
	rounds, seconds int
	dir             string // temporary folder
}

func (c *config) parseRates(list string) error {
	for _, word := range strings.Split(list, ",") {
		digits, thousands := strings.CutSuffix(word, "k")
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 {
			return fmt.Errorf("rate %q is not a number of probes per second", word)
		}
		if thousands {
			n *= 1000
		}
		c.rates = append(c.rates, n)
	}
	return nil
}

func run(c config, out string) (err error) {
	if c.dir, err = os.MkdirTemp("", "masstrace-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(c.dir)
	all, ceiling, err := c.measure()
	if err != nil {
		return err
	}
	endToEnd, cpu := tables(all, ceiling)
	fmt.Println(endToEnd)
	fmt.Println(cpu)
	if out == "" {
		return nil
	}
	if err := bench.Keep(out, bench.EndToEnd, endToEnd); err != nil {
		return err
	}
	return bench.Keep(out, bench.CPU, cpu)
}
