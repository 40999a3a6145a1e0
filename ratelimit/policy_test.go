package ratelimit

import (
	"testing"
	"time"
)

func TestPolicy(t *testing.T) {
	for _, tt := range []struct {
		rate         float64
		burst, batch int
		spin         time.Duration
	}{
		{0, 0, 64, 0},
		{0.1, 1, 1, 0},
		{49.9, 1, 1, 0},
		{50, 2, 1, 0},
		{1000, 4, 1, 0},
		{10_000, 22, 2, 0},
		{99_999, 201, 19, 0},
		{100_000, 202, 20, 0},
		{199_999, 401, 39, 0},
		{1e6, 2002, 64, spinTime},
		{20e6, MaxBurst, 64, spinTime},
	} {
		b := New(Config{RatePPS: tt.rate}, 0)
		if b.Burst() != tt.burst || b.Batch() != tt.batch || SpinFor(tt.rate, 2) != tt.spin {
			t.Errorf("%g pps: burst %d, batch %d, spin %v; want %d, %d, %v", tt.rate,
				b.Burst(), b.Batch(), SpinFor(tt.rate, 2), tt.burst, tt.batch, tt.spin)
		}
		if SpinFor(tt.rate, 1) != 0 {
			t.Errorf("%g pps: spins on the only core", tt.rate)
		}
	}
	// A batch always leaves half the burst for a late wake-up.
	for burst := range 200 {
		b := New(Config{RatePPS: 1e6, Burst: burst + 1}, 0)
		if b.Batch() < 1 || b.Batch() > max(1, b.Burst()/2) {
			t.Errorf("burst %d: batch %d", b.Burst(), b.Batch())
		}
	}
}
