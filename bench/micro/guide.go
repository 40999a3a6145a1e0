package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// guidePath is the profile by which the compiler decides, when it builds masstrace,
// what to inline and how to lay out the code (go.dev/doc/pgo). The benchmarks are
// built by it too, so that their figures are those of the program.
const guidePath = "cmd/masstrace/default.pgo"

// guide makes the profile anew: of all stages that run for each packet, built
// without it and without the names of this machine's folders.
func guide(path string) error {
	work, err := os.MkdirTemp("", "masstrace-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	merge := []string{"tool", "pprof", "-proto"}
	for i, s := range stages {
		if s.path != hot {
			continue
		}
		fmt.Fprintf(os.Stderr, "profiling: %s\n", s.name)
		samples := filepath.Join(work, fmt.Sprint(i))
		if err := s.sample(filepath.Join(work, "test"), samples, "-trimpath"); err != nil {
			return err
		}
		merge = append(merge, samples)
	}
	profile, err := exec.Command("go", merge...).Output()
	if err != nil {
		return fmt.Errorf("merge profiles: %w", err)
	}
	return os.WriteFile(path, profile, 0o644)
}
