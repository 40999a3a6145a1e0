// Package effort is for tests that try something at random, many times: how often, and
// from which seed.
package effort

import (
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
	seed := uint64(1)
	if Soaking() {
		seed = rand.Uint64()
	}
	if text := os.Getenv(envSeed); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", envSeed, err)
		}
	}
	t.Logf("seed: %s=%d", envSeed, seed)
	return seed
}

// Rand returns a generator that begins at Seed.
func Rand(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(Seed(t), 0))
}
