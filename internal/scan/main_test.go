package scan

import (
	"flag"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// TestMain runs the tests in the lab of routers.
func TestMain(m *testing.M) {
	// They wait for replies more than they compute.
	const together = 8
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(together)); err != nil {
		panic(err)
	}
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + together) // a sender keeps its processor while it sleeps
	os.Exit(lab.Main(m, routers.Setup()))
}

// config returns what the flags' defaults give, with a wait that is enough for the lab.
func config(targets ...string) Config {
	c := Config{Output: "-", Stdout: io.Discard, Tool: "masstrace/test"}
	c.Targets, c.Stdin, c.PerPrefix, c.Granularity4, c.Granularity6 = targets, strings.NewReader(""), 1, 24, 48
	c.Method, c.MinTTL, c.MaxTTL, c.DstPort, c.Flows, c.Attempts = probe.UDP, 1, 32, 33434, 1, 1
	c.RatePPS, c.Wait, c.Memory, c.Records = 10_000, time.Second, 64<<20, record.Traces
	return c
}
