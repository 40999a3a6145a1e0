package record

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/account"
)

func testSummary() *Summary {
	s := &Summary{ElapsedS: 14.57, Complete: true, Reason: ReasonDone}
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
		{"a TTL that does not add up", func(s *Summary) { s.ByTTL[2].Silent-- },
			[]string{"at TTL 2: sent = answered + silent", "at TTL 2: silent = all of silent_by"}},
		{"a reason too many at a TTL", func(s *Summary) { s.ByTTL[3].SilentBy.Drops++ },
			[]string{"at TTL 3: silent =", "silent_by.kernel_drops = sum of by_ttl"}},
		{"a TTL missing", func(s *Summary) { s.ByTTL[1] = account.TTLCounts{} },
			[]string{"sent = sum", "answered = sum", "rate_limited = sum"}},
		{"too many late", func(s *Summary) { s.ByTTL[3].Late += 2 }, []string{"late_replies ≥ sum of by_ttl"}},
		{"an error at no TTL", func(s *Summary) { s.TxErrors++ }, []string{"tx_errors = sum"}},
		{"a frame lost", func(s *Summary) { s.Malformed-- }, []string{"frames ="}},
		{"a frame twice", func(s *Summary) { s.Rejected.Conflict++ }, []string{"frames ="}},
		{"an answer too many", func(s *Summary) { s.Strong++; s.Late-- }, []string{"answered + udp_reply"}},
		{"an answer without a frame", func(s *Summary) { s.Answered++; s.Silent-- }, []string{"answered + udp_reply", "silent =", "answered = sum"}},
		{"a skip not counted", func(s *Summary) { s.Skipped.Reached-- }, []string{"targets × ttls × flows"}},
		{"more first probes than probes", func(s *Summary) {
			s.Sent, s.Silent = 1_100_000, 100_000
			s.SilentBy, s.ByTTL = account.SilentBy{Unknown: 100_000}, account.ByTTL{}
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

// Add adds the accounts and the times; how the run ended stays.
func TestSummaryAdd(t *testing.T) {
	s, o := testSummary(), testSummary()
	o.Reason, o.Complete = ReasonSignal, false
	s.Add(o)
	if err := s.Balance(); err != nil {
		t.Error(err)
	}
	if s.Sent != 2*o.Sent || s.ElapsedS != 2*o.ElapsedS || s.Reason != ReasonDone || !s.Complete {
		t.Errorf("%+v", s)
	}
}

// The routers of two summaries are one list, the most silent first; it reports when it
// is cut.
func TestSummaryAddLimited(t *testing.T) {
	router := func(i int, silent uint64, ttls ...int) account.LimitedRouter {
		return account.LimitedRouter{Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), TTLs: ttls, Answered: 1, Silent: silent}
	}
	of := func(list ...account.LimitedRouter) *Summary {
		s := new(Summary)
		s.LimitedRouters = list
		return s
	}
	var s Summary
	s.Add(of(router(1, 5, 4), router(2, 7, 3)))
	s.Add(of(router(3, 6, 9), router(1, 5, 2, 4)))
	sum := router(1, 10, 2, 4)
	sum.Answered = 2
	want := []account.LimitedRouter{sum, router(2, 7, 3), router(3, 6, 9)}
	if !reflect.DeepEqual(s.LimitedRouters, want) || s.LimitedRoutersCut {
		t.Errorf("%+v, cut %t; want %+v", s.LimitedRouters, s.LimitedRoutersCut, want)
	}
	var many []account.LimitedRouter
	for i := range account.MostLimited {
		many = append(many, router(100+i, 8, 1))
	}
	s.Add(of(many...))
	n := len(s.LimitedRouters)
	if n != account.MostLimited || !s.LimitedRoutersCut || !reflect.DeepEqual(s.LimitedRouters[0], sum) || s.LimitedRouters[n-1].Silent != 8 {
		t.Errorf("%d routers, cut %t: %+v", n, s.LimitedRoutersCut, s.LimitedRouters)
	}
}
