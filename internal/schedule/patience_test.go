package schedule

import (
	"testing"
	"time"
)

func TestPatience(t *testing.T) {
	usual := Patience{5 * time.Second, 3, 10, 4}
	tests := []struct {
		name                      string
		p                         Patience
		here, near, longest, want int // ms
	}{
		{"as traceroute: here", usual, 50, 50, 50, 153},
		{"as traceroute: near", usual, 0, 20, 20, 210},
		{"at least", usual, 1, 1, 2, 100},
		{"no less than RTTs are", usual, 1, 1, 130, 130},
		{"near, long", usual, 0, 100, 100, 404},
		{"near, longer elsewhere", usual, 0, 50, 200, 510},
		{"blind", usual, 0, 0, 0, 1000},
		{"blind, far", usual, 0, 0, 700, 2804},
		{"most", usual, 0, 0, 2000, 5000},
		{"most is more than least", Patience{ms(7), 3, 10, 4}, 1, 1, 1, 7},
		{"all of it", Patience{Max: ms(1500)}, 1, 1, 1, 1500},
		{"here alone", Patience{Max: ms(1500), Here: 2}, 99, 99, 99, 200},
		{"here alone, no answer", Patience{Max: ms(1500), Here: 2}, 0, 99, 99, 1500},
		{"traceroute's", Patience{5 * time.Second, 3, 10, 0}, 0, 100, 100, 1010},
		{"traceroute's, blind", Patience{5 * time.Second, 3, 10, 0}, 0, 0, 100, 5000},
		{"more than fits", Patience{5 * time.Second, 1e300, 1e300, 0}, 1, 0, 1, 5000},
	}
	for _, tt := range tests {
		if got := time.Duration(tt.p.of(int64(ms(tt.here)), int64(ms(tt.near)), int64(ms(tt.longest)))); got != ms(tt.want) {
			t.Errorf("%s: %v, want %d ms", tt.name, got, tt.want)
		}
	}
}
