package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	traceLine = `{"type":"trace","method":"udp-paris","src":"192.0.2.1","dst":"198.51.100.9","stop_reason":"COMPLETED","start":{"sec":1,"usec":2},"hop_count":3,"firsthop":1,"probe_count":4,` +
		`"hops":[{"addr":"203.0.113.1","probe_ttl":1,"rtt":1.234,"kind":"ttl_exceeded","valid":"strong"},{"addr":"198.51.100.9","probe_ttl":3,"rtt":4.938,"kind":"port_unreach","valid":"weak","mangled":["ipid"]}]}` + "\n"
	summaryLine = `{"type":"summary"}` + "\n"
)

func TestShow(t *testing.T) {
	tests := []struct {
		name, in, want, wantErr string
	}{
		{name: "first of two", in: traceLine + traceLine + summaryLine, want: `
udp-paris to 198.51.100.9, 4 probes: completed
  1  1.234 ms  203.0.113.1  (ttl_exceeded, strong)
  2            *
  3  4.938 ms  198.51.100.9  (port_unreach, weak, rewritten: ipid)

2 traces are in `},
		{name: "killed", in: traceLine, wantErr: "the scan was killed"},
		{name: "empty", in: summaryLine, wantErr: "holds no trace"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.ndjson")
			if err := os.WriteFile(path, []byte(tt.in), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err := show(&out, path, 1)
			if (err != nil) != (tt.wantErr != "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Fatalf("show: %v, want %q", err, tt.wantErr)
			}
			if tt.wantErr == "" && !strings.HasPrefix(out.String(), tt.want) {
				t.Errorf("shown:\n%s\nwant:\n%s", &out, tt.want)
			}
		})
	}
}
