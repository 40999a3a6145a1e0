package window

import (
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

func TestFindLoop(t *testing.T) {
	for _, tt := range []struct {
		path  string // a router for each TTL from 1; . is a silent hop
		again uint8
		ok    bool
	}{
		{"", 0, false},
		{"abcdef", 0, false},
		{"abcbcb", 4, true},
		{"abcbcbcbcb", 4, true},
		{"abcbc", 0, false}, // two rounds may be a load balancer
		{"ababa", 3, true},
		{"abab.", 0, false},
		{"ab.b.b", 4, true},
		{"a.c.c.c", 5, true},
		{"xab.bab", 5, true},
		{"xab.cab", 0, false},
		{"xabcabcabc..", 5, true},
		{"xabcabca", 5, true},
		{"xabcabc", 0, false},
		{"xa.cabcabc", 5, true},
		{"abbbbbbb", 0, false}, // one device answers for all hops after it
		{"abcbcbd", 0, false},  // the path continues after the rounds
		{"abcdcbcb", 0, false},
		{"..........", 0, false},
	} {
		at := make([]probe.Addr, 1, 20)
		for _, c := range []byte(tt.path) {
			a := probe.Addr{}
			if c != '.' {
				a = probe.Addr4From([4]byte{10, 0, 0, c})
			}
			at = append(at, a)
		}
		if again, ok := FindLoop(at); again != tt.again || ok != tt.ok {
			t.Errorf("%q: %d, %t; want %d, %t", tt.path, again, ok, tt.again, tt.ok)
		}
	}
	if _, ok := FindLoop([]probe.Addr{}); ok {
		t.Error("a loop of nothing")
	}
}
