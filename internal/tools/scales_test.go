//go:build tools

package tools

import (
	"bufio"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/masstrace/masstrace/bench/imagine"
	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record"
)

// imagined returns a file of traces that no network made: 16 hops each, to random routers. Their pages
// are larger than those of a scan.
func imagined(t *testing.T, traces int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "imagined.ndjson")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(f)
	w := ndjson.Format.NewWriter(format.Output{Out: out, Kinds: record.Traces})
	random := rand.New(rand.NewPCG(1, 2))
	for range traces {
		if err := w.Write(imagine.Trace(random)); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []func() error{w.Flush, out.Flush, f.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestReportScales checks sizes and times at three scales. The times are those of the processor,
// because other programs delay a page. The traces are imagined; a soak makes them by scans.
func TestReportScales(t *testing.T) {
	results := imagined
	if effort.Soaking() {
		results = func(t *testing.T, traces int) string {
			return simulated(t, "default", "45.0.0.0/8", "80.0.0.0/8", "--max-targets", strconv.Itoa(traces), "--rate", "20k")
		}
	}
	b := newBrowser(t)
	for _, tt := range []struct {
		traces int
		octets int64
		ready  time.Duration
	}{{1000, 1e6, time.Second}, {10_000, 4e6, 1500 * time.Millisecond}, {100_000, 20e6, 3 * time.Second}} {
		url, octets := reported(t, results(t, tt.traces))
		ready, busy := b.open(url)
		began := time.Now()
		b.eval("(apply(matching(report, '10.8.0.0/17')), selection.traces.length)")
		t.Logf("%d traces: %.1f MB, ready after %v and %v of the processor, filtered in %v", tt.traces, float64(octets)/1e6, ready, busy, time.Since(began))
		if octets > tt.octets {
			t.Errorf("%d traces: %d octets, want at most %d", tt.traces, octets, tt.octets)
		}
		if busy > tt.ready {
			t.Errorf("%d traces: ready after %v of the processor, want %v", tt.traces, busy, tt.ready)
		}
		b.is("selection.traces.length > 0 && selection.traces.length < report.n", "true")
		b.quiet(url)
	}
}
