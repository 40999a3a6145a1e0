package outfile

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Each ending has its meaning, and one that names another format has none.
func TestFormatOf(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.csv")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path            string
		results, packet string // format; "" if the name is refused
	}{
		{"out.ndjson", NDJSON, ""}, {"out.jsonl", NDJSON, ""}, {"out.json", NDJSON, ""}, {"OUT.NDJSON", NDJSON, ""},
		{"out.ndjson.gz", NDJSON, ""}, {"out.json.zst", NDJSON, ""}, {"OUT.JSON.GZ", NDJSON, ""},
		{"out.pcapng", "", Pcapng}, {"out.pcap", "", Pcapng}, {"out.pcapng.zst", "", Pcapng},
		{"out", NDJSON, Pcapng}, {"out.gz", NDJSON, Pcapng}, {"out.zst", NDJSON, Pcapng}, {"dir.csv/out", NDJSON, Pcapng},
		{"out.csv", "", ""}, {"out.csv.gz", "", ""}, {"out.parquet", "", ""}, {"out.warts", "", ""}, {"out.txt", "", ""},
		{"out.xz", "", ""}, {"out.bz2", "", ""}, {"out.7z", "", ""}, {"out.gzip", "", ""}, {"out.gz.zst", "", ""}, {"out.ndjson.tmp", "", ""},
		{"scan.2026-11-29", NDJSON, Pcapng}, {"v1.2", NDJSON, Pcapng}, {"scan.ndjson.2", NDJSON, Pcapng}, {"out.", NDJSON, Pcapng},
		{".results", NDJSON, Pcapng}, {".results.csv", "", ""}, {"a.b c", NDJSON, Pcapng}, {"run.gz.2026", NDJSON, Pcapng},
		{"-", NDJSON, Pcapng}, {"", NDJSON, Pcapng}, {"/dev/stdout", NDJSON, Pcapng}, {"/dev/null", NDJSON, Pcapng}, {"/dev/fd/1", NDJSON, Pcapng}, {pipe, NDJSON, Pcapng},
	} {
		for content, want := range map[Content]string{Results: tt.results, Capture: tt.packet} {
			got, err := FormatOf(content, "Output", tt.path)
			fault, refused := errors.AsType[*EndingError](err)
			if got != want || refused != (want == "") || refused != (err != nil) {
				t.Errorf("%s as %d: %q, %v; want %q", tt.path, content, got, err, want)
			}
			if refused && (fault.Name != "Output" || !strings.Contains(err.Error(), tt.path) || !strings.Contains(err.Error(), fault.Ending+";")) {
				t.Errorf("%s: %+v: %v", tt.path, fault, err)
			}
		}
	}
}
