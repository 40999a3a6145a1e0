package schedule

import (
	"testing"
	"time"
)

// With a gap limit, a flow ends after that many silent TTLs in a row, each with all its attempts,
// and at no shorter gap.
func TestInteractiveGapLimit(t *testing.T) {
	for _, tt := range []struct {
		name            string
		limit, distance int
		flows           int
		first           uint8
		silent          func(ttl int) bool
		rows, most      int // probes, 0 for any number
	}{
		{"from some TTL on", 5, 0, 1, 1, func(ttl int) bool { return ttl > 8 }, 13, 13 * 3},
		{"after a shorter gap", 5, 0, 1, 1, func(ttl int) bool { return ttl > 9 || ttl > 3 && ttl < 8 }, 14, 14 * 3},
		{"no answer at all", 3, 0, 1, 1, func(int) bool { return true }, 3, 9},
		{"no answer from TTL 4 on", 3, 0, 1, 4, func(int) bool { return true }, 3, 9},
		{"a limit of 1", 1, 12, 1, 1, func(ttl int) bool { return ttl == 6 }, 6, 6 * 3},
		{"within reach of the last TTL", 10, 0, 1, 1, func(ttl int) bool { return ttl > 22 }, roadTTLs, 0},
		{"more than the TTLs", 60, 0, 1, 1, func(ttl int) bool { return ttl > 8 }, roadTTLs, 0},
		{"a target behind the gap is not seen", 4, 20, 1, 1, func(ttl int) bool { return ttl > 8 }, 12, 12 * 3},
		{"a target behind a gap that is short enough", 4, 20, 1, 1, func(ttl int) bool { return ttl > 8 && ttl < 12 }, 20, 0},
		{"no gap", 2, 20, 1, 1, nil, 20, 0},
		{"flows", 5, 0, 3, 1, func(ttl int) bool { return ttl > 8 }, 13, 0},
	} {
		r := &road{T: t, gapLimit: tt.limit, distance: tt.distance, flows: tt.flows, first: tt.first, silent: tt.silent}
		r.run()
		if len(r.rows) != tt.rows || tt.most > 0 && r.sent > tt.most || r.took > 3500*time.Millisecond {
			t.Errorf("%s: %d rows of %d, %d probes (at most %d), took %v", tt.name, len(r.rows), tt.rows, r.sent, tt.most, r.took)
		}
	}
}
