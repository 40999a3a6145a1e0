// Command read measures the reading of results: NDJSON of masstrace, plain and compressed, into
// records. encoding/json reads the same lines into structs, for comparison.
//
// The command makes files of traces that cross a few thousand routers, and of replies. Nothing is
// sent.
//
//	go run ./bench/read [-traces N] [-rounds N] [-profile FILE] [-o FILE]
//
// The files need about 8 kB per trace in the temporary folder, and are removed.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/tabular"
)

func main() {
	traces := flag.Int("traces", 100_000, "traces in a file")
	rounds := flag.Int("rounds", 5, "runs of each way to read, of which medians are taken")
	profile := flag.String("profile", "", "keep a CPU profile of all rounds in this file")
	out := flag.String("o", "", "keep the table in this file")
	flag.Parse()
	bench.Exit("read", run(*traces, *rounds, *profile, *out))
}

func run(traces, rounds int, profile, out string) error {
	dir, err := os.MkdirTemp("", "masstrace-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(os.Stderr, "making files of %d traces\n", traces)
	files, err := makeFiles(dir, traces)
	if err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	all := ways(files)
	for i := range rounds {
		for _, w := range all {
			fmt.Fprintf(os.Stderr, "measuring: %s, round %d\n", w.name, i+1)
			if err := w.measure(); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
	}
	body := fmt.Sprintf("Results with %d traces, and with as many replies. MB are those of the text before compression.\n"+
		"MB/CPU s are those in a second of processor time, which other programs on the machine change less. A trace\n"+
		"and its trace-ext record are one record. encoding/json reads lines into structs, and makes no records of\n"+
		"them. Each figure is the median of %d runs, in turns.\n\n%s",
		traces, rounds, table(all))
	fmt.Print(body)
	if out == "" {
		return nil
	}
	return bench.Keep(out, bench.Read, body)
}

func table(all []*way) string {
	t := tabular.Table{Columns: "lr", Head: []string{"reader", "processors", "MB/s", "records/s", "MB/CPU s", "CPU ns/record", "allocations/record"}}
	for _, w := range all {
		n := float64(w.records)
		mb, wall, cpu := float64(w.octets)/1e6, bench.Median(w.wall), bench.Median(w.cpu)
		t.Add(w.name, tabular.Number(float64(w.procs)), tabular.Number(mb/wall), tabular.Number(n/wall),
			tabular.Number(mb/cpu), tabular.Number(1e9*cpu/n), tabular.Number(bench.Median(w.allocs)/n))
	}
	return t.Markdown()
}
