// Command replay measures the reading of captures: masstrace replay, to trace
// records in a compressed file, and the part of it that decodes, authenticates
// and counts, beside tcpdump -r and tshark where they are installed. The captures
// are made for it, of what the simulated Internet answers.
//
//	go run ./bench/replay [-masstrace PATH] [-frames LIST] [-rounds N] [-o FILE]
//
// It sends nothing. A capture takes about 110 octets a frame of the temporary
// folder, and is removed.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/masstrace/masstrace/bench"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "count" {
		end(count(os.Args[2]))
		return
	}
	masstrace := flag.String("masstrace", "bin/masstrace", "masstrace")
	frames := flag.String("frames", "1000000,10000000", "frames of the captures")
	rounds := flag.Int("rounds", 5, "runs of each, of which medians are taken")
	out := flag.String("o", "", "keep the table in this file")
	flag.Parse()
	end(run(*masstrace, *frames, *rounds, *out))
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

func run(masstrace, sizes string, rounds int, out string) error {
	dir, err := os.MkdirTemp("", "masstrace-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	table := bench.Table{Texts: 1, Head: []string{"reader", "frames", "frames/s", "CPU ns/frame", "MiB"}}
	for _, word := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is not a number of frames", word)
		}
		capture := filepath.Join(dir, "capture.pcap")
		fmt.Fprintf(os.Stderr, "making %d frames\n", n)
		if err := writeCapture(capture, n); err != nil {
			return err
		}
		for _, r := range measure(readers(masstrace, capture, filepath.Join(dir, "out")), rounds) {
			if r.err != nil {
				return r.err
			}
			table.Add(r.name, bench.Number(float64(n)), bench.Number(float64(n)/bench.Median(r.wall)),
				bench.Number(1e9*bench.Median(r.cpu)/float64(n)), bench.Number(bench.Median(r.mib)))
		}
	}
	body := "Captures of probes and what the simulated Internet answers, every answer authenticated by the key.\n" +
		"The time is that of the whole process, from its start. Medians.\n\n" + table.String()
	fmt.Print(body)
	if out == "" {
		return nil
	}
	return bench.Keep(out, bench.Replay, body)
}

// reader is a way to read a capture.
type reader struct {
	name           string
	command        []string
	wall, cpu, mib []float64 // of its runs; s, s, MiB
	err            error
}

func readers(masstrace, capture, out string) []*reader {
	self, _ := os.Executable() // on a failure the command fails
	all := []*reader{
		{name: "masstrace, to counters", command: []string{self, "count", capture}},
		{name: "masstrace, to traces in .zst", command: []string{masstrace, "replay", "-q", "-o", out + ".zst",
			"--key", keyText, "--seed", seedText, "--source", source.String(), capture}},
	}
	if path, err := exec.LookPath("tcpdump"); err == nil {
		all = append(all, &reader{name: "tcpdump -r, text", command: []string{path, "-nr", capture}})
		all = append(all, &reader{name: "tcpdump -r --count", command: []string{path, "--count", "-nr", capture}})
	}
	if path, err := exec.LookPath("tshark"); err == nil {
		all = append(all, &reader{name: "tshark -r", command: []string{path, "-nr", capture}})
	}
	return all
}

// measure runs all readers in turn. One that is slower than a minute runs once.
func measure(all []*reader, rounds int) []*reader {
	for i := range rounds {
		for _, r := range all {
			if r.err == nil && (i == 0 || bench.Median(r.wall) < 60) {
				fmt.Fprintf(os.Stderr, "measuring: %s, round %d\n", r.name, i+1)
				r.err = r.run()
			}
		}
	}
	return all
}

func (r *reader) run() error {
	cmd := exec.Command(r.command[0], r.command[1:]...)
	var said strings.Builder
	cmd.Stderr = &said
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", r.name, err, said.String())
	}
	r.wall = append(r.wall, time.Since(start).Seconds())
	r.cpu = append(r.cpu, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	r.mib = append(r.mib, float64(maxRSS(cmd.ProcessState))/(1<<20))
	return nil
}
