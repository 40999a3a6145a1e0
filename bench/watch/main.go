// Command watch measures the CPU time of masstrace watch in the simulated Internet. It does so as
// a stream, and with the display on terminals of 120 and 250 columns.
//
//	go run ./bench/watch [-masstrace PATH] [-targets N] [-seconds N] [-o FILE]
//
// The command needs root and script(1), and sends nothing outside namespaces of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/tabular"
)

func main() {
	if was, err := bench.Inside(os.Args[1:], nil); was {
		bench.Exit("watch", err)
		return
	}
	masstrace := flag.String("masstrace", "bin/masstrace", "masstrace, whose lab is used too")
	targets := flag.Int("targets", 10, "targets")
	seconds := flag.Int("seconds", 60, "time of each watch")
	out := flag.String("o", "", "keep the table in this file")
	flag.Parse()
	bench.Exit("watch", run(*masstrace, *targets, *seconds, *out))
}

// way is a way of showing a watch: the flags, and the command around it.
type way struct{ name, flags, around string }

var ways = []way{
	{"nothing shown", "--stream", "%s >/dev/null"},
	{"on a terminal", "", "script -qec 'stty cols 120 rows 40; %s' /dev/null >/dev/null"},
	{"three targets side by side", "", "script -qec 'stty cols 250 rows 40; %s' /dev/null >/dev/null"},
}

// run measures each way of showing a watch.
func run(masstrace string, targets, seconds int, out string) error {
	dir, err := os.MkdirTemp("", "masstrace-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := filepath.Abs(masstrace)
	if err != nil {
		return err
	}
	lab := &bench.Lab{Masstrace: masstrace, Dir: dir}
	table := tabular.Table{Columns: "lr", Head: []string{"display", "targets", "seconds", "probes/s", "CPU % of a core", "MiB"}}
	for _, w := range ways {
		fmt.Fprintf(os.Stderr, "measuring: %s\n", w.name)
		words := []string{"timeout --foreground", fmt.Sprint(seconds), program, "watch", w.flags}
		for i := range targets {
			words = append(words, fmt.Sprintf("45.150.%d.%d", i, i+1))
		}
		command := fmt.Sprintf(w.around, strings.Join(words, " "))
		u, _, err := lab.Measured("", "env", "TERM=xterm-256color", "LC_ALL=C.UTF-8", "sh", "-c", command+"; true")
		if err != nil {
			return err
		}
		table.Add(w.name, fmt.Sprint(targets), tabular.Number(u.Elapsed), tabular.Number(float64(u.Sent)/u.Seconds),
			tabular.Number(100*u.CPU/u.Elapsed), tabular.Number(float64(u.Octets)/(1<<20)))
	}
	body := "`masstrace watch` with a cycle a second in `masstrace lab`. The CPU time includes the start of the program.\n\n" + table.Markdown()
	if fmt.Print(body); out == "" {
		return nil
	}
	return bench.Keep(out, bench.Watch, body)
}
