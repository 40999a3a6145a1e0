package programs

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/scan"
)

// TestMain runs the tests in the lab of routers.
func TestMain(m *testing.M) {
	// They wait for replies more than they compute.
	const together = 8
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(together)); err != nil {
		panic(err)
	}
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + together) // for sleeping senders
	os.Exit(lab.Main(m, routers.Setup()))
}

// config returns the configuration of the default flags, with a wait that is long enough
// for the lab.
func config(targets ...string) scan.Config {
	c := scan.Config{Output: "-", Stdout: io.Discard, Tool: "masstrace/test"}
	c.Targets, c.Stdin, c.PerPrefix, c.Granularity4, c.Granularity6 = targets, strings.NewReader(""), 1, 24, 48
	c.Method, c.MinTTL, c.MaxTTL, c.DstPort, c.Flows, c.Attempts = probe.UDP, 1, 32, 33434, 1, 1
	c.RatePPS, c.Wait, c.Memory, c.Records = 10_000, time.Second, 64<<20, record.Traces
	return c
}

// results are the records of a run.
type results struct {
	run     record.Run
	traces  []*ndjson.TraceLine
	exts    []*ndjson.ExtLine
	replies []*ndjson.ReplyLine
	summary record.Summary
}

// runScan runs a scan that must succeed, and returns its records.
func runScan(t *testing.T, c scan.Config) *results {
	t.Helper()
	r := read(t, scanned(t, c))
	if err := r.summary.Balance(); err != nil {
		t.Error(err)
	}
	return r
}

// seedOf returns the seed of the scans of a test.
func seedOf(t *testing.T) string {
	t.Helper()
	seed, err := effort.Text(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// scanned runs a scan that must succeed, and returns its output.
func scanned(t *testing.T, c scan.Config) *bytes.Buffer {
	t.Helper()
	lab.Need(t, routers.Name)
	var out bytes.Buffer
	var log notices
	c.Stdout, c.Observer, c.Seed = &out, &log, cmp.Or(c.Seed, seedOf(t))
	if err := scan.Run(t.Context(), context.Background(), c); err != nil {
		t.Fatalf("scan: %v\n%s", err, log.String())
	}
	return &out
}

// read reads records, all of which must be valid.
func read(t *testing.T, in io.Reader) *results {
	t.Helper()
	unpacked, err := format.OpenInput("-", in)
	if err != nil {
		t.Fatal(err)
	}
	reader, r := ndjson.NewReader(unpacked), new(results)
	for {
		typ, line, err := reader.ReadLine()
		if err == io.EOF {
			return r
		}
		if err != nil {
			t.Fatal(err)
		}
		var to any
		switch typ {
		case ndjson.TypeRun:
			to = &r.run
		case ndjson.TypeTrace:
			r.traces = append(r.traces, new(ndjson.TraceLine))
			to = r.traces[len(r.traces)-1]
		case ndjson.TypeTraceExt:
			r.exts = append(r.exts, new(ndjson.ExtLine))
			to = r.exts[len(r.exts)-1]
		case ndjson.TypeReply:
			r.replies = append(r.replies, new(ndjson.ReplyLine))
			to = r.replies[len(r.replies)-1]
		case ndjson.TypeSummary:
			to = &r.summary
		default:
			continue
		}
		if err := json.Unmarshal(line, to); err != nil {
			t.Fatal(err)
		}
	}
}

// responders returns the address that answered at each TTL from 1 to length; silence is the
// zero Addr.
func responders(trace *ndjson.TraceLine, length int) []netip.Addr {
	addrs := make([]netip.Addr, length)
	for _, h := range trace.Hops {
		if int(h.ProbeTTL) <= length {
			addrs[h.ProbeTTL-1] = h.Addr
		}
	}
	return addrs
}

// syncBuffer is a buffer that several goroutines may write to.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// notices are the events of a run, as text.
type notices struct {
	observe.Nobody
	syncBuffer
}

// Event implements observe.Observer.
func (n *notices) Event(e observe.Event) { fmt.Fprintln(n, e) }

// isPartial reports whether a run began and did not finish.
func isPartial(err error) bool {
	_, ok := errors.AsType[*run.Incomplete](err)
	return ok
}

// isUsage reports whether err is an error of usage.
func isUsage(err error) bool {
	_, ok := errors.AsType[*plan.ConfigError](err)
	return ok
}
