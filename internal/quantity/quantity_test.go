package quantity

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		text   string
		factor float64
		want   float64
		fault  string
	}{
		{"0", Decimal, 0, ""}, {"500", Decimal, 500, ""}, {"1.5k", Decimal, 1500, ""}, {"10K", Decimal, 10_000, ""},
		{"1e4", Decimal, 10_000, ""}, {"2M", Decimal, 2_000_000, ""}, {"1G", Binary, 1 << 30, ""}, {"64MiB", Binary, 64 << 20, ""},
		{"2kpps", Decimal, 2000, ""}, {"2pps", Decimal, 2, ""}, {"1T", Decimal, 1e12, ""}, {".5", Decimal, 0.5, ""}, {"-0", Decimal, 0, ""},
		{"", Decimal, 0, "not a number"}, {"k", Decimal, 0, "not a number"}, {"abc", Decimal, 0, "not a number"},
		{"inf", Decimal, 0, "not a number"}, {"NaN", Decimal, 0, "not a number"}, {"0x10", Decimal, 0, "not a number"},
		{"1_000", Decimal, 0, "not a number"}, {"1,000", Decimal, 0, "not a number"}, {"1 k", Decimal, 0, "not a number"},
		{"1kk", Decimal, 0, "not a number"}, {"1kppspps", Decimal, 0, "not a number"}, {"-5", Decimal, 0, "negative"},
		{"1e99", Decimal, 0, "too large"}, {"1e999", Decimal, 0, "too large"}, {"9e15", Decimal, 9e15, ""}, {"99999T", Binary, 0, "too large"},
	} {
		got, err := Parse(tt.text, tt.factor, "pps", "ib")
		if got != tt.want || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%q: %v, %v; want %v, %q", tt.text, got, err, tt.want, tt.fault)
		}
	}
	if n, err := ParseWhole("1.5k", Decimal); n != 1500 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := ParseWhole("1.5", Decimal); err == nil || !strings.Contains(err.Error(), "whole number") {
		t.Error(err)
	}
}

func TestParseTime(t *testing.T) {
	for _, tt := range []struct {
		text  string
		want  time.Duration
		fault string
	}{
		{"2", 2 * time.Second, ""}, {"2s", 2 * time.Second, ""}, {"500ms", 500 * time.Millisecond, ""}, {"0.5", 500 * time.Millisecond, ""},
		{"1m30s", 90 * time.Second, ""}, {"2H", 2 * time.Hour, ""}, {"1d", 24 * time.Hour, ""}, {"1.5d", 36 * time.Hour, ""},
		{"1d12h", 36 * time.Hour, ""}, {"0", 0, ""}, {"1e9", 1e9 * time.Second, ""}, {"0d1ns", 1, ""},
		{"-1", 0, "negative"}, {"-1s", 0, "negative"}, {"-1d", 0, "negative"}, {"1d-1h", 0, "not a time"},
		{"", 0, "not a time"}, {"s", 0, "not a time"}, {"d", 0, "not a time"}, {"2 s", 0, "not a time"}, {"2x", 0, "not a time"},
		{"1h1d", 0, "not a time"}, {"NaN", 0, "not a time"}, {"Inf", 0, "not a time"}, {"xd", 0, "not a time"},
		{"1e30", 0, "too long"}, {"1e30d", 0, "too long"}, {"2000000h", 0, "too long"}, {"11574d1e1s", 0, "not a time"}, {"11574d20h", 0, "too long"},
	} {
		got, err := ParseTime(tt.text)
		if got != tt.want || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%q: %v, %v; want %v, %q", tt.text, got, err, tt.want, tt.fault)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"1.5k", "1d12h", "-5", "1e99", "", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if v, err := Parse(text, Binary, "b"); !(v >= 0 && v <= most) || err != nil && v != 0 {
			t.Errorf("Parse(%q) = %v, %v", text, v, err)
		}
		if d, err := ParseTime(text); d < 0 || d > longest || err != nil && d != 0 {
			t.Errorf("ParseTime(%q) = %v, %v", text, d, err)
		}
	})
}
