// Command soak runs all tests at their full counts, then every fuzz target for a number of
// inputs, then a long scan, then a trial of the installation in an empty Debian system. It writes
// the results.
//
//	go run ./bench/soak [-tests=false] [-fuzz N] [-endure T] [-rate PPS] [-timeout T]
//	    [-install=false] [-o FILE] [PACKAGE...]
//
// The trial alone, -tests=false -fuzz 0 -endure 0, replaces its section of FILE and keeps the rest.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/masstrace/masstrace/bench"
)

func main() {
	fuzz := flag.Int("fuzz", 500_000, "inputs for each fuzz target, 0 for no fuzzing")
	tests := flag.Bool("tests", true, "run the tests")
	endure := flag.Duration("endure", time.Hour, "how long the scan endures, 0 for none")
	rate := flag.Int("rate", 50_000, "probes per second of that scan")
	timeout := flag.Duration("timeout", 6*time.Hour, "longest time for the tests of a package")
	install := flag.Bool("install", true, "try the installation in an empty Debian system")
	out := flag.String("o", "", "keep the result in this file")
	flag.Parse()
	packages := flag.Args()
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	if !*tests {
		packages = nil
	}
	var scan *endurance
	if *endure > 0 {
		scan = &endurance{length: *endure, rate: *rate}
	}
	var tried *trial
	if *install {
		tried = new(trial)
	}
	bench.Exit("soak", run(packages, *timeout, *fuzz, scan, tried, *out))
}

func run(packages []string, timeout time.Duration, fuzz int, scan *endurance, tried *trial, out string) error {
	r := result{endured: scan, tried: tried}
	started := time.Now()
	var failed error
	if packages != nil {
		if r.tests, failed = test(packages, timeout); r.tests == nil {
			return failed
		}
	}
	if fuzz > 0 {
		var err error
		r.fuzz, err = fuzzAll(fuzz)
		failed = errors.Join(failed, err)
	}
	if scan != nil {
		failed = errors.Join(failed, scan.run())
	}
	if tried != nil {
		failed = errors.Join(failed, tried.run())
	}
	r.took = time.Since(started)
	r.failed = failed != nil
	if out != "" {
		if err := r.keep(out); err != nil {
			return errors.Join(failed, fmt.Errorf("keep result: %w", err))
		}
	}
	return failed
}

// events is where scripts/gotest keeps the events of a run named soak.
const events = "out/test/soak.json"

// test runs the tests. The runs are nil only if no test could be run at all.
func test(packages []string, timeout time.Duration) ([]*testRun, error) {
	cmd := exec.Command("scripts/gotest", append([]string{"soak", "-timeout", timeout.String()}, packages...)...)
	cmd.Env = append(os.Environ(), "MASSTRACE_SOAK=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	failed := cmd.Run()
	if failed != nil {
		failed = fmt.Errorf("tests: %w", failed)
	}
	f, err := os.Open(events)
	if err != nil {
		return nil, errors.Join(failed, err)
	}
	defer f.Close()
	runs, err := readEvents(f)
	return runs, errors.Join(failed, err)
}

// fuzzAll runs the fuzz targets and returns a line for each.
func fuzzAll(count int) ([]string, error) {
	var text bytes.Buffer
	cmd := exec.Command("scripts/fuzz", fmt.Sprint(count))
	cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stdout, &text), os.Stderr
	err := cmd.Run()
	var lines []string
	for line := range strings.Lines(text.String()) {
		if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "FAILED ") {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	if err != nil {
		err = fmt.Errorf("fuzz: %w", err)
	}
	return lines, err
}
