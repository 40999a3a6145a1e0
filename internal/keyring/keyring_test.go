package keyring

import (
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
)

// Answers to probes of the latest keys are accepted, with a number for each attempt of each key. Those
// to older probes are not.
func TestRing(t *testing.T) {
	cfg := codec.Config{
		Method: probe.ICMP, MinTTL: 1, MaxTTL: 32, Flows: 1, Attempts: probe.MaxAttempts,
		Source4: netip.MustParseAddr("192.0.2.1"),
	}
	first, err := codec.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	target := probe.AddrFrom(netip.MustParseAddr("198.51.100.9"))
	const keys = 3
	r := New(first, cfg, keys)
	type sent struct {
		packet []byte
		codec  *codec.Codec
		want   uint8
	}
	var all []sent
	for n := range uint32(6) {
		if n > 0 {
			if err := r.Renew(n); err != nil {
				t.Fatal(err)
			}
		}
		c, number := r.Latest()
		if number != n {
			t.Fatalf("key %d is the latest, want %d", number, n)
		}
		for attempt := range uint8(probe.MaxAttempts) {
			var p codec.Prepared
			buf := make([]byte, codec.MaxSize)
			c.Prepare(&p, target, 0)
			all = append(all, sent{buf[:c.Encode(buf, &p, 5, attempt)], c, r.AttemptOf(number, attempt)})
		}
	}
	seen := map[uint8]bool{}
	for i, s := range all {
		live := i >= len(all)-keys*probe.MaxAttempts
		if r.IsLive(s.codec) != live {
			t.Errorf("probe %d: live %v, want %v", i, !live, live)
		}
		message := s.packet[20:] // after the IPv4 header
		message[0] = 0           // echo reply
		f := probe.Facts{Responder: target, Kind: probe.KindEchoReply}
		v := r.EchoReply(message, true, &f)
		if (v == codec.Accepted && f.Valid == probe.Strong) != live {
			t.Errorf("probe %d: %v, %v; live %v", i, v, f.Valid, live)
		}
		if live && (f.Attempt != s.want || f.TTL != 5 || seen[f.Attempt]) {
			t.Errorf("probe %d: attempt %d of TTL %d, want %d", i, f.Attempt, f.TTL, s.want)
		}
		seen[f.Attempt] = seen[f.Attempt] || live
	}
}
