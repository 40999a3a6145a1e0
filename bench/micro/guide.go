package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// guidePath is the profile with which the compiler chooses inlining and code layout when it builds
// masstrace (go.dev/doc/pgo). The benchmarks are built with it too, so that their results apply to
// the program.
const guidePath = "cmd/masstrace/default.pgo"

// guide makes a new profile from all stages that run for each packet. It is built without an older
// profile and without the names of this machine's folders.
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
