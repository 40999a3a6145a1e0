package masstrace_test

import (
	"flag"
	"os"
	"runtime"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// TestMain runs tests and examples in the lab of routers. Examples cannot be skipped one by
// one: without a lab only tests run.
func TestMain(m *testing.M) {
	flag.Parse()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // a sender keeps its processor while it sleeps
	os.Exit(lab.Main(inLab{m}, routers.Setup()))
}

type inLab struct{ *testing.M }

// Run runs the tests, without the examples where there is no lab.
func (m inLab) Run() int {
	if !lab.Inside(routers.Name) {
		_ = flag.Set("test.skip", "^Example")
	}
	return m.M.Run()
}
