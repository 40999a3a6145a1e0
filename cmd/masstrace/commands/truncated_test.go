package commands

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format/all"
)

// executed runs a command line, and returns its exit status and its output.
func executed(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, text bytes.Buffer
	status = execute(args, strings.NewReader(""), &out, &text)
	return status, out.String(), text.String()
}

// cutFiles writes results in every format that is written and read, and cuts them after two thirds.
// The results are those of a capture of a scan.
func cutFiles(t *testing.T) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	base := filepath.Join(dir, "base.ndjson")
	const captured = "../../../testdata/captures/scans/default.pcapng.zst"
	if status, _, text := executed(t, "replay", "-q", captured, "-o", base); status != statusDone {
		t.Fatalf("replay: status %d, %s", status, text)
	}
	for _, name := range append(all.Readers(), "ndjson.gz", "ndjson.zst") {
		path := filepath.Join(dir, "whole."+name)
		if f, err := all.WriterOf(name); err == nil {
			path = filepath.Join(dir, "whole"+f.Endings[0])
		} else if !strings.Contains(name, ".") { // it is only read
			continue
		}
		if status, _, text := executed(t, "convert", "-q", base, path); status != statusDone {
			t.Fatalf("convert to %s: status %d, %s", name, status, text)
		}
		paths = append(paths, cutFile(t, path))
	}
	return append(paths, cutFile(t, "../../../internal/format/mtr/testdata/numeric.json"))
}

// cutFile makes a copy of the first two thirds of a file, and returns its path.
func cutFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "cut."+filepath.Base(path))
	if err := os.WriteFile(to, text[:len(text)*2/3+1], 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// Every command that reads results takes what a cut file has, names the file, and ends with the same
// status. A scan does not begin with a part of its targets.
func TestTruncated(t *testing.T) {
	for _, path := range cutFiles(t) {
		for _, tt := range []struct {
			args   []string
			status int
		}{
			{[]string{"show", path}, statusPartial},
			{[]string{"show", "--csv", path}, statusPartial},
			{[]string{"convert", "-q", "--to", "ndjson", path, "-"}, statusPartial},
			{[]string{"scan", "--dry-run", "--from-results", path}, statusUsage},
		} {
			checkTruncated(t, path, tt.status, tt.args...)
		}
		if strings.Contains(path, ".ndjson") {
			checkTruncated(t, path, statusPartial, "merge", path)
		}
	}
}

func checkTruncated(t *testing.T, path string, want int, args ...string) {
	t.Helper()
	status, _, text := executed(t, args...)
	if status != want || !strings.Contains(text, filepath.Base(path)) {
		t.Errorf("masstrace %v: status %d, want %d: %s", args, status, want, text)
	}
}

// The results of a cut file that can be judged are judged. A false one counts more than the cut.
func TestTruncatedVerify(t *testing.T) {
	const silent = `{"type":"trace","method":"udp-paris","src":"192.0.2.2","dst":"45.16.0.9","sport":40000,` +
		`"dport":33434,"stop_reason":"HOPLIMIT","hop_count":3}` + "\n"
	path := filepath.Join(t.TempDir(), "cut.scamper.json")
	if err := os.WriteFile(path, []byte(silent+silent[:80]), 0o600); err != nil {
		t.Fatal(err)
	}
	checkTruncated(t, path, statusPartial, "verify", path, "--log", emptyLog(t))
	for _, path := range cutFiles(t) {
		want := statusNo
		if strings.HasSuffix(path, ".parquet") { // which has nothing without its end
			want = statusPartial
		}
		if status, _, text := executed(t, "verify", path, "--log", emptyLog(t)); status != want {
			t.Errorf("masstrace verify %s: status %d, want %d: %s", path, status, want, text)
		}
	}
}

// A replay of a cut capture writes the replies before the cut.
func TestTruncatedCapture(t *testing.T) {
	const captures = "../../../testdata/captures/"
	for _, args := range [][]string{
		{"replay", cutFile(t, captures+"plain.pcap"), "--records", "reply"},
		{"replay", cutFile(t, captures+"scans/default.pcapng.zst"), "--records", "reply"},
		{"replay", cutFile(t, captures+"scans/icmp.pcapng"), "--records", "reply"},
	} {
		checkTruncated(t, args[1], statusPartial, args...)
	}
}
