// Command scale measures how the cost of a scan of the simulated Internet grows with the number of
// its targets: time, probes, memory and output. It also makes the plan of a scan of the whole IPv4
// Internet, with one address in each /24.
//
//	go run ./bench/scale [-masstrace PATH] [-rate PPS] [-scans LIST] [-o FILE]
//
// A scan is TARGETSxTTLs. The command needs root, and sends nothing outside namespaces of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/tabular"
)

func main() {
	if was, err := bench.Inside(os.Args[1:], nil); was {
		bench.Exit("scale", err)
		return
	}
	masstrace := flag.String("masstrace", "bin/masstrace", "masstrace, whose lab is used too")
	rate := flag.Int("rate", 100_000, "probes per second")
	scans := flag.String("scans", "10000x32,100000x32,1000000x32,10000x2,100000x2,1000000x2,10000000x2", "targets and TTLs of each scan")
	out := flag.String("o", "", "keep the tables in this file")
	flag.Parse()
	bench.Exit("scale", run(*masstrace, *rate, *scans, *out))
}

// scan is the size of a scan to be measured.
type scan struct{ targets, ttls int }

func parseScans(list string) (scans []scan, err error) {
	for _, word := range strings.Split(list, ",") {
		var s scan
		targets, ttls, found := strings.Cut(word, "x")
		s.targets, err = strconv.Atoi(targets)
		if err == nil {
			s.ttls, err = strconv.Atoi(ttls)
		}
		if err != nil || !found || s.targets < 1 || s.ttls < 1 {
			return nil, fmt.Errorf("%q is not TARGETSxTTLs", word)
		}
		scans = append(scans, s)
	}
	return scans, nil
}

func run(masstrace string, rate int, list, out string) error {
	scans, err := parseScans(list)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "masstrace-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	lab := &bench.Lab{Masstrace: masstrace, Options: []string{"--preset", "clean"}, Dir: dir}
	table := tabular.Table{Columns: "r", Head: []string{"targets", "TTLs", "probes", "s", "probes/s", "CPU ns/probe", "MiB", "output MiB", "octets/target", "lost"}}
	records := filepath.Join(dir, "out.ndjson.zst")
	for _, s := range scans {
		fmt.Fprintf(os.Stderr, "measuring: %d targets, %d TTLs\n", s.targets, s.ttls)
		u, seen, err := lab.Measured("", masstrace, "scan", "-q", "--rate", strconv.Itoa(rate), "--max-ttl", strconv.Itoa(s.ttls),
			"--max-targets", strconv.Itoa(s.targets), "--overwrite", "-o", records, "0.0.0.0/0")
		if err != nil {
			return err
		}
		var sum struct{ Targets, Sent, Answered float64 }
		if err := bench.ReadSummary(records, &sum); err != nil {
			return err
		}
		if int(sum.Targets) != s.targets {
			return fmt.Errorf("%.0f of %d targets traced", sum.Targets, s.targets)
		}
		size, err := os.Stat(records)
		if err != nil {
			return err
		}
		octets := float64(size.Size())
		table.Add(tabular.Number(sum.Targets), strconv.Itoa(s.ttls), tabular.Number(sum.Sent), tabular.Number(u.Elapsed),
			tabular.Number(sum.Sent/u.Seconds), tabular.Number(1e9*u.CPU/sum.Sent), tabular.Number(float64(u.Octets)/(1<<20)),
			tabular.Number(octets/(1<<20)), tabular.Number(octets/sum.Targets), tabular.Number(seen.Answers()-sum.Answered))
	}
	plans, err := plan(lab, masstrace)
	if err != nil {
		return err
	}
	body := fmt.Sprintf("Hosts of all IPv4 in random order, traced at %s probes a second in `masstrace lab --preset clean`, records\n"+
		"in a .zst file. Time and memory are of the whole process. \"lost\" is answers of the simulator that are not in the results.\n\n",
		tabular.Number(float64(rate))) + table.Markdown() + "\n" + plans
	if fmt.Print(body); out == "" {
		return nil
	}
	return bench.Keep(out, bench.Scale, body)
}
