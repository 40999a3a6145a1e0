package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each section replaces only itself, and the order of sections stays.
func TestKeep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "RESULTS.md")
	for _, step := range []struct {
		section Section
		body    string
	}{
		{Pace, "pace 1"}, {Micro, "micro 1\n\n### more\n"}, {Send, "send"}, {Micro, "micro 2"}, {Pace, "pace 2"},
	} {
		if err := Keep(path, step.section, step.body); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for _, want := range []string{"# Results", "## Micro benchmarks", "- kernel: ", "micro 2", "## Sending", "send", "## Pacing", "pace 2"} {
		at := strings.Index(string(text)[last:], want)
		if at < 0 {
			t.Fatalf("%q is missing, or not in its place:\n%s", want, text)
		}
		last += at
	}
	if strings.Contains(string(text), "micro 1") || strings.Contains(string(text), "more") || strings.Contains(string(text), "pace 1") {
		t.Errorf("old results stand beside new ones:\n%s", text)
	}
	if Keep(path, "Weather", "") == nil {
		t.Error("no error for an unknown section")
	}
}

func TestMedian(t *testing.T) {
	v := []float64{5, 1, 4, 2, 3}
	if m := Median(v); m != 3 {
		t.Errorf("median %v", m)
	}
	if m := Median(v[:4]); m != 3 {
		t.Errorf("median of four %v", m)
	}
	if Median(nil) != 0 || Quantile(nil, 0.5) != 0 {
		t.Error("of nothing something")
	}
	for q, want := range map[float64]float64{0: 1, 0.2: 1, 0.21: 2, 0.99: 5, 1: 5} {
		if got := Quantile(v, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}
