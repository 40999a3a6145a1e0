package commands

import (
	"math"
	"testing"
	"time"
)

func TestTimeWords(t *testing.T) {
	for _, tt := range []struct {
		seconds float64
		want    string
	}{
		{0, "0.0 s"}, {2.064, "2.1 s"}, {59.94, "59.9 s"}, {60, "1 min"}, {61.4, "1 min 1 s"}, {3599.9, "60 min"},
		{3600, "1 h"}, {7500, "2 h 5 min"}, {86400, "1 day"}, {86400 + 3*3600, "1 day 3 h"}, {5.5 * 86400, "5 days 12 h"},
		{120.4 * 86400, "120 days"}, {366 * 86400, "1.0 years"}, {146 * 365.25 * 86400, "146 years"}, {1e12, "31,688 years"},
	} {
		if got := timeWords(tt.seconds); got != tt.want {
			t.Errorf("%g: %q, want %q", tt.seconds, got, tt.want)
		}
	}
	if got := durationWords(math.MaxInt64 / 2); got != "more than 146 years" {
		t.Errorf("the longest: %q", got)
	}
	if got := durationWords(90 * time.Second); got != "1 min 30 s" {
		t.Errorf("90 s: %q", got)
	}
}

func TestSizeWords(t *testing.T) {
	for _, tt := range []struct {
		bytes float64
		want  string
	}{
		{0, "0 bytes"}, {999, "999 bytes"}, {1000, "1.0 kB"}, {2_200_000, "2.2 MB"}, {103_400, "103 kB"},
		{999_600, "1.0 MB"}, {64e9, "64.0 GB"}, {1.6e13, "16.0 TB"}, {5e18, "5,000 PB"},
	} {
		if got := sizeWords(tt.bytes); got != tt.want {
			t.Errorf("%g: %q, want %q", tt.bytes, got, tt.want)
		}
	}
}
