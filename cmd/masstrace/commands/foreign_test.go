package commands

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"unicode"
	"unicode/utf8"
)

// evil are strings that control terminals: an escape sequence, C1 controls, directions, octets that
// are not UTF-8.
const evil = "\x1b]0;pwned\a\u009b31m\u202etxt\x9b"

// isPlain reports whether a terminal may get text.
func isPlain(text []byte) bool {
	return utf8.Valid(text) && !bytes.ContainsFunc(text, func(r rune) bool {
		return r != '\n' && r != '\t' && (unicode.IsControl(r) || r == '\u202e')
	})
}

// Foreign strings reach neither a terminal nor JSON as they are, wherever they come from.
func TestForeignStrings(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	quoted, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	named, reason := foreignResults(t, quoted)
	strange := filepath.Join(dir, "a"+evil+"b")
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"a file name", []string{"replay", strange}},
		{"a list", []string{"scan", "--dry-run", strange}},
		{"an argument", []string{"scan", "--" + evil}},
		{"a command", []string{evil}},
		{"a host", []string{"trace", evil}},
		{"names of interfaces", []string{"show", "--extensions", write("named", named)}},
		{"names of interfaces as CSV", []string{"show", "--csv", write("csv", named)}},
		{"the reason of a merged file", []string{"merge", write("reason", reason), "--allow-missing", "-o", filepath.Join(dir, "merged")}},
		{"a merged file", []string{"merge", write("names", named), "--allow-missing", "-o", "-"}},
		{"a checkpoint", []string{"scan", "45.1.2.3", "-o", filepath.Join(dir, "o"), "--resume", write("c", []byte(`{"masstrace":1,"tool":`+string(quoted)+`}`))}},
		{"a line of a list", []string{"scan", "--dry-run", write("list", []byte(evil+"\n"))}},
		{"a list of probes", []string{"scan", "--dry-run", "--probes", write("probes", []byte(evil+"\n"))}},
		{"a key", []string{"replay", "--key", evil, write("capture", []byte(evil))}},
		{"results", []string{"show", write("results", []byte(`{"type":"run","x":`+evil+"}\n"))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := exec.Command(program, tt.args...).CombinedOutput()
			if !isPlain(out) {
				t.Errorf("%v: %q", err, out)
			}
			if len(out) == 0 {
				t.Errorf("%v: no output", err)
			}
			if merged, err := os.ReadFile(filepath.Join(dir, "merged")); err == nil && !isPlain(merged) {
				t.Errorf("merged: %q", merged)
			}
		})
	}
}

// foreignResults returns two files of results. In one a router has that name for its interface. In
// the other the run ended for that reason. name is JSON.
func foreignResults(t *testing.T, name []byte) (named, reason []byte) {
	t.Helper()
	const output = "../../../testdata/output/"
	skeleton, err := os.ReadFile(output + "skeleton.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	records, err := os.ReadFile(output + "interfaces.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	ends := slices.Collect(bytes.Lines(skeleton))
	traces := slices.DeleteFunc(slices.Collect(bytes.Lines(records)), func(l []byte) bool { return bytes.Contains(l, []byte(`"type":"reply"`)) })
	summary := []byte(`{"type":"summary","run":"01JX","targets":1,"ttls":16,"flows":1,"sent":2,"answered":2,"first_sent":2,` +
		`"skipped":{"reached":14},"frames":2,"strong":2,"complete":false,"reason":"done"}` + "\n")
	file := slices.Concat(ends[0], ends[1], slices.Concat(traces...), summary, ends[len(ends)-1])
	named = regexp.MustCompile(`"name":".*?","mtu"`).ReplaceAll(file, slices.Concat([]byte(`"name":`), name, []byte(`,"mtu"`)))
	return named, bytes.Replace(file, []byte(`"reason":"done"`), append([]byte(`"reason":`), name...), 1)
}
