// Command receive measures how many replies masstrace can receive while it sends.
//
// The kernel itself makes the replies, faster than any socket could. An XDP program, run over
// live frames (BPF_PROG_TEST_RUN), makes them on the link of the scan. They answer the scan's own
// probes, under its key. They are processed like all received frames: captured, decoded,
// authenticated, matched, counted. The number of replies made is compared with the scan's
// summary.
//
//	go run ./bench/receive [-masstrace PATH] [-send PPS] [-rates LIST]
//	    [-rounds N] [-seconds N] [-o FILE]
//
// It needs root, and sends nothing outside namespaces of its own: the far end of the link drops
// everything.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/tabular"
)

func main() {
	lab.Init(lab.Setup{Name: network, Build: build})
	if len(os.Args) > 1 && os.Args[1] == inside {
		bench.Exit("receive", runInside(os.Args[2:]))
		return
	}
	masstrace := flag.String("masstrace", "bin/masstrace", "masstrace")
	send := flag.Int("send", 100_000, "probes sent per second")
	rates := flag.String("rates", "0,100000,300000,500000,700000,1000000", "replies per second")
	rounds := flag.Int("rounds", 5, "runs of each, of which medians are taken")
	seconds := flag.Int("seconds", 3, "how long replies come")
	out := flag.String("o", "", "keep the table in this file")
	flag.Parse()
	bench.Exit("receive", run(*masstrace, *rates, *send, *rounds, *seconds, *out))
}

// outcome is the result of one run.
type outcome struct {
	Made    float64 // replies made
	Seconds float64 // duration
	Taken   float64 // frames counted by the scan
	Drops   float64 // drops of the kernel and the link, as counted by the scan
	Sent    float64 // probes
	CPU     float64 // s, of the scan's process
}

func run(masstrace, rates string, send, rounds, seconds int, out string) error {
	dir, err := os.MkdirTemp("", "masstrace-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	all := map[int][]outcome{}
	var asked []int
	for i := range rounds {
		for _, word := range strings.Split(rates, ",") {
			rate, err := strconv.Atoi(word)
			if err != nil || rate < 0 {
				return fmt.Errorf("%q is not a number of replies per second", word)
			}
			if i == 0 {
				asked = append(asked, rate)
			}
			fmt.Fprintf(os.Stderr, "measuring: %d replies a second, round %d\n", rate, i+1)
			file := filepath.Join(dir, "outcome")
			status, err := lab.Run(context.Background(), lab.Config{Setup: network, Command: []string{self, inside,
				masstrace, strconv.Itoa(send), strconv.Itoa(rate), strconv.Itoa(seconds), dir, file}})
			if err != nil || status != 0 {
				return fmt.Errorf("run in a namespace: status %d, %w", status, err)
			}
			var o outcome
			b, err := os.ReadFile(file)
			if err == nil {
				err = json.Unmarshal(b, &o)
			}
			if err != nil {
				return err
			}
			all[rate] = append(all[rate], o)
		}
	}
	body := table(asked, all, send)
	fmt.Print(body)
	if out == "" {
		return nil
	}
	return bench.Keep(out, bench.Receive, body)
}

// table returns the section of the results.
func table(asked []int, all map[int][]outcome, send int) string {
	t := tabular.Table{Columns: "r", Head: []string{"replies asked/s", "made/s", "lost", "drops read", "probes sent/s", "CPU ns/reply"}}
	idle := 0.0 // CPU of a scan without replies, per probe
	for _, rate := range asked {
		median := func(f func(o *outcome) float64) float64 {
			var v []float64
			for i := range all[rate] {
				v = append(v, f(&all[rate][i]))
			}
			return bench.Median(v)
		}
		if rate == 0 {
			idle = median(func(o *outcome) float64 { return o.CPU / o.Sent })
		}
		cost := "–"
		if rate > 0 && idle > 0 {
			cost = tabular.Number(1e9 * median(func(o *outcome) float64 { return max(o.CPU-idle*o.Sent, 0) / o.Made }))
		}
		t.Add(tabular.Number(float64(rate)),
			tabular.Number(median(func(o *outcome) float64 { return o.Made / o.Seconds })),
			tabular.Number(median(func(o *outcome) float64 { return o.Made - o.Taken })),
			tabular.Number(median(func(o *outcome) float64 { return o.Drops })),
			tabular.Number(median(func(o *outcome) float64 { return o.Sent / o.Seconds })),
			cost)
	}
	return fmt.Sprintf("Replies that are received, authenticated and matched while %s probes a second are sent. They are made by an XDP\n"+
		"program over live frames. CPU is that of the whole process, less the CPU per probe of a scan without replies;\n"+
		"it includes start-up and the final wait. Medians.\n\n%s", tabular.Number(float64(send)), t.Markdown())
}
