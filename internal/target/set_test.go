package target_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

func TestMinus(t *testing.T) {
	tests := []struct {
		name, a, b, want string
	}{
		{"nothing", "10.0.0.0/30", "", "10.0.0.0-10.0.0.3\n"},
		{"from nothing", "", "10.0.0.0/30", ""},
		{"all", "10.0.0.0/30", "10.0.0.0/29", ""},
		{"the middle", "10.0.0.0/29", "10.0.0.2-10.0.0.3", "10.0.0.0-10.0.0.1\n10.0.0.4-10.0.0.7\n"},
		{"both ends", "10.0.0.0/29", "10.0.0.0\n10.0.0.7", "10.0.0.1-10.0.0.6\n"},
		{"one over two", "10.0.0.0/30\n10.0.0.8/30", "10.0.0.3-10.0.0.9", "10.0.0.0-10.0.0.2\n10.0.0.10-10.0.0.11\n"},
		{"last address", "255.255.255.254/31", "255.255.255.255", "255.255.255.254-255.255.255.254\n"},
		{"last of all", "ffff::/16", "ffff:8000::/17", "ffff::-ffff:7fff:ffff:ffff:ffff:ffff:ffff:ffff\n"},
		{"the other family", "::/0", "0.0.0.0/0", "::1-::fffe:ffff:ffff\n::1:0:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := read(t, tt.a).Set().Minus(read(t, tt.b).Set())
			if text(got) != tt.want || got.IsEmpty() != (tt.want == "") {
				t.Errorf("got\n%swant\n%s", text(got), tt.want)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	sum := func(s string) string {
		h := sha256.Sum256([]byte(s))
		return hex.EncodeToString(h[:])
	}
	a := read(t, "10.0.0.1 # x\n10.0.0.0/31\n2001:db8::/127\n10.0.0.1\n")
	b := read(t, "2001:db8::-2001:db8::1\n10.0.0.1\n10.0.0.0-10.0.0.1\n")
	want := "10.0.0.0-10.0.0.1\n2001:db8::-2001:db8::1\n"
	if got := a.Set().Digest(); got != sum(want) || got != b.Set().Digest() {
		t.Errorf("set: got %s", got)
	}
	if got := a.Digest(); got != sum(want+"10.0.0.1\n") || got != b.Digest() {
		t.Errorf("lines: got %s", got)
	}
	if a.Digest() == read(t, "10.0.0.0/31\n2001:db8::/127\n").Digest() {
		t.Error("a single address does not count")
	}
	if (target.Set{}).Digest() != sum("") {
		t.Error("the empty set has another digest")
	}
}

func TestReservedSet(t *testing.T) {
	s := target.ReservedSet()
	tests := map[bool]string{
		true: `0.0.0.0 0.255.255.255 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 169.254.1.1 172.16.0.1 172.31.255.255
			192.0.0.1 192.0.0.8 192.0.0.11 192.0.0.170 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1
			203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.0 255.255.255.255
			::1 64:ff9b::1 64:ff9b:1::1 100::1 1fff::1 2001::1 2001:1::4 2001:2::1 2001:10::1 2001:1ff::1 2001:db8::1 2002::1
			3fff::1 3fff:fff::1 4000::1 5f00::1 fc00::1 fe80::1 fec0::1 ff02::1 ffff::1`,
		false: `1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 128.0.0.0 172.15.255.255 172.32.0.0 192.0.0.9 192.0.0.10
			192.0.1.0 192.31.196.1 192.52.193.1 192.175.48.1 198.17.255.255 198.20.0.0 223.255.255.255
			2000::1 2001:1::1 2001:1::2 2001:1::3 2001:3::1 2001:4:112::1 2001:20::1 2001:30::1 2001:200::1 2001:db7::1 2001:db9::1
			2003::1 2620:4f:8000::1 2a00::1 3ffe::1 3fff:1000::1`,
	}
	for want, addrs := range tests {
		for a := range strings.FieldsSeq(addrs) {
			if got := s.Contains(probe.AddrFrom(netip.MustParseAddr(a))); got != want {
				t.Errorf("%s: excluded %v, want %v", a, got, want)
			}
		}
	}
}

// Each entry is well formed, and no hole is larger than its block: no unreachable entry lies in a
// reachable one.
func TestReservedTable(t *testing.T) {
	table := target.ReservedTable()
	for _, r := range table {
		if r.Prefix != r.Prefix.Masked() || r.Name == "" || !strings.HasPrefix(r.RFC, "RFC ") {
			t.Errorf("%+v", r)
		}
		for _, q := range table {
			if r.Reach == target.Reachable && q.Reach < target.Reachable && r.Prefix.Bits() <= q.Prefix.Bits() && r.Prefix.Overlaps(q.Prefix) {
				t.Errorf("%v lies in %v, which is reachable", q.Prefix, r.Prefix)
			}
		}
	}
}
