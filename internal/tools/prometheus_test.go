//go:build tools

package tools

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// watched runs Prometheus beside a scan in the lab, and asks it afterwards. It prints the answers, one
// in each line.
const watched = `set -e
"$PROMETHEUS" --config.file=prometheus.yml --storage.tsdb.path=tsdb --web.listen-address=127.0.0.1:9090 --log.level=error &
server=$!
trap 'kill $server; wait $server || true' EXIT
curl -sf --retry 100 --retry-connrefused --retry-delay 1 -o ready http://127.0.0.1:9090/-/ready
"$MASSTRACE" scan 45.0.0.0/15 -q --rate 3k --wait 1s --seed 1 --metrics 9100 -o out.ndjson
for query in "$@"; do
	curl -sfG --data-urlencode "query=$query" http://127.0.0.1:9090/api/v1/query
	echo
done`

// TestPrometheus has a real Prometheus scrape a scan.
func TestPrometheus(t *testing.T) {
	need(t, "prometheus")
	dir := t.TempDir()
	server, err := filepath.Abs(filepath.Join(installed, "prometheus", "usr", "bin", "prometheus"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := filepath.Abs("../../bin/masstrace")
	if err != nil {
		t.Fatal(err)
	}
	config := "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs:\n" +
		"  - {job_name: masstrace, static_configs: [{targets: ['127.0.0.1:9100']}]}\n"
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	queries := []string{
		`max_over_time(up[5m])`,
		`max_over_time(masstrace_probes_sent_total[5m])`,
		`sum(max_over_time(masstrace_traces_total[5m]))`,
		`max_over_time(masstrace_rtt_seconds_count[5m])`,
	}
	args := append([]string{"lab", "--preset", "default", "--", "sh", "-c", watched, "sh"}, queries...)
	text := in(t, dir, []string{"PROMETHEUS=" + server, "MASSTRACE=" + program}, program, args...)
	decoder := json.NewDecoder(strings.NewReader(text))
	for _, query := range queries {
		var answer struct {
			Status string
			Data   struct {
				Result []struct{ Value [2]any }
			}
		}
		if err := decoder.Decode(&answer); err != nil || answer.Status != "success" || len(answer.Data.Result) != 1 {
			t.Fatalf("%s: %+v, %v\n%s", query, answer, err, text)
		}
		word, _ := answer.Data.Result[0].Value[1].(string)
		if v, err := strconv.ParseFloat(word, 64); err != nil || v < 1 {
			t.Errorf("%s is %q", query, word)
		}
	}
}
