package commands

import (
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// program is the name under which the test binary is masstrace itself.
const program = "masstrace"

// envIsolated holds the name of the test that has a lab of its own, see isolated.
const envIsolated = "MASSTRACE_TEST_ISOLATED"

// envTest holds the name of the test that has started a program.
const envTest = "MASSTRACE_TEST_NAME"

// TestMain runs the tests in the lab of routers. Some go to a lab of their own.
func TestMain(m *testing.M) {
	version = "0.0.0-test"
	lab.Init(labSetups()...)
	switch {
	case filepath.Base(os.Args[0]) == program:
		mostRing = 16 << 20 // some seconds of the answers to the fastest of these scans
		var err error
		if drawn, err = seedOf(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(statusUsage)
		}
		status := Main(version)
		reportMemory()
		os.Exit(status)
	case os.Getenv(envIsolated) != "":
		os.Exit(tests{m}.Run())
	}
	os.Exit(lab.Main(tests{m}, routers.Setup()))
}

// seedOf returns the seed of a scan with these arguments, in the form of random ones. Scans of tests
// that run at the same time have different ones. Names of temporary files differ from run to run.
func seedOf(args []string) (string, error) {
	h := fnv.New64a()
	fmt.Fprintln(h, os.Getenv(envTest))
	for _, a := range args {
		if !strings.Contains(a, os.TempDir()) {
			fmt.Fprintln(h, a)
		}
	}
	text, err := effort.Text(fmt.Sprintf("%016x", h.Sum64()))
	h.Write([]byte(text))
	return fmt.Sprintf("%016x", h.Sum64()), err
}

// tests runs tests with the program on their path.
type tests struct{ m *testing.M }

// Run implements lab.Main's interface.
func (t tests) Run() int {
	dir, err := os.MkdirTemp("", "masstrace-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary, err := os.Executable()
	if err == nil {
		err = os.Symlink(binary, filepath.Join(dir, program))
	}
	if err == nil {
		err = os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// Tests wait for replies more than they compute.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return t.m.Run()
}

// TestScripts runs the scripts of testdata/script in the lab of routers.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", os.Getenv("PATH"))
			e.Setenv("PREFIXES", prefixes(t))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond != "lab" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return lab.Inside(routers.Name), nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status":  scriptStatus,
			"records": scriptRecords,
		},
	})
}

// prefixes returns the path of the target list that fits the lab.
func prefixes(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../../testdata/prefixes.txt")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
