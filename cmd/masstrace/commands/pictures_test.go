package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A scan of three targets, as a file of NDJSON.
const pictured = `{"type":"trace","userid":0,"method":"udp-paris","src":"192.0.2.9","dst":"198.51.100.1","sport":1,"dport":2,"stop_reason":"COMPLETED","stop_data":0,"hop_count":2,"attempts":1,"hoplimit":32,"firsthop":1,"probe_size":44,"probe_count":2,"hops":[{"addr":"10.0.0.1","probe_ttl":1,"probe_id":1,"probe_size":44,"rtt":1.5,"reply_ttl":64,"reply_size":56,"icmp_type":11,"icmp_code":0},{"addr":"198.51.100.1","probe_ttl":2,"probe_id":1,"probe_size":44,"rtt":2.5,"reply_ttl":63,"reply_size":56,"icmp_type":3,"icmp_code":3}]}
`

// The commands write whole files, in the format of the ending, and never over another file.
func TestPictures(t *testing.T) {
	dir := t.TempDir()
	results := filepath.Join(dir, "out.ndjson")
	if err := os.WriteFile(results, []byte(pictured), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, tt := range []struct {
		args   []string
		file   string // that is made
		begins string
	}{
		{[]string{"compare", results, results}, "c.json", "{\n  \"by\": \"target\""},
		{[]string{"compare", results, results, "--by", "prefix"}, "c.txt", "        1 targets of both"},
		{[]string{"compare", results, results}, "c.html", "<!DOCTYPE html>"},
		{[]string{"compare", results, results}, "c.html.gz", "\x1f\x8b"},
		{[]string{"graph", results}, "g.dot", "digraph"},
		{[]string{"graph", results, "--targets"}, "g.svg", "<svg"},
		{[]string{"graph", results}, "g.graphml", "<?xml"},
		{[]string{"graph", results}, "g.json", "{\"directed\""},
		{[]string{"graph", results}, "g.dot.gz", "\x1f\x8b"},
		{[]string{"plot", results}, "p.svg", "<?xml"},
		{[]string{"plot", results, "--what", "hops"}, "p.csv", "hops,traces\n2,1\n"},
	} {
		args := append(tt.args, "-o", at(tt.file))
		status, _, stderr := executed(t, args...)
		text, err := os.ReadFile(at(tt.file))
		if status != statusDone || err != nil || !strings.HasPrefix(string(text), tt.begins) {
			t.Errorf("%v: status %d, %v %s: %.60q", args, status, err, stderr, text)
		}
		if status, _, _ := executed(t, args...); status != statusEnvironment {
			t.Errorf("%v again: status %d, and the file exists", args, status)
		}
		if status, _, stderr := executed(t, append(args, "--overwrite")...); status != statusDone {
			t.Errorf("%v --overwrite: status %d: %s", args, status, stderr)
		}
		if status, _, _ := executed(t, append(tt.args, "--overwrite", "-o", results)...); status != statusUsage {
			t.Errorf("%v: status %d, and the output is the input", tt.args, status)
		}
	}
	if left, err := filepath.Glob(at("*.masstrace-new")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v %v", left, err)
	}
}

// Wrong requests name the flag, and a foreign file is no result.
func TestPictureMisuse(t *testing.T) {
	dir := t.TempDir()
	results, foreign := filepath.Join(dir, "out.ndjson"), filepath.Join(dir, "foreign")
	for path, text := range map[string]string{results: pictured, foreign: "root:x:0\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args   string
		status int
		want   string
	}{
		{"compare OUT OUT --by colour", statusUsage, "--by"},
		{"compare - -", statusUsage, "twice"},
		{"compare - OUT -o html", statusUsage, "again"},
		{"graph OUT --level as", statusEnvironment, "masstrace annotate"},
		{"graph OUT --as x", statusUsage, "--as"},
		{"graph OUT --hops 300", statusUsage, "--hops"},
		{"graph OUT --near 10.9.9.9", statusEnvironment, "10.9.9.9"},
		{"graph OUT --format pdf", statusUsage, "graphml"},
		{"graph OUT -o x.pdf", statusUsage, ".graphml"},
		{"plot OUT --what colour", statusUsage, "rtt-by-ttl"},
		{"plot FOREIGN", statusEnvironment, "foreign"},
		{"query OUT", statusUsage, "--ask"},
		{"query OUT --ask colour", statusUsage, "links-per-as"},
	} {
		args := strings.Fields(strings.NewReplacer("OUT", results, "FOREIGN", foreign).Replace(tt.args))
		status, _, stderr := executed(t, args...)
		if status != tt.status || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: status %d, want %d: %s", tt.args, status, tt.status, stderr)
		}
	}
}
