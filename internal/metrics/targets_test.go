package metrics

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/metrics/metricstest"
)

// some are targets in every state.
func some(yield func(Target) bool) {
	for _, t := range []Target{
		{Addr: "192.0.2.1", Name: "www.example.com", Known: true, Reached: true, RTT: 20 * time.Millisecond, Hops: 9, Loss: 0.25, Changes: 2},
		{Addr: "2001:db8::1", Name: "2001:db8::1", Known: true, Hops: 4, Loss: 1},
		{Addr: "192.0.2.3"},
		{Addr: "192.0.2.4", Name: "not UTF-8 \xff"},
	} {
		if !yield(t) {
			return
		}
	}
}

// Each target has all series. A silent one has a loss of 1, and one without a result has NaN.
func TestTargets(t *testing.T) {
	m := NewTargets("1.2.3", some)
	metricstest.Lint(t, m.registry)
	s, err := Serve("127.0.0.1:0", m)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := http.Get("http://" + s.Addr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	got := metricstest.Series(t, r.Body, "masstrace_target_")
	none := math.NaN()
	want := map[string][]float64{ // by name and target: reached, RTT, hops, loss, changes
		"www.example.com 192.0.2.1":  {1, 0.02, 9, 0.25, 2},
		"2001:db8::1 2001:db8::1":    {0, none, 4, 1, 0},
		" 192.0.2.3":                 {0, none, 0, none, 0},
		"not UTF-8 \uFFFD 192.0.2.4": {0, none, 0, none, 0},
	}
	for labels, values := range want {
		for i, name := range []string{"reached", "rtt_seconds", "hops", "loss_ratio", "path_changes_total"} {
			key := name + " " + labels
			if v, ok := got[key]; !ok || fmt.Sprint(v) != fmt.Sprint(values[i]) {
				t.Errorf("%s: %v, want %v", key, v, values[i])
			}
			delete(got, key)
		}
	}
	if len(got) > 0 {
		t.Errorf("further series: %v", got)
	}
}

// Metrics of targets have no series of a scan.
func TestTargetsAlone(t *testing.T) {
	families, err := NewTargets("1.2.3", some).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "masstrace_") {
			names = append(names, strings.TrimPrefix(f.GetName(), "masstrace_"))
		}
	}
	want := []string{"build_info", "target_hops", "target_loss_ratio", "target_path_changes_total", "target_reached", "target_rtt_seconds"}
	if !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}

// A look at the series of many targets, as of masstrace follow.
func BenchmarkTargets(b *testing.B) {
	m := NewTargets("1.2.3", func(yield func(Target) bool) {
		for i := range 100_000 {
			if !yield(Target{Addr: fmt.Sprintf("192.%d.%d.%d", i>>16, i>>8&0xff, i&0xff), Known: true, Reached: true, RTT: time.Second}) {
				return
			}
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.registry.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
