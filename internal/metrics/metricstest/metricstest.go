// Package metricstest holds metrics against the conventions of Prometheus and against their page.
package metricstest

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Series reads metrics with the parser of Prometheus. It returns the series whose names begin with a prefix. The keys
// are the names without the prefix, and the values of the labels in the order of their names.
func Series(t *testing.T, text io.Reader, prefix string) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for name, family := range families {
		short, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		for _, m := range family.Metric {
			key := short
			for _, l := range m.Label {
				key += " " + l.GetValue()
			}
			if _, twice := series[key]; twice {
				t.Errorf("%s is there twice", key)
			}
			series[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return series
}

// Lint checks that the names follow the conventions of Prometheus.
func Lint(t *testing.T, g prometheus.Gatherer) {
	t.Helper()
	problems, err := testutil.GatherAndLint(g)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "masstrace_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// Documented checks that a page has a row for each metric of ours, and for no other with that prefix.
// It returns their names.
func Documented(t *testing.T, g prometheus.Gatherer, page, prefix string) (names []string) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "masstrace_") {
			names = append(names, f.GetName())
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range regexp.MustCompile("(?m)^\\| `("+prefix+"[a-z_]+)").FindAllStringSubmatch(string(text), -1) {
		rows = append(rows, m[1])
	}
	slices.Sort(rows)
	if !slices.Equal(rows, names) {
		t.Errorf("%s has rows of\n%q\nwant\n%q", page, rows, names)
	}
	return names
}
