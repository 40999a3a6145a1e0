package target

import (
	"math"
	"strings"
	"testing"
)

func linesFrom(t *testing.T, text string) *Lines {
	t.Helper()
	l := new(Lines)
	if err := l.Read("test", strings.NewReader(strings.ReplaceAll(text, " ", "\n"))); err != nil {
		t.Fatal(err)
	}
	return l
}

// Exclusions of two kinds are counted exactly, also of lists of any size.
func TestCount(t *testing.T) {
	for _, tt := range []struct {
		list, exclude       string
		addresses, prefixes uint64
	}{
		{"", "", 0, 0},
		{"45.150.1.0/24", "", 0, 0},
		{"10.0.0.0/24 45.150.1.0/24", "10.0.0.0/8", 256, 1},
		{"10.0.0.0/24", "10.0.0.7", 1, 0},
		{"10.0.0.7 10.0.0.9", "10.0.0.7", 1, 0},
		{"10.0.0.7", "10.0.0.7", 1, 1},
		{"10.0.0.128-10.0.2.5", "10.0.0.200-10.0.2.3", 56 + 256 + 4, 1},
		{"10.0.0.0/23", "10.0.0.0/25 10.0.1.0/25", 256, 0},
		{"10.0.0.0/23", "10.0.0.0/25 10.0.0.128/25", 256, 1},
		{"0.0.0.0/0", "0.0.0.0/0", 1 << 32, 1 << 24},
		{"0.0.0.0/0", "224.0.0.0/3", 1 << 29, 1 << 21},
		{"2001:db8::/47", "2001:db8::/48", math.MaxUint64, 1},
		{"2001:db8::/32", "2001:db8:ffff:ffff::/96", 1 << 32, 0},
		{"::/0 0.0.0.0/0", "::/0", math.MaxUint64, 1 << 48}, // ::/48 has mapped addresses beside
		{"::fffe:ffff:ffff 0.0.0.0 255.255.255.255 ::1:0:0:0", "::fffe:ffff:ffff 255.255.255.255", 2, 1},
	} {
		list, exclude := linesFrom(t, tt.list), linesFrom(t, tt.exclude).Set()
		if n, p := list.Count(0, 0).Minus(list.Count(0, 0, exclude)); n != tt.addresses || p != tt.prefixes {
			t.Errorf("%s without %s: %d addresses, %d prefixes; want %d, %d", tt.list, tt.exclude, n, p, tt.addresses, tt.prefixes)
		}
	}
}
