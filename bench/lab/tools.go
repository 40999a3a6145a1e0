package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/masstrace/masstrace/bench"
)

// job is a run to be measured.
type job struct {
	*config
	rate         int
	targets, out string // files
}

// tool is a prober.
type tool struct {
	name   string
	most   int  // highest rate that the tool accepts
	adapts bool // does not probe every TTL of every target

	prepare func(j job, targets int) error // nil if there is nothing to prepare
	input   func(j job) string             // path of its standard input, or ""
	command func(j job) []string
	replies func(j job) (float64, error) // number of replies in its output
}

func (c *config) tools() []*tool {
	none := func(job) string { return "" }
	all := []*tool{{
		name: "masstrace", most: 1e7, input: none,
		command: func(j job) []string {
			return []string{j.masstrace, "scan", "-q", "--strategy=exhaustive", "--no-stop", "--wait", "1s",
				"--rate", strconv.Itoa(j.rate), "-o", j.out, j.targets}
		},
		replies: answered,
	}}
	if c.caracal != "" {
		all = append(all, &tool{
			name: "caracal", most: 1e7, prepare: probeList, input: func(j job) string { return j.targets + ".probes" },
			command: func(j job) []string {
				return []string{"/bin/sh", "-c", `exec "$0" -z ` + bench.Uplink + ` -r "$1" -B 128 -W 1 --caracal-id 1234 > "$2"`,
					j.caracal, strconv.Itoa(j.rate), j.out}
			},
			replies: func(j job) (float64, error) { n, err := lines(j.out, '#'); return n - 1, err },
		})
	}
	if c.yarrp != "" {
		all = append(all, &tool{
			name: "yarrp", most: 1e7, input: none,
			command: func(j job) []string {
				return []string{"/usr/bin/env", "HOME=" + j.dir, j.yarrp, "-i", j.targets, "-o", j.out, "-t", "UDP", "-p", "33434",
					"-r", strconv.Itoa(j.rate), "-l", "1", "-m", strconv.Itoa(maxTTL), "-F", "0", "-S", "1"}
			},
			replies: func(j job) (float64, error) { return lines(j.out, '#') },
		})
	}
	if c.scamper != "" {
		all = append(all, &tool{
			// It accepts no higher rate.
			name: "scamper", most: 10_000, adapts: true, input: none,
			command: func(j job) []string {
				return []string{j.scamper, "-O", "json", "-o", j.out, "-p", strconv.Itoa(min(j.rate, 10_000)), "-w", "2000",
					"-c", "trace -P udp-paris -d 33434 -f 1 -m " + strconv.Itoa(maxTTL), "-f", j.targets}
			},
			replies: hops,
		})
	}
	return all
}

// firstOctet is the first octet of all targets: the simulated Internet has targets there.
const firstOctet = 45

// writeTargets writes a list of n hosts, one in each /24.
func writeTargets(path string, n int) error {
	if n > 1<<16 {
		return fmt.Errorf("%d targets are more than there are prefixes: fewer seconds, or a lower rate", n)
	}
	var b []byte
	for i := range n {
		b = fmt.Appendf(b, "%d.%d.%d.%d\n", firstOctet, i>>8, i&255, 1+i*7%250)
	}
	return os.WriteFile(path, b, 0o644)
}

// probeList writes caracal's input: every TTL of every target, in random order.
func probeList(j job, targets int) error {
	list, err := os.ReadFile(j.targets)
	if err != nil {
		return err
	}
	hosts := bytes.Fields(list)
	var b []byte
	for _, i := range rand.New(rand.NewPCG(1, uint64(targets))).Perm(targets * maxTTL) {
		b = fmt.Appendf(b, "%s,24000,33434,%d,udp\n", hosts[i/maxTTL], 1+i%maxTTL)
	}
	return os.WriteFile(j.targets+".probes", b, 0o644)
}

// answered reads the number of answered probes from masstrace's summary.
func answered(j job) (float64, error) {
	var s struct{ Answered float64 }
	err := bench.ReadSummary(j.out, &s)
	return s.Answered, err
}

// hops counts the hops of scamper's traces.
func hops(j job) (n float64, err error) {
	err = eachLine(j.out, func(line []byte) error {
		n += float64(bytes.Count(line, []byte(`"addr":`)))
		return nil
	})
	return n, err
}

// lines counts the lines of a file that do not begin with comment.
func lines(path string, comment byte) (n float64, err error) {
	err = eachLine(path, func(line []byte) error {
		if len(line) > 0 && line[0] != comment {
			n++
		}
		return nil
	})
	return n, err
}

func eachLine(path string, f func([]byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	scan := bufio.NewScanner(file)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		if err := f(scan.Bytes()); err != nil {
			return err
		}
	}
	return scan.Err()
}
