package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/bench"
)

// result is the medians over repeated runs of one benchmark.
type result struct {
	name   string // with sub-benchmarks, without "Benchmark" and the number of processors
	ns     float64
	mbps   float64 // MB/s, 0 if the benchmark does not report it
	octets float64
	allocs float64 // the highest of all runs
	runs   int
}

// processors matches the suffix that go test adds to names.
var processors = regexp.MustCompile(`-\d+$`)

// parse reads the output of go test -bench -benchmem (golang.org/design/14313-benchmark-format).
func parse(r io.Reader) ([]result, error) {
	values := map[string]map[string][]float64{}
	var names []string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
		if values[name] == nil {
			values[name] = map[string][]float64{}
			names = append(names, name)
		}
		for i := 2; i+1 < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("benchmark line %q: %w", lines.Text(), err)
			}
			values[name][fields[i+1]] = append(values[name][fields[i+1]], v)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read benchmarks: %w", err)
	}
	var all []result
	for _, name := range names {
		v := values[name]
		all = append(all, result{
			name: name,
			ns:   bench.Median(v["ns/op"]), mbps: bench.Median(v["MB/s"]), octets: bench.Median(v["B/op"]),
			allocs: highest(v["allocs/op"]), runs: len(v["ns/op"]),
		})
	}
	return all, nil
}

func highest(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return slices.Max(v)
}
