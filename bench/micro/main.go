// Command micro runs the micro benchmarks of all stages, prints the medians as one table, and
// writes it with a description of the machine. It fails if a benchmark of work for each packet
// allocates.
//
// It can also write a profile of each stage. Or it makes a new profile for the compiler that builds
// masstrace, which takes some minutes.
//
//	go run ./bench/micro [-count N] [-benchtime T] [-o FILE] [-profiles FOLDER]
//	go run ./bench/micro -guide cmd/masstrace/default.pgo
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/masstrace/masstrace/bench"
)

func main() {
	count := flag.Int("count", 5, "runs of each benchmark")
	benchtime := flag.String("benchtime", "200ms", "length of a run, as go test takes it")
	out := flag.String("o", "", "keep the table in this file")
	profiles := flag.String("profiles", "", "keep profiles in this folder")
	guided := flag.String("guide", "", "make the profile that the compiler is guided by, in this file, and nothing else")
	flag.Parse()
	var err error
	switch {
	case *guided != "":
		err = guide(*guided)
	default:
		err = run(*count, *benchtime, *out)
		if *profiles != "" {
			err = errors.Join(err, profileAll(*profiles))
		}
	}
	bench.Exit("micro", err)
}

func run(count int, benchtime, out string) error {
	var rows []row
	var failed []error
	for _, s := range stages {
		fmt.Fprintf(os.Stderr, "measuring: %s\n", s.name)
		results, err := s.measure(count, benchtime)
		if err != nil {
			failed = append(failed, err)
		}
		for _, r := range results {
			rows = append(rows, row{s, r})
		}
	}
	fmt.Print(table(rows))
	if names := allocating(rows); len(names) > 0 {
		failed = append(failed, fmt.Errorf("must not allocate: %s", strings.Join(names, "; ")))
	}
	if out != "" && len(failed) == 0 {
		body := fmt.Sprintf("Each figure is the median of %d runs of %s on one processor; allocations are the\nmost of any run.\n\n%s",
			count, benchtime, table(rows))
		if err := bench.Keep(out, bench.Micro, body); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// profileAll writes a profile of each stage.
func profileAll(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, s := range stages {
		fmt.Fprintf(os.Stderr, "profiling: %s\n", s.name)
		if err := s.profile(dir); err != nil {
			return err
		}
	}
	return nil
}

// measure runs the stage's benchmarks.
func (s stage) measure(count int, benchtime string) ([]result, error) {
	cmd := exec.Command("go", "test", "-pgo", guidePath, "-run", "^$", "-bench", s.pattern, "-benchmem",
		"-count", fmt.Sprint(count), "-benchtime", benchtime, "./"+s.pkg)
	text, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", s.name, err, text)
	}
	results, err := parse(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("%s: no benchmark in %s is called %s", s.name, s.pkg, s.pattern)
	}
	return results, nil
}
