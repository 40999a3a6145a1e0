package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/bench"
)

func TestParseRates(t *testing.T) {
	var c config
	if err := c.parseRates("500,10k,250k"); err != nil || !slices.Equal(c.rates, []int{500, 10_000, 250_000}) {
		t.Errorf("%d, %v", c.rates, err)
	}
	for _, bad := range []string{"", "0", "k", "10k,", "-5"} {
		if new(config).parseRates(bad) == nil {
			t.Errorf("%q is taken for rates", bad)
		}
	}
}

// Outputs of the tools, shortened to the parts that are counted.
func TestReplies(t *testing.T) {
	c := config{caracal: "caracal", yarrp: "yarrp", scamper: "scamper"}
	outputs := map[string]string{
		"masstrace": "{\"type\":\"trace\"}\n{\"type\":\"summary\",\"sent\":9,\"answered\":3}\n",
		"caracal":   "capture_timestamp,probe_protocol\n1,17\n2,17\n3,17\n",
		"yarrp":     "# yarrp\n45.0.0.1 1\n45.0.0.1 2\n# note\n45.0.0.2 3\n",
		"scamper":   `{"type":"trace","hops":[{"addr":"1.2.3.4"},{"addr":"1.2.3.5"}]}` + "\n" + `{"hops":[{"addr":"::1"}]}` + "\n",
	}
	j := job{config: &c, out: filepath.Join(t.TempDir(), "out")}
	for _, tool := range c.tools() {
		if err := os.WriteFile(j.out, []byte(outputs[tool.name]), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := tool.replies(j); err != nil || n != 3 {
			t.Errorf("%s: %v replies, %v; want 3", tool.name, n, err)
		}
	}
	if err := os.WriteFile(j.out, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := answered(j); err == nil {
		t.Error("no error for an output of masstrace that has no summary")
	}
}

func TestTables(t *testing.T) {
	own, other := &tool{name: "masstrace"}, &tool{name: "yarrp"}
	run := func(probes, seconds, cpu, lost float64) result {
		return result{Usage: bench.Usage{Seconds: seconds, CPU: cpu, Octets: 1 << 20}, probes: probes, lostIn: lost}
	}
	all := []series{
		{own, 1000, []result{run(3000, 3, .003, 0), run(3000, 3, .006, 0), run(3000, 3, .009, 9)}},
		{other, 1000, []result{run(2000, 2, .008, 5)}},
	}
	if !all[0].keepsUp() || all[1].keepsUp() {
		t.Error("keepsUp is wrong")
	}
	ends, cpu := tables(all, []float64{4000, 2000, 1000})
	for _, want := range []string{
		"| masstrace |   1,000 |    1,000 |          0.50× |           0 |            0 |        2,000 |   1 |",
		"| yarrp     |   1,000 |    1,000 |          0.50× |           0 |            5 |        4,000 |   1 |",
		"Highest rate without loss: masstrace 1,000 (0.50× of the ceiling).\n",
	} {
		if !strings.Contains(ends, want) {
			t.Errorf("no %q in\n%s", want, ends)
		}
	}
	if want := "| yarrp     |    1,000 |                        4 |       0.50× |"; !strings.Contains(cpu, want) {
		t.Errorf("no %q in\n%s", want, cpu)
	}
}
