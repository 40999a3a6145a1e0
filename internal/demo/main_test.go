package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/verify"
)

const (
	cycleLine = `{"type":"cycle-start","list_name":"default","id":1,"hostname":"vp"}` + "\n"
	traceLine = `{"type":"trace","method":"udp-paris","src":"192.0.2.1","dst":"198.51.100.9","stop_reason":"COMPLETED","start":{"sec":1,"usec":2},"hop_count":3,"firsthop":1,"probe_count":4,` +
		`"hops":[{"addr":"203.0.113.1","probe_ttl":1,"rtt":1.234,"kind":"ttl_exceeded","valid":"strong"},{"addr":"198.51.100.9","probe_ttl":3,"rtt":4.938,"kind":"port_unreach","valid":"weak","mangled":["ipid"]}]}` + "\n"
	summaryLine = `{"type":"summary","targets":1234567}` + "\n"
)

const shown = `
udp to 198.51.100.9, 4 probes: completed
  1  1.234 ms  203.0.113.1  (ttl_exceeded, strong)
  2            *
  3  4.938 ms  198.51.100.9  (port_unreach, weak, rewritten: ipid)
`

func put(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestShow(t *testing.T) {
	tests := []struct {
		name, in, want, wantErr string
	}{
		{name: "first of two", in: traceLine + traceLine + summaryLine, want: shown},
		{name: "those that tell something", in: strings.ReplaceAll(traceLine, "COMPLETED", "HOPLIMIT") + traceLine + summaryLine, want: shown},
		{name: "killed", in: traceLine, wantErr: "the scan was killed"},
		{name: "empty", in: summaryLine, wantErr: "holds no trace"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			summary, err := show(&out, put(t, "x.ndjson", tt.in), 1)
			if (err != nil) != (tt.wantErr != "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Fatalf("show: %v, want %q", err, tt.wantErr)
			}
			if tt.wantErr == "" && (out.String() != tt.want || summary.Targets != 1234567) {
				t.Errorf("shown:\n%s\nwant:\n%s\n%+v", &out, tt.want, summary)
			}
		})
	}
}

func TestRun(t *testing.T) {
	results := put(t, "x.ndjson", traceLine+summaryLine)
	for _, tt := range []struct {
		args           []string
		status         int
		stdout, stderr string // parts of the output
	}{
		{[]string{results}, 0, shown, ""},
		{[]string{"-first", "1", results + ".none"}, 1, "", "demo: "},
		{[]string{"-log", results, results}, 1, shown, "demo: verify: "},
		{[]string{"-targets", "a", "-targets", "b"}, 2, "", "-targets"},
		{[]string{"-last", "1"}, 2, "", "-last"},
	} {
		var stdout, stderr strings.Builder
		status := run(tt.args, &stdout, &stderr)
		if status != tt.status || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("demo %v: status %d, want %d\n%s\n%s", tt.args, status, tt.status, &stdout, &stderr)
		}
	}
}

// A trace without probes is false, and so the demo fails, with its table.
func TestDemoFalse(t *testing.T) {
	var log bytes.Buffer
	l, err := netsim.NewLogWriter(&log, netsim.Default())
	if err == nil {
		err = l.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	c := verify.Config{Results: put(t, "x.ndjson", cycleLine+traceLine+summaryLine), Log: put(t, "log", log.String())}
	var out strings.Builder
	err = demo(t.Context(), &out, &c, 1)
	if err == nil || !strings.Contains(err.Error(), "false hops: 2") {
		t.Errorf("demo: %v", err)
	}
	for _, want := range []string{shown, "\n  targets       1,234,567  ", "\n  false hops            2  ", "\n  time              0.0 s  ",
		"  bin/masstrace verify " + c.Results} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, &out)
		}
	}
}
