package programs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/list"
	"github.com/masstrace/masstrace/internal/record"
)

// listConfig returns the configuration of the default flags.
func listConfig() list.Config {
	return list.Config{RatePPS: 10_000, Output: "-", Tool: "masstrace/test"}
}

// runLines sends a list.
func runLines(t *testing.T, lines string, edit func(*list.Config)) (*results, error) {
	t.Helper()
	lab.Need(t, routers.Name)
	var out bytes.Buffer
	c := listConfig()
	c.Probes, c.Stdin, c.Stdout, c.Records, c.Wait = "-", strings.NewReader(lines), &out, record.Both, 300*time.Millisecond
	if edit != nil {
		edit(&c)
	}
	err := list.Run(t.Context(), context.Background(), c)
	return read(t, &out), err
}

// A list in any order gives the hops of the lab, each probe its reply.
func TestLines(t *testing.T) {
	t.Parallel()
	var lines []string
	for ttl := 1; ttl <= 12; ttl++ {
		for _, f := range []string{
			"45.80.3.9,40000,33434,%d,udp", "45.80.3.9,40001,53000,%d,udp", "45.80.3.9,24000,0,%d,icmp", "45.80.3.9,24000,0,%d,icmp",
			"2a00:80:3::9,40000,33434,%d,udp", "2a00:80:3::9,24000,0,%d,icmp6",
		} {
			lines = append(lines, fmt.Sprintf(f, ttl))
		}
	}
	effort.Rand(t).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	r, err := runLines(t, strings.Join(append(lines, "10.1.2.3,40000,33434,5,udp"), "\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := r.summary
	if s.Sent != uint64(len(lines)) || s.Strong != s.Answered || s.Weak != 0 || !s.Complete || s.Balance() != nil {
		t.Errorf("summary %+v, %v", s, s.Balance())
	}
	// TTL 7 is the silent router.
	if want := len(lines) * 11 / 12; len(r.replies) != want || len(r.traces) != 5 {
		t.Errorf("%d replies, want %d; %d traces", len(r.replies), want, len(r.traces))
	}
	topology := routers.New()
	for _, trace := range r.traces {
		truth, _ := topology.Truth(trace.Dst)
		if got := responders(trace, truth.Distance); !truth.Allows(got) || trace.HopCount != truth.Distance {
			t.Errorf("%v: %v, want one of %v", trace.Dst, got, truth.Paths)
		}
	}
	for _, reply := range r.replies {
		if reply.Valid != "strong" || len(reply.Mangled) > 0 {
			t.Errorf("%+v", reply)
		}
	}
}

// A replay of the capture of a list gives the records of the scan, also for equal lines.
func TestLinesCopy(t *testing.T) {
	t.Parallel()
	lab.Need(t, routers.Name)
	var lines strings.Builder
	for range 3 {
		for ttl := 1; ttl <= 13; ttl++ {
			for _, f := range []string{
				"45.80.3.9,40000,33434,%d,udp\n", "45.80.3.9,40000,53000,%d,udp\n", "45.80.3.9,40000,0,%d,icmp\n",
				"2a00:80:3::9,40000,33434,%d,udp\n", "2a00:80:3::9,24000,0,%d,icmp6\n", "10.1.2.3,40000,33434,%d,udp\n",
			} {
				fmt.Fprintf(&lines, f, ttl)
			}
		}
	}
	for _, tt := range []struct{ name, list string }{
		{"whole.pcapng", lines.String()}, {"ended.pcapng.zst", lines.String() + "what?\n"},
	} {
		var want bytes.Buffer
		c := listConfig()
		c.Probes, c.Stdin, c.Stdout, c.Records, c.Wait = "-", strings.NewReader(tt.list), &want, record.Both, 300*time.Millisecond
		c.Capture = filepath.Join(t.TempDir(), tt.name)
		if err := list.Run(t.Context(), context.Background(), c); err != nil && !isPartial(err) {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sortedRecords(t, want.Bytes()), sortedRecords(t, replayed(t, record.Both, c.Capture))); diff != "" {
			t.Errorf("%s: scan and replay differ:\n%s", tt.name, diff)
		}
		if n := bytes.Count(want.Bytes(), []byte(`"type":"reply"`)); n < 3*5*11 {
			t.Errorf("%s: %d replies", tt.name, n)
		}
	}
}

// A wrong line ends the list; the results of the lines before are recorded.
func TestLinesFaults(t *testing.T) {
	t.Parallel()
	r, err := runLines(t, "45.80.3.9,40000,33434,1,udp\n45.80.3.9,40000,33434,2,udp\nwhat?\n45.80.3.9,40000,33434,3,udp\n", nil)
	if !isPartial(err) || !strings.Contains(fmt.Sprint(err), "stdin:3: ") || len(r.replies) != 2 || r.summary.Reason != record.ReasonList {
		t.Errorf("%v, %d replies, %+v", err, len(r.replies), r.summary)
	}
	if _, err := runLines(t, "what?\n", nil); !isUsage(err) {
		t.Errorf("a wrong first line: %v", err)
	}
	if _, err := runLines(t, "\n", nil); !isUsage(err) || errors.Is(err, io.EOF) {
		t.Errorf("an empty list: %v", err)
	}
}

// The rate is kept.
func TestLinesRate(t *testing.T) {
	t.Parallel()
	lines := strings.Repeat("45.80.3.9,40000,33434,1,udp\n", 300)
	r, err := runLines(t, lines, func(c *list.Config) { c.RatePPS, c.Burst = 500, 10 })
	if err != nil || r.summary.Sent != 300 || r.summary.ElapsedS < 0.58 {
		t.Errorf("%d probes in %v s, %v", r.summary.Sent, r.summary.ElapsedS, err)
	}
}

// replies reports each reply that has been written.
type replies struct {
	bytes.Buffer
	seen chan struct{}
}

// Write implements io.Writer.
func (r *replies) Write(b []byte) (int, error) {
	for range bytes.Count(b, []byte(`"type":"reply"`)) {
		r.seen <- struct{}{}
	}
	return r.Buffer.Write(b)
}

// The program that writes the list may wait for each reply. An interrupt does not wait for
// the next line.
func TestLinesPipe(t *testing.T) {
	t.Parallel()
	lab.Need(t, routers.Name)
	in, feed := io.Pipe()
	defer in.Close()
	soft, interrupt := context.WithCancel(t.Context())
	out := replies{seen: make(chan struct{}, 3)}
	c := listConfig()
	c.Probes, c.Stdin, c.Stdout, c.Records, c.Wait = "-", in, &out, record.Replies, 300*time.Millisecond
	done := make(chan error, 1)
	go func() { done <- list.Run(t.Context(), soft, c) }()
	for ttl := 1; ttl <= 3; ttl++ {
		if _, err := fmt.Fprintf(feed, "45.80.3.9,40000,33434,%d,udp\n", ttl); err != nil {
			t.Fatal(err)
		}
		select {
		case <-out.seen: // before the next one is written
		case err := <-done:
			t.Fatalf("ended with TTL %d: %v", ttl, err)
		}
	}
	interrupt()
	if err := <-done; !isPartial(err) {
		t.Errorf("interrupted: %v", err)
	}
	if r := read(t, &out.Buffer); len(r.replies) != 3 || r.summary.Reason != record.ReasonSignal {
		t.Errorf("%d replies, %+v", len(r.replies), r.summary)
	}
}

// Lines with excluded targets are counted, and so they are in a replay.
func TestLinesExcluded(t *testing.T) {
	t.Parallel()
	lines := "45.80.3.9,40000,33434,1,udp\n45.80.3.10,40000,33434,1,udp\n45.80.3.10,40000,33434,2,udp\n2a00:80:3::9,40000,33434,2,udp\n"
	path := filepath.Join(t.TempDir(), "list.pcapng")
	r, err := runLines(t, lines, func(c *list.Config) { c.Exclude, c.Capture = []string{"45.80.3.10"}, path })
	if err != nil {
		t.Fatal(err)
	}
	s := r.summary
	if s.Sent != 2 || s.Skipped.Excluded != 2 || s.TxErrors != 0 || !s.Complete || s.Balance() != nil {
		t.Errorf("summary %+v, %v", s, s.Balance())
	}
	again := read(t, bytes.NewBuffer(replayed(t, record.Both, path))).summary
	if again.Skipped.Excluded != 2 || again.Balance() != nil {
		t.Errorf("replayed summary %+v, %v", again, again.Balance())
	}
}
