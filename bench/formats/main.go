// Command formats measures all formats of results: how fast each is written and read, how large its
// files are, and how much code it has.
//
// The command makes up traces that cross a few thousand routers. It writes them to memory in each
// format, and reads them again. Nothing is sent.
//
//	go run ./bench/formats [-traces N] [-rounds N] [-source FOLDER] [-o FILE]
//
// It needs about 2 GB of memory for 100,000 traces.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/bench/imagine"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/tabular"
)

func main() {
	traces := flag.Int("traces", 100_000, "traces in a file")
	rounds := flag.Int("rounds", 3, "times that each file is written and read, of which medians are taken")
	source := flag.String("source", ".", "root of masstrace's source, whose lines are counted")
	out := flag.String("o", "", "keep the table in this file")
	flag.Parse()
	bench.Exit("formats", run(*traces, *rounds, *source, *out))
}

func run(n, rounds int, source, out string) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	random := rand.New(rand.NewPCG(1, 2))
	traces := make([]*record.Trace, n)
	hops := 0
	for i := range traces {
		traces[i] = imagine.Trace(random)
		hops += len(traces[i].Hops)
	}
	var results []*result
	for _, w := range ways() {
		fmt.Fprintf(os.Stderr, "measuring: %s\n", w.name)
		r, err := measure(w, traces, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if r.code, r.tests, err = lines(source, w.folder); err != nil {
			return err
		}
		results = append(results, r)
	}
	body := fmt.Sprintf("The same %d traces with %d hops in each format, without replies and summary. Rates are those of a second\n"+
		"of processor time, on one processor, with files in memory: MB of the file, and its records. A record is a trace;\n"+
		"of caracal and yarrp it is a row, which is a hop. Each figure is the median of %d runs. Lists are only written,\n"+
		"traceroute and mtr only read; the benchmark itself makes their texts. Lines of code include comments.\n\n%s",
		n, hops, rounds, table(results))
	fmt.Print(body)
	if out == "" {
		return nil
	}
	return bench.Keep(out, bench.Formats, body)
}

func table(results []*result) string {
	t := tabular.Table{Columns: "lr", Head: []string{"format", "file MB", "with zstd", "bytes/hop",
		"written MB/s", "records/s", "hops/s", "read MB/s", "records/s", "hops/s", "lines of code", "of tests"}}
	for _, r := range results {
		cells := []string{r.name, tabular.Number(float64(r.size) / 1e6), tabular.Number(float64(r.packed) / 1e6),
			tabular.Number(float64(r.size) / float64(r.hops))}
		for _, cpu := range [][]float64{r.written, r.read} {
			if len(cpu) == 0 {
				cells = append(cells, "", "", "")
				continue
			}
			s := bench.Median(cpu)
			cells = append(cells, tabular.Number(float64(r.size)/1e6/s), tabular.Number(float64(r.records)/s), tabular.Number(float64(r.hops)/s))
		}
		t.Add(append(cells, tabular.Number(float64(r.code)), tabular.Number(float64(r.tests)))...)
	}
	return t.Markdown()
}
