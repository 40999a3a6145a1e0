// Package imagine makes up traces, so that benchmarks have many without a scan.
package imagine

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// start is when the first imagined trace began.
var start = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)

// Trace returns a trace of UDP over IPv4 through 8 to 24 routers. A tenth of them is silent, and
// a tenth reports MPLS labels.
func Trace(random *rand.Rand) *record.Trace {
	t := &record.Trace{
		Head: record.Head{
			Target: address(random.Uint32()), Source: address(0xc0000201), Method: probe.UDP,
			Flow: probe.Flow{Value: 41021}, DstPort: 33434, ProbeSize: 44,
		},
		FirstTTL: 1, MaxTTL: 32, Attempts: 1, Wait: 2 * time.Second,
		Start: start.UnixNano() + random.Int64N(int64(time.Hour)),
	}
	length := uint8(8 + random.IntN(17))
	for ttl := uint8(1); ttl <= length; ttl++ {
		t.ProbeCount++
		if random.IntN(10) == 0 {
			t.Silent = append(t.Silent, record.TTLAttempt{TTL: ttl})
			continue
		}
		t.Answered++
		t.Hops = append(t.Hops, router(random, t, ttl))
	}
	if len(t.Hops) == 0 {
		t.Hops = append(t.Hops, router(random, t, 1))
	}
	t.StopReason, t.End, t.PathHash = record.StopGapLimit, length, random.Uint64()
	return t
}

// router returns the hop of a router at a TTL.
func router(random *rand.Rand, t *record.Trace, ttl uint8) record.Hop {
	h := record.Hop{Sent: t.Start + random.Int64N(1e9), RTT: int64(ttl)*1e6 + random.Int64N(20e6)}
	h.Target, h.TTL = t.Target, ttl
	h.Responder = address(0x0a000000 | uint32(ttl)<<16 | uint32(random.IntN(1<<9)))
	h.Stamp = h.Sent + h.RTT
	h.Kind, h.Valid, h.Protocol, h.Type = probe.KindTTLExceeded, probe.Strong, probe.ProtoICMP, wire.ICMPv4TimeExceeded
	h.ReplySize, h.ReplyID, h.ReplyTTL = 96, uint16(random.Uint32()), 255-ttl
	h.HasQuote, h.QuotedTTL, h.QuotedSize, h.QuotedLen, h.QuotedID = true, 1, 44, 44, uint16(random.Uint32())
	if random.IntN(10) == 0 {
		label := wire.Label{Label: random.Uint32N(1 << 20), TTL: 1, S: 1}
		h.Ext = wire.AppendExtension(nil, wire.Object{Class: wire.ClassMPLS, CType: 1, Payload: label.AppendTo(nil)})
	}
	return h
}

func address(v uint32) probe.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return probe.Addr4From(b)
}
