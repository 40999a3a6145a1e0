package ndjson

import (
	"bytes"
	"strings"
	"testing"
)

func TestSummaryBalance(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Summary)
		want   []string // in the error; none: no error
	}{
		{"as it should be", func(*Summary) {}, nil},
		{"nothing at all", func(s *Summary) { *s = Summary{} }, nil},
		{"a replay without the key", func(s *Summary) { s.Unverified, s.Strong, s.Weak = s.Strong+s.Weak, 0, 0 }, nil},
		{"a probe lost", func(s *Summary) { s.Silent--; s.SilentBy.Unknown-- }, []string{"sent = answered + silent"}},
		{"a silence without a reason", func(s *Summary) { s.SilentBy.Unknown-- }, []string{"silent = all of silent_by"}},
		{"a TTL that does not add up", func(s *Summary) { s.ByTTL[1].Silent-- },
			[]string{"at TTL 2: sent = answered + silent", "at TTL 2: silent = all of silent_by"}},
		{"a reason too many at a TTL", func(s *Summary) { s.ByTTL[2].SilentBy.Drops++ },
			[]string{"at TTL 3: silent =", "silent_by.kernel_drops = sum of by_ttl"}},
		{"a TTL missing", func(s *Summary) { s.ByTTL = s.ByTTL[1:] },
			[]string{"sent = sum", "answered = sum", "rate_limited = sum"}},
		{"too many late", func(s *Summary) { s.ByTTL[2].Late += 2 }, []string{"late ≥ sum of by_ttl"}},
		{"an error at no TTL", func(s *Summary) { s.TxErrors++ }, []string{"tx_errors = sum"}},
		{"a frame lost", func(s *Summary) { s.Malformed-- }, []string{"frames ="}},
		{"a frame twice", func(s *Summary) { s.Rejected.Conflict++ }, []string{"frames ="}},
		{"an answer too many", func(s *Summary) { s.Strong++; s.Late-- }, []string{"answered + udp_reply"}},
		{"an answer without a frame", func(s *Summary) { s.Answered++; s.Silent-- }, []string{"answered + udp_reply", "silent =", "answered = sum"}},
		{"a skip not counted", func(s *Summary) { s.Skipped.Reached-- }, []string{"targets × ttls × flows"}},
		{"more first probes than probes", func(s *Summary) {
			s.Sent, s.Silent = 1_100_000, 100_000
			s.SilentBy, s.ByTTL = SilentBy{Unknown: 100_000}, nil
		}, []string{"first_sent"}},
		{"complete and interrupted", func(s *Summary) {
			s.Skipped.Interrupted, s.Skipped.Reached = 1, s.Skipped.Reached-1
		}, []string{"complete"}},
		{"too large", func(s *Summary) { s.Targets, s.Skipped.Reached = 1<<53/16, 1<<53-s.FirstSent-12 },
			[]string{"below 2⁵³"}},
		{"two faults", func(s *Summary) { s.Silent--; s.SilentBy.Unknown--; s.Malformed-- }, []string{"sent =", "frames ="}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := testSummary()
			tt.change(s)
			err := s.Balance()
			if (err == nil) != (len(tt.want) == 0) {
				t.Fatalf("Balance = %v, want %q", err, tt.want)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Balance = %v, want %q", err, part)
				}
			}
			if n := len(tt.want); n != 0 && strings.Count(err.Error(), "summary:") != n {
				t.Errorf("Balance = %v, want %d faults", err, n)
			}
		})
	}
}

func TestSummaryTextEnding(t *testing.T) {
	for _, tt := range []struct {
		complete bool
		reason   string
		want     string
	}{
		{true, ReasonDone, "complete"},
		{false, ReasonDone, "incomplete: not all probes could be sent"},
		{false, ReasonSignal, "incomplete: stopped by a signal"},
		{false, "thirst", "incomplete: thirst"},
	} {
		s := Summary{Complete: tt.complete, Reason: tt.reason}
		var out bytes.Buffer
		if err := s.Text(&out); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); lines[len(lines)-1] != tt.want {
			t.Errorf("ends in %q, want %q", lines[len(lines)-1], tt.want)
		}
	}
}

func TestSummaryTextError(t *testing.T) {
	if err := testSummary().Text(&failer{}); err == nil {
		t.Error("no error")
	}
}

func TestGroup(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 999: "999", 1000: "1,000", 12345678: "12,345,678",
	} {
		if got := group(n); got != want {
			t.Errorf("group(%d) = %s, want %s", n, got, want)
		}
	}
}
