package acceptance

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// Environment variables by which TestMain tells the tests where masstrace is,
// and why there is no lab, if there is none.
const (
	envProgram  = "MASSTRACE_ACCEPTANCE_PROGRAM"
	envUnlabbed = "MASSTRACE_ACCEPTANCE_NO_LAB"
)

// statusEnvironment is the exit status of masstrace lab without namespaces.
const statusEnvironment = 3

// seed is that of all scans of this process, since tests compare scans with each other.
var seed string

func TestMain(m *testing.M) {
	var err error
	if seed, err = effort.Text("acceptance"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	dir, err := os.MkdirTemp("", "masstrace-acceptance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// Cells wait more than they compute.
	flag.Parse()
	status := 1
	if err := flag.Set("test.parallel", strconv.Itoa(max(3, runtime.GOMAXPROCS(0)))); err != nil {
		fmt.Fprintln(os.Stderr, "acceptance:", err)
	} else if err := install(filepath.Join(dir, "masstrace")); err != nil {
		fmt.Fprintln(os.Stderr, "acceptance:", err)
	} else {
		status = m.Run()
	}
	_ = os.RemoveAll(dir) // of no interest any more
	os.Exit(status)
}

// install builds masstrace and tries its lab.
func install(program string) error {
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "github.com/masstrace/masstrace/cmd/masstrace")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, text)
	}
	text, err := exec.Command(program, "lab", "--", "true").CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == statusEnvironment {
		os.Setenv(envUnlabbed, string(text))
	} else if err != nil {
		return fmt.Errorf("lab: %w\n%s", err, text)
	}
	return os.Setenv(envProgram, program)
}

// installed returns the path of masstrace, and skips the test without a lab.
func installed(t *testing.T) string {
	t.Helper()
	if reason := os.Getenv(envUnlabbed); reason != "" {
		t.Skipf("needs a lab: %s", reason)
	}
	return os.Getenv(envProgram)
}
