package outfile

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The kinds of the tests. There are more of them in package format/all.
var kinds = []Kind{
	{"ndjson", []string{".ndjson", ".jsonl", ".json"}}, {"scamper", []string{".scamper.json"}},
	{"csv", []string{".csv"}}, {"links", []string{".links.csv"}}, {"interfaces", []string{".interfaces.txt"}},
}

// Each ending has its meaning, and one that is of no format has none.
func TestFormatOf(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.parquet")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	const ours, pcap = "ndjson", "pcapng"
	for _, tt := range []struct {
		path            string
		results, packet string // format; "" if the name is refused
	}{
		{"out.ndjson", ours, ""}, {"out.jsonl", ours, ""}, {"out.json", ours, ""}, {"OUT.NDJSON", ours, ""},
		{"out.ndjson.gz", ours, ""}, {"out.json.zst", ours, ""}, {"OUT.JSON.GZ", ours, ""},
		{"out.pcapng", "", pcap}, {"out.pcap", "", pcap}, {"out.pcapng.zst", "", pcap},
		{"out", ours, pcap}, {"out.gz", ours, pcap}, {"out.zst", ours, pcap}, {"dir.csv/out", ours, pcap},
		{"out.csv", "csv", ""}, {"out.CSV.gz", "csv", ""}, {"out.links.csv", "links", ""}, {"out.Links.csv.zst", "links", ""},
		{"links.csv", "links", ""}, {"dir/interfaces.txt.gz", "interfaces", ""}, {"mylinks.csv", "csv", ""}, {"a.scamper.json", "scamper", ""},
		{"out.parquet", "", ""}, {"out.warts", "", ""}, {"out.txt", "", ""},
		{"out.xz", "", ""}, {"out.bz2", "", ""}, {"out.7z", "", ""}, {"out.gzip", "", ""}, {"out.gz.zst", "", ""}, {"out.ndjson.tmp", "", ""},
		{"scan.2026-11-29", ours, pcap}, {"v1.2", ours, pcap}, {"scan.ndjson.2", ours, pcap}, {"out.", ours, pcap},
		{".results", ours, pcap}, {".csv", ours, pcap}, {".results.txt", "", ""}, {"a.b c", ours, pcap}, {"run.gz.2026", ours, pcap},
		{"-", ours, pcap}, {"", ours, pcap}, {"/dev/stdout", ours, pcap}, {"/dev/null", ours, pcap}, {"/dev/fd/1", ours, pcap}, {pipe, ours, pcap},
	} {
		for i, want := range []string{tt.results, tt.packet} {
			got, err := FormatOf([][]Kind{kinds, Captures}[i], "Output", tt.path)
			fault, refused := errors.AsType[*EndingError](err)
			if got != want || refused != (want == "") || refused != (err != nil) {
				t.Errorf("%s: %q, %v; want %q", tt.path, got, err, want)
			}
			if refused && (fault.Name != "Output" || !strings.Contains(err.Error(), tt.path) || !strings.Contains(err.Error(), fault.Ending+";")) {
				t.Errorf("%s: %+v: %v", tt.path, fault, err)
			}
		}
	}
}
