package traceroute

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
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

// target4 is the target of all traces (RFC 5737).
var target4 = probe.Addr4From([4]byte{198, 51, 100, 9})

// udp4Hop returns a router's answer to a UDP probe.
func udp4Hop(ttl uint8) record.Hop {
	h := record.Hop{Sent: 1790000001101222333 + int64(ttl)*1e6}
	h.Facts = probe.Facts{
		Probe: probe.Probe{Target: target4, TTL: ttl}, Kind: probe.KindTTLExceeded,
		Protocol: probe.ProtoICMP, Type: wire.ICMPv4TimeExceeded, ReplyTTL: 255 - ttl,
	}
	return h
}
