package scan

import (
	"io"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// config returns the configuration of the default flags.
func config(targets ...string) Config {
	c := Config{Output: "-", Stdout: io.Discard, Tool: "masstrace/test"}
	c.Targets, c.Stdin, c.PerPrefix, c.Granularity4, c.Granularity6 = targets, strings.NewReader(""), 1, 24, 48
	c.Method, c.MinTTL, c.MaxTTL, c.DstPort, c.Flows, c.Attempts = probe.UDP, 1, 32, 33434, 1, 1
	c.RatePPS, c.Wait, c.Memory, c.Records = 10_000, time.Second, 64<<20, record.Traces
	return c
}
