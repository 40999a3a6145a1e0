package target_test

import (
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/target"
)

// Within finds a target if and only if a look at all targets finds one.
func TestWithin(t *testing.T) {
	lists := []string{
		"192.0.2.0/24\n198.51.100.7\n198.51.100.9\n203.0.113.0/26\n",
		"10.0.0.0/16\n", "192.0.2.1\n", "2001:db8::/40\n2001:db8:ff::1\n10.0.0.0/22\n", "",
	}
	prefixes := []string{
		"0.0.0.0/0", "::/0", "10.0.0.0/8", "10.0.3.0/24", "10.0.3.128/25", "10.0.3.7/32", "192.0.2.0/25", "192.0.2.128/25",
		"198.51.100.8/29", "198.51.100.7/32", "198.51.100.8/32", "203.0.113.0/25", "203.0.113.64/26", "2001:db8::/32",
		"2001:db8:1::/48", "2001:db8:ff::/64", "2001:db8:1::/128", "11.0.0.0/8", "9.0.0.0/8",
	}
	for _, text := range lists {
		for _, per := range []uint64{1, 3, 300} {
			l, err := target.NewList(target.Config{Include: read(t, text), Seed: permute.Key{1}, PerPrefix: per})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range prefixes {
				prefix := netip.MustParsePrefix(p)
				want := false
				for i := range l.Len() {
					want = want || prefix.Contains(l.At(i).Netip())
				}
				got, ok := l.Within(prefix)
				if ok != want || ok && !prefix.Contains(got) {
					t.Errorf("%q, %d each: Within(%v) = %v, %t; want %t", text, per, prefix, got, ok, want)
				}
			}
		}
	}
}
