// Command replay measures the reading of captures. It measures masstrace replay, with trace
// records in a compressed file as output. It also measures the part that decodes, authenticates
// and counts. tcpdump -r and tshark are measured too if they are installed.
//
// The command makes two captures. One comes from a scan of the simulated Internet with --pcap.
// The other is in tcpdump's format, with the simulated Internet's answers to the probes of an
// imaginary run.
//
//	go run ./bench/replay [-masstrace PATH] [-frames LIST] [-rate PPS] [-rounds N] [-o FILE]
//
// It needs root for the scan, and sends nothing outside namespaces of its own. The captures need
// about 230 octets per frame in the temporary folder, and are removed.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/tabular"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "count" {
		bench.Exit("replay", count(os.Args[2]))
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "make" {
		n, err := strconv.Atoi(os.Args[3])
		if err == nil {
			err = writeCapture(os.Args[2], n)
		}
		bench.Exit("replay", err)
		return
	}
	masstrace := flag.String("masstrace", "bin/masstrace", "masstrace")
	frames := flag.String("frames", "1000000,10000000", "frames of the captures")
	rate := flag.Int("rate", 50_000, "probes per second of the scan that is captured")
	rounds := flag.Int("rounds", 5, "runs of each, of which medians are taken")
	out := flag.String("o", "", "keep the table in this file")
	flag.Parse()
	bench.Exit("replay", run(*masstrace, *frames, *rate, *rounds, *out))
}

func run(masstrace, sizes string, rate, rounds int, out string) error {
	dir, err := os.MkdirTemp("", "masstrace-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	table := tabular.Table{Columns: "lr", Head: []string{"reader", "frames", "frames/s", "CPU ns/frame", "MiB"}}
	for _, word := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is not a number of frames", word)
		}
		fmt.Fprintf(os.Stderr, "making captures of %d frames\n", n)
		own := capture{filepath.Join(dir, "own.pcapng"), 0}
		if own.frames, err = scanned(masstrace, own.path, n, rate); err != nil {
			return err
		}
		plain := capture{filepath.Join(dir, "plain.pcap"), n}
		// In a process of its own: a reader would inherit this process's largest memory
		// size.
		self, _ := os.Executable()
		if err := exec.Command(self, "make", plain.path, word).Run(); err != nil {
			return fmt.Errorf("make capture: %w", err)
		}
		for _, r := range measure(readers(masstrace, own, plain), rounds) {
			if r.err != nil {
				return r.err
			}
			n := float64(r.of.frames)
			table.Add(r.name, tabular.Number(n), tabular.Number(n/bench.Median(r.wall)),
				tabular.Number(1e9*bench.Median(r.cpu)/n), tabular.Number(bench.Median(r.mib)))
		}
	}
	body := "Captures of probes and what the simulated Internet answers, every answer authenticated by the key. The\n" +
		"time is that of the whole process, from its start. Medians.\n\n" + table.Markdown()
	fmt.Print(body)
	if out == "" {
		return nil
	}
	return bench.Keep(out, bench.Replay, body)
}

// capture is a capture file.
type capture struct {
	path   string
	frames int
}

// mostKeyed is the largest number of frames for which a capture that is not a scan's own is
// replayed to traces. Such a capture does not show when a trace is over, so replay holds all traces
// of four minutes.
const mostKeyed = 2_000_000

// reader is a way to read a capture.
type reader struct {
	name           string
	of             capture
	command        []string
	wall, cpu, mib []float64 // of its runs; s, s, MiB
	err            error
}

func readers(masstrace string, own, plain capture) []*reader {
	self, _ := os.Executable() // if this fails, the command fails
	replay := []string{masstrace, "replay", "-q", "--overwrite", "-o", filepath.Join(filepath.Dir(own.path), "out.zst")}
	all := []*reader{
		{name: "masstrace, to counters", of: plain, command: []string{self, "count", plain.path}},
		{name: "masstrace, a scan's own, to traces in .zst", of: own, command: append(slices.Clone(replay), own.path)},
	}
	if plain.frames <= mostKeyed {
		all = append(all, &reader{name: "masstrace, by --key, to traces in .zst", of: plain,
			command: append(slices.Clone(replay), "--key", keyText, "--seed", seedText, "--source", source.String(), plain.path)})
	}
	for _, other := range []struct {
		name    string
		command []string
	}{
		{"tcpdump -r", []string{"tcpdump", "-nr"}},
		{"tcpdump -r --count", []string{"tcpdump", "--count", "-nr"}},
		{"tshark -r", []string{"tshark", "-nr"}},
	} {
		if _, err := exec.LookPath(other.command[0]); err == nil {
			all = append(all, &reader{name: other.name, of: plain, command: append(other.command, plain.path)})
		}
	}
	return all
}

// measure runs all readers in turns. A reader that needs more than a minute runs once.
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
