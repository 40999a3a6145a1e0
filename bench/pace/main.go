// Command pace measures how precisely the sender keeps its schedule. It sends into a link that
// discards everything, in a network namespace of its own, at rates from 1 to 500,000 packets per
// second. It does so with and without a second goroutine, which allocates far more than writing
// records does. It reports the achieved rate and how late packets left.
//
//	go run ./bench/pace [-length T] [-o FILE]
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/tabular"
)

func main() {
	length := flag.Duration("length", 2*time.Second, "length of a measurement; the slowest rates take longer")
	out := flag.String("o", "", "keep the table in this file")
	flag.Parse()
	bench.Exit("pace", run(*length, *out))
}

// rates in packets per second.
var rates = []float64{1, 10, 100, 1000, 10_000, 50_000, 100_000, 200_000, 500_000}

func run(length time.Duration, out string) error {
	// The thread is never unlocked, because it is in another network.
	runtime.LockOSThread()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // as in masstrace scan: see ratelimit.Sleeper
	index, err := newSink()
	if err != nil {
		return err
	}
	t := tabular.Table{Columns: "llr", Head: []string{"pps", "load", "achieved", "error %", "late p50 µs", "late p99 µs", "late max µs", "mean batch", "CPU %"}}
	for _, pps := range rates {
		for _, beside := range []load{nothing, garbage} {
			fmt.Fprintf(os.Stderr, "measuring: %g pps, load %s\n", pps, beside)
			m, err := measure(index, pps, max(length, time.Duration(5/pps*float64(time.Second))), beside)
			if err != nil {
				return err
			}
			us := func(q float64) string { return tabular.Number(bench.Quantile(m.late, q) / 1e3) }
			t.Add(fmt.Sprintf("%.0f", pps), string(beside), tabular.Number(m.pps), fmt.Sprintf("%+.3f", 100*(m.pps/pps-1)),
				us(0.5), us(0.99), us(1), tabular.Number(m.batch), fmt.Sprintf("%.0f", 100*m.cpu))
		}
	}
	body := "Lateness is the time of each packet's system call minus the time in the schedule; it includes the batches\n" +
		"of 200 µs. CPU is that of the sender's thread. The load \"garbage\" is a goroutine that allocates 200 MB a second.\n\n" + t.Markdown()
	fmt.Print(body)
	if out != "" {
		return bench.Keep(out, bench.Pace, body)
	}
	return nil
}
