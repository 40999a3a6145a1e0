package merge

import (
	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

var testConfig = ndjson.Config{Kinds: record.Both, Hostname: "vp1"}

func testRun() *record.Run {
	return &record.Run{
		Tool: "masstrace/0.1.0", Argv: []string{"masstrace", "scan", "list.txt"}, Seed: "42", KeyID: "a1b2c3d4",
		RatePPS: 100000, Burst: 64, TTL: [2]uint8{1, 16}, Flows: 1, Attempts: 2, Protocol: "udp", DstPort: 33434,
		WaitS: 2, Source: "192.0.2.1", Link: "eth0", Clock: "CLOCK_REALTIME/kernel",
		TargetsSHA256: "aa", ExcludeSHA256: "bb", PerPrefix: 1, Granularity: [2]int{24, 48}, Shard: [2]int{0, 1},
	}
}

func testSummary() *record.Summary {
	s := &record.Summary{ElapsedS: 14.5, Complete: true, Reason: record.ReasonDone}
	s.Probes = account.Probes{
		Targets: 100, TTLs: 16, Flows: 1, Sent: 1000, Answered: 900, Silent: 100, SilentBy: account.SilentBy{Unknown: 100},
	}
	s.FirstAttempts = account.FirstAttempts{FirstSent: 1000, Skipped: account.Skipped{Reached: 600}}
	s.LeftOut = &record.LeftOut{SpecialPurpose: record.Removed{Prefixes: 2, Addresses: 512}}
	s.Frames, s.Unrelated, s.Strong = 905, 5, 900
	return s
}

// trace16 is a trace of 16 hops.
func trace16() *record.Trace {
	t := &record.Trace{MaxTTL: 16, Attempts: 1}
	for ttl := range uint8(16) {
		var h record.Hop
		h.TTL, h.Responder, h.Protocol = ttl+1, probe.Addr4From([4]byte{203, 0, 113, ttl * 13}), probe.ProtoICMP
		t.Hops = append(t.Hops, h)
	}
	return t
}
