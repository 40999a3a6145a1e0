package commands

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/netsim"
)

// TestVerifyStatus checks the exit status of masstrace verify.
func TestVerifyStatus(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var empty bytes.Buffer
	l, err := netsim.NewLogWriter(&empty, netsim.Default())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	log := put("net.log", empty.String())
	const start = `{"type":"cycle-start","list_name":"default","id":1,"hostname":"vp"}` + "\n"
	nothing := put("nothing.ndjson", start)
	made := put("made-up.ndjson", start+`{"type":"trace","method":"udp-paris","src":"192.0.2.2","dst":"45.16.0.9","sport":40000,`+
		`"dport":33434,"stop_reason":"HOPLIMIT","hop_count":3,"hops":[{"addr":"45.16.0.1","probe_ttl":2,"probe_id":1}]}`+"\n")
	silent := start + `{"type":"trace","method":"udp-paris","src":"192.0.2.2","dst":"45.16.0.9","sport":40000,` +
		`"dport":33434,"stop_reason":"HOPLIMIT","hop_count":3}` + "\n"
	tests := []struct {
		name string
		args []string
		want int
		says string
	}{
		{"nothing at all", []string{nothing, "--log", log}, 1, "NOT OK: no traces and no replies"},
		{"nothing is false", []string{put("silent.ndjson", silent), "--log", log}, 0, "OK"},
		{"a false hop", []string{made, "--log", log}, 1, "NOT OK: false hops: 1"},
		{"as JSON", []string{made, "--log", log, "--json"}, 1, `"no_probe": 1`},
		{"from standard input", []string{"-", "--log", log}, 0, "OK"},
		{"no log said", []string{nothing}, 2, ""},
		{"no such log", []string{nothing, "--log", filepath.Join(dir, "none")}, 3, ""},
		{"no such results", []string{filepath.Join(dir, "none"), "--log", log}, 3, ""},
		{"not a log", []string{nothing, "--log", nothing}, 3, ""},
		{"no results", []string{log, "--log", log}, 3, ""},
		{"a bad list", []string{nothing, "--log", log, "--targets", put("bad.txt", "45.16.0.9\nx\n")}, 2, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			got := execute(append([]string{"verify"}, tt.args...), strings.NewReader(silent), &stdout, &stderr)
			if got != tt.want || !strings.Contains(stdout.String(), tt.says) {
				t.Errorf("status %d, want %d\n%s%s", got, tt.want, stdout.String(), stderr.String())
			}
			if (got > 1) != (stderr.Len() > 0) {
				t.Errorf("stderr: %q", stderr.String())
			}
		})
	}
}
