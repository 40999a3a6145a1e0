package change

import "testing"

// A change takes several answers in a row, and more of an address that alternates.
func TestDoubt(t *testing.T) {
	for _, tt := range []struct {
		name, answers   string // k is the known address
		alternates      bool
		need, certainAt int // 1 is the first answer; 0 is never
	}{
		{"two in a row", "aa", false, 2, 2},
		{"one of each", "ababab", false, 2, 0},
		{"the known one between", "akaka", false, 2, 0},
		{"after others", "abbb", false, 3, 4},
		{"alternates", "aaaaaaaaaaaaaaaaaaaaaa", true, 2, 22},
		{"one suffices", "a", false, 1, 1},
	} {
		var d Doubt[rune]
		at := 0
		for i, a := range tt.answers {
			if a == 'k' {
				d.Known()
			} else if d.Other(a, int64(100+i), tt.need, tt.alternates) && at == 0 {
				at = i + 1
			}
		}
		if at != tt.certainAt {
			t.Errorf("%s: certain at answer %d, want %d", tt.name, at, tt.certainAt)
		}
	}
	var d Doubt[rune]
	d.Other('a', 5, 3, false)
	d.Other('b', 6, 3, false)
	d.Other('b', 7, 3, false)
	if d.Since != 6 {
		t.Errorf("since %d, want that of the first answer in the row", d.Since)
	}
}

func TestFirst(t *testing.T) {
	for _, tt := range []struct {
		before, after string // . is silence
		ttl           uint8
		common        uint8
	}{
		{"abcd", "abcd", 0, 0}, {"abcd", "abxd", 3, 2}, {"abcd", "a.xd", 3, 1}, {"xbcd", "abcd", 1, 0},
		{"a..d", "abcd", 0, 0}, {"abc", "ab.", 0, 0}, {"ab.de", "abcxe", 4, 2},
	} {
		at := func(path string) func(uint8) byte {
			return func(ttl uint8) byte {
				if c := path[ttl-1]; c != '.' {
					return c
				}
				return 0
			}
		}
		d, ok := First(1, uint8(len(tt.before)), at(tt.before), at(tt.after))
		if ok != (tt.ttl != 0) || d.TTL != tt.ttl || d.CommonTTL != tt.common {
			t.Errorf("%s, %s: %+v, %t; want TTL %d, common %d", tt.before, tt.after, d, ok, tt.ttl, tt.common)
		}
	}
	if Chance(3) != 0.125 {
		t.Errorf("Chance(3) = %v", Chance(3))
	}
}
