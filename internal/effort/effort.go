// Package effort is for tests that try something at random, many times: how often, and
// from which seed.
package effort

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// The environment of a test run.
const (
	envSoak = "MASSTRACE_SOAK" // not empty: full counts, for hours
	envSeed = "MASSTRACE_SEED" // the value that Seed returns
)

// Soaking reports whether properties are tested at full counts.
func Soaking() bool { return os.Getenv(envSoak) != "" }

// Count returns how often to try: few, or many if properties are tested at full counts.
func Count(few, many int) int {
	if Soaking() {
		return many
	}
	return few
}

// Seed returns the seed of a test, and logs it: the same one in every run, so that what passes
// once passes always, and another one in each run at full counts. MASSTRACE_SEED sets it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed, err := draw()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed: %s=%d", envSeed, seed)
	return seed
}

func draw() (uint64, error) {
	if text := os.Getenv(envSeed); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			err = fmt.Errorf("%s: %w", envSeed, err)
		}
		return seed, err
	}
	if Soaking() {
		return rand.Uint64(), nil
	}
	return 1, nil
}

// Text returns the seed of a scan that a test starts: usual in a normal run, so that what passes once
// passes always, and otherwise usual with the seed of Seed. Tests that scan the same targets of one
// network at the same time need different ones: their probes would have the same flows.
func Text(usual string) (string, error) {
	if !Soaking() && os.Getenv(envSeed) == "" {
		return usual, nil
	}
	seed, err := draw()
	return fmt.Sprint(usual, "-", seed), err
}

// Rand returns a generator that begins at Seed.
func Rand(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(Seed(t), 0))
}
