package merge

import (
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

var testConfig = ndjson.Config{Records: ndjson.Both, Hostname: "vp1"}

func testRun() *ndjson.Run {
	return &ndjson.Run{
		Tool: "masstrace/0.1.0", Argv: []string{"masstrace", "scan", "list.txt"}, Seed: "42", KeyID: "a1b2c3d4",
		RatePPS: 100000, Burst: 64, TTL: [2]uint8{1, 16}, Flows: 1, Attempts: 2, Protocol: "udp", DstPort: 33434,
		WaitS: 2, Source: "192.0.2.1", Link: "eth0", Clock: "CLOCK_REALTIME/kernel",
		TargetsSHA256: "aa", ExcludeSHA256: "bb", PerPrefix: 1, Granularity: [2]int{24, 48}, Shard: [2]int{0, 1},
	}
}

func testSummary() *ndjson.Summary {
	return &ndjson.Summary{
		Targets: 100, TTLs: 16, Flows: 1, Sent: 1000, Answered: 900, Silent: 100, FirstSent: 1000,
		Skipped: ndjson.Skipped{Reached: 600}, SilentBy: ndjson.SilentBy{Unknown: 100},
		Frames: ndjson.Frames{Received: 905, Unrelated: 5, Strong: 900}, ElapsedS: 14.5, Complete: true, Reason: ndjson.ReasonDone,
	}
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
