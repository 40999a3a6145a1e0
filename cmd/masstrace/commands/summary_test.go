package commands

import (
	"bytes"
	"flag"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/highlights"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/tabular"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sampleSummary returns a summary with a count of every kind.
func sampleSummary() *record.Summary {
	s := &record.Summary{ElapsedS: 14.57, Complete: true, Reason: record.ReasonDone}
	s.Findings = &record.Findings{
		Traces: 100_000, Reached: 28_000, Interfaces: 41_230, Links: 60_021, MedianPath: 14, LongestPath: 16,
		Ends: map[string]uint64{"COMPLETED": 27_990, "UNREACH": 4_010, "GAPLIMIT": 67_950, "HOPLIMIT": 20, "LOOP": 20, "HALTED": 10},
	}
	s.LeftOut = &record.LeftOut{SpecialPurpose: record.Removed{Prefixes: 589_824, Addresses: 150_994_944}, Excluded: record.Removed{Addresses: 1}}
	s.Probes = account.Probes{
		Targets: 100_000, TTLs: 16, Flows: 1, Sent: 1_250_003, Answered: 1_000_000, Silent: 250_003, TxErrors: 2,
		SilentBy: account.SilentBy{Drops: 7, RateLimited: 50_000, Unknown: 199_996},
	}
	for ttl := range 2 {
		s.ByTTL[1+ttl] = account.TTLCounts{Sent: 600_000, Answered: 500_000, Silent: 100_000,
			SilentBy: account.SilentBy{RateLimited: 20_000, Unknown: 80_000}}
	}
	s.ByTTL[3] = account.TTLCounts{Sent: 50_003, Silent: 50_003,
		SilentBy: account.SilentBy{Drops: 7, RateLimited: 10_000, Unknown: 39_996}, Late: 19, TxErrors: 2}
	s.ByTTL[4] = account.TTLCounts{Sent: 9, Answered: 9} // which the table leaves out
	s.Limits = account.Limits{LimitedRoutersCut: true, LimitedRouters: []account.LimitedRouter{
		{Addr: netip.MustParseAddr("203.0.113.5"), TTLs: []int{1, 2}, Answered: 9_000, Silent: 31_000},
		{Addr: netip.MustParseAddr("2001:db8::5"), TTLs: []int{2}, Answered: 8_000, Silent: 9_000},
	}}
	s.FirstAttempts = account.FirstAttempts{
		FirstSent: 1_200_000, Skipped: account.Skipped{Reached: 399_988, Excluded: 10, TxError: 2},
	}
	s.Inbound = account.Inbound[uint64]{
		Frames: 1_000_233, Malformed: 3, Unrelated: 100, Late: 20, Duplicates: 50,
		Rejected: account.Rejected[uint64]{Checksum: 9, Tag: 33, Unsent: 1}, Weak: 2_017, Strong: 998_000,
		UDPReplies: 17, Drops: account.Drops[uint64]{Kernel: 3, Interface: 1, Extensions: 4},
	}
	return s
}

func TestSummary(t *testing.T) {
	var got bytes.Buffer
	if err := writeSummary(&got, &observe.Finished{Summary: sampleSummary()}, fileWidth, sampleFound(t)); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(got.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > fileWidth {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	path := filepath.Join("..", "..", "..", "testdata", "output", "summary.txt")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// A stopped scan that can be continued shows its recorded part, and no table of zeros.
func TestSummaryRecorded(t *testing.T) {
	for _, tt := range []struct {
		recorded uint64
		want     string
		table    bool
	}{
		{0, "nothing is recorded so far: the first window was not finished\n1,083 probes of unfinished windows will be sent again\n", false},
		{3, "recorded so far: 3 of 9 windows\n1,083 probes of unfinished windows will be sent again\n", true},
	} {
		s := sampleSummary()
		s.Abandoned = 1083
		var got strings.Builder
		if err := writeSummary(&got, &observe.Finished{Summary: s, Recorded: tt.recorded, Windows: 9}, fileWidth, nil); err != nil {
			t.Fatal(err)
		}
		if rest, ok := strings.CutPrefix(got.String(), tt.want); !ok || strings.Contains(rest, "probes sent") != tt.table {
			t.Errorf("%d windows:\n%s", tt.recorded, got.String())
		}
	}
}

// Every reason for which a probe is skipped or a frame rejected is in the table.
func TestSummaryReasons(t *testing.T) {
	s := new(record.Summary)
	s.Skipped = account.Skipped{Reached: 101, Unreachable: 102, Loop: 103, GapLimit: 104, Known: 105,
		Limited: 106, Excluded: 107, Interrupted: 108, TxError: 109}
	s.Rejected = account.Rejected[uint64]{Checksum: 201, Source: 202, Tag: 203, Conflict: 204, Unsent: 205, Responder: 206}
	var got strings.Builder
	if err := writeSummary(&got, &observe.Finished{Summary: s}, fileWidth, nil); err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]account.Reason{account.Reasons(&s.Skipped), account.Reasons(&s.Rejected)} {
		for _, r := range list {
			if r.N == 0 || !strings.Contains(got.String(), tabular.Count(r.N)) || !strings.Contains(got.String(), r.Words) {
				t.Errorf("%s, of which there are %d, is not told of:\n%s", r.Name, r.N, got.String())
			}
		}
	}
}

func TestSummaryEnding(t *testing.T) {
	for _, tt := range []struct {
		complete bool
		reason   string
		want     string
	}{
		{true, record.ReasonDone, "complete"},
		{false, record.ReasonDone, "incomplete: not all probes could be sent"},
		{false, record.ReasonSignal, "incomplete: stopped by a signal"},
		{false, "thirst", "incomplete: thirst"},
	} {
		if got := endingWords(&record.Summary{Complete: tt.complete, Reason: tt.reason}); got != tt.want {
			t.Errorf("%t, %s: %q, want %q", tt.complete, tt.reason, got, tt.want)
		}
	}
}

func TestSummaryError(t *testing.T) {
	r, w := io.Pipe()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := writeSummary(w, &observe.Finished{Summary: sampleSummary()}, fileWidth, nil); err == nil {
		t.Error("no error")
	}
}

// A summary is as wide as the terminal, and it never has a wider line unless a single word is. All
// counts are in it, on any terminal.
func TestSummaryWidth(t *testing.T) {
	for _, columns := range []uint16{20, 50, 80, 200} {
		_, terminal := openTerminal(t, columns)
		if got := summaryWidth(terminal); got != int(columns) {
			t.Errorf("%d columns: %d", columns, got)
		}
	}
	if got := summaryWidth(new(bytes.Buffer)); got != fileWidth {
		t.Errorf("no terminal: %d", got)
	}
	widest := 0
	found := sampleFound(t)
	for width := 20; width <= 240; width++ {
		var text strings.Builder
		if err := writeSummary(&text, &observe.Finished{Summary: sampleSummary()}, width, found); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text.String()) {
			n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n"))
			if n > width {
				t.Errorf("%d characters on %d columns: %s", n, width, line)
			}
			widest = max(widest, n)
		}
		for _, want := range []string{"1,250,003", "150,994,944", "67,950", "203.0.113.5", "10.0.0.3", "AS64500"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%d columns: no %s in\n%s", width, want, text.String())
			}
		}
	}
	if widest < 180 {
		t.Errorf("a wide terminal has lines of %d characters only", widest)
	}
}

// sampleFound returns highlights of every kind.
func sampleFound(t *testing.T) *highlights.Counter {
	t.Helper()
	found := highlights.New()
	for i := range 100_000 {
		trace := new(record.Trace)
		trace.TargetAnnotation = &record.Annotation{ASN: []uint32{uint32(64500 + i%3)}, ASName: "EXAMPLE"}
		trace.Reached = i%3 == 2
		if i < 300 {
			for ttl := range uint8(4) {
				h := record.Hop{Sent: 1, RTT: int64(1+ttl) * 1e6}
				h.TTL, h.Responder = ttl+1, probe.AddrFrom(netip.AddrFrom4([4]byte{10, 0, 0, ttl + 1}))
				if ttl >= 2 {
					h.RTT += int64(180+i%5) * 1e6
				}
				trace.Hops = append(trace.Hops, h)
			}
		}
		if err := found.Write(trace); err != nil {
			t.Fatal(err)
		}
	}
	return found
}
