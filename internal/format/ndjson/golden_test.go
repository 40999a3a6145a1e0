package ndjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with the golden file of that name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "testdata", "output", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// written returns the output of write.
func written(t testing.TB, conf Config, write func(*Writer)) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := NewWriter(&buf, conf)
	write(w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// writeSample writes the replies of s, then its trace, as a run does.
func writeSample(t testing.TB, w *Writer, s sample) {
	t.Helper()
	var err error
	for i := range s.replies {
		s.reply.Head, s.reply.Hop = s.trace.Head, s.replies[i]
		err = errors.Join(err, w.Write(s.reply))
	}
	if err = errors.Join(err, w.Write(s.trace)); err != nil {
		t.Fatal(err)
	}
}

func TestGoldenRecords(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			got := written(t, testConfig, func(w *Writer) { writeSample(t, w, s) })
			for line := range bytes.Lines(got) {
				if !json.Valid(line) {
					t.Errorf("not JSON: %s", line)
				}
			}
			golden(t, s.name+".ndjson", got)
		})
	}
}

func testRun() *record.Run {
	return &record.Run{
		Tool: "masstrace/0.1.0", Argv: []string{"masstrace", "scan", "list.txt"}, Seed: "42", KeyID: "a1b2c3d4",
		RatePPS: 100000, Burst: 64, TTL: [2]uint8{1, 16}, Flows: 1, Attempts: 2, Protocol: "udp", DstPort: 33434,
		WaitS: 2, Source: "192.0.2.1", Source6: "2001:db8::1", Link: "eth0", Clock: "CLOCK_REALTIME/kernel",
		TargetsSHA256: "aa", ExcludeSHA256: "bb", PerPrefix: 1, Granularity: [2]int{24, 48}, Shard: [2]int{0, 1},
	}
}

func testResume() *record.Resume {
	return &record.Resume{
		Tool: "masstrace/0.1.0", Argv: []string{"masstrace", "scan", "list.txt", "--resume", "list.checkpoint"},
		Windows: 7, TimeUs: 1_790_000_123_456_789,
	}
}

func testSummary() *record.Summary {
	s := &record.Summary{ElapsedS: 14.57, Complete: true, Reason: record.ReasonDone}
	s.Findings = &record.Findings{
		Traces: 100_000, Reached: 28_000, Ends: map[string]uint64{"COMPLETED": 27_990, "UNREACH": 4_010, "GAPLIMIT": 68_000},
		Interfaces: 41_230, Links: 60_021, MedianPath: 14, LongestPath: 16,
	}
	s.LeftOut = &record.LeftOut{SpecialPurpose: record.Removed{Prefixes: 1, Addresses: 256}, Excluded: record.Removed{Addresses: 7}}
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

var (
	cycleStart = &record.CycleStart{Cycle: record.Cycle{Time: 1790000000}}
	cycleStop  = &record.CycleStop{Cycle: record.Cycle{Time: 1790000900}}
)

func TestGoldenSkeleton(t *testing.T) {
	got := written(t, testConfig, func(w *Writer) {
		err := errors.Join(w.Write(cycleStart), w.Write(testRun()), w.Write(testResume()), w.Write(testSummary()), w.Write(cycleStop))
		if err != nil {
			t.Fatal(err)
		}
	})
	golden(t, "skeleton.ndjson", got)
}

func TestKinds(t *testing.T) {
	s := samples()[0]
	for _, tt := range []struct {
		conf           Config
		traces, others int
	}{
		{Config{Kinds: record.Traces}, 2, 0}, {Config{Kinds: record.Replies}, 0, len(s.replies)},
		{Config{Kinds: record.Both}, 2, len(s.replies)}, {Config{}, 2, len(s.replies)},
		{Config{Kinds: record.Traces, Bare: true}, 1, 0},
	} {
		got := written(t, tt.conf, func(w *Writer) { writeSample(t, w, s) })
		replies := bytes.Count(got, []byte(`{"type":"reply"`))
		traces := bytes.Count(got, []byte(`{"type":"trace`))
		if replies != tt.others || traces != tt.traces {
			t.Errorf("%+v: %d replies, %d others; want %d, %d", tt.conf, replies, traces, tt.others, tt.traces)
		}
	}
}
