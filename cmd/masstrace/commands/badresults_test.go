package commands

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pictures are the commands that read results of any kind, and query with a program that answers
// nothing.
var pictures = []string{"report FILES -o PAGE --overwrite", "compare FILES OTHER", "graph FILES --format json", "plot FILES --what hops --format csv", "query FILES --ask reasons"}

// Each command takes whole results in one or several files, and names the fault of other files.
func TestBadResults(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "duckdb"), []byte("#!/bin/sh\ncat >/dev/null\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	results := `{"type":"cycle-start","list_name":"default","id":1,"hostname":"vm"}` + "\n" + pictured +
		`{"type":"trace-ext","dst":"198.51.100.1","userid":0,"reached":true}` + "\n" + `{"type":"cycle-stop","id":1}` + "\n"
	whole := filepath.Join(dir, "whole.ndjson")
	if err := os.WriteFile(whole, []byte(results), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(results, "\n")
	trace := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, `"type":"trace"`) })
	begin, rest := strings.Join(lines[:trace+1], ""), strings.Join(lines[trace+1:], "")
	hops := strings.Index(lines[trace], `"hops":[`) + len(`"hops":[`)
	silent := strings.Join(lines[:trace], "") + lines[trace][:hops] + "]}\n" + rest
	const odd = `שלום\u202e\u001b[31m</title><script>alert(1)</script>`
	named := strings.Replace(results, `"hops":[{`, `"hops":[{"asn":[64500],"as_name":"`+odd+`","name":"`+odd+`",`, 1)
	all := func(status int) [5]int { return [5]int{status, status, status, status, status} }
	for _, tt := range []struct {
		name     string
		files    []string // their contents; the names are x.ndjson.0 and so on
		statuses [5]int   // of pictures
		want     string   // in the messages
	}{
		{"whole", []string{results}, all(statusDone), ""},
		{"split between a trace and its trace-ext record", []string{begin, rest}, all(statusDone), ""},
		{"split in a record", []string{results[:len(begin)-30], results[len(begin)-30:]}, all(statusDone), ""},
		{"no hop", []string{silent}, all(statusDone), ""},
		{"names of strangers", []string{named}, [5]int{}, ""},
		{"empty", []string{""}, [5]int{statusEnvironment, statusEnvironment, statusEnvironment, statusEnvironment, statusUsage}, "empty"},
		{"cut", []string{results[:len(results)-40]}, [5]int{statusPartial, statusPartial, statusPartial, statusPartial, statusDone}, "cut"},
		{"mixed", []string{begin + rest[:strings.Index(rest, "\n")+1] + "root:x:0:0\n" + rest[strings.Index(rest, "\n")+1:]},
			[5]int{statusPartial, statusPartial, statusPartial, statusPartial, statusDone}, "line"},
		{"foreign text", []string{"root:x:0:0\n"}, [5]int{statusEnvironment, statusEnvironment, statusEnvironment, statusEnvironment, statusUsage}, "none of|neither"},
		{"foreign JSON", []string{"{\"hello\": 1}\n"}, [5]int{statusEnvironment, statusEnvironment, statusEnvironment, statusEnvironment, statusUsage}, "none of|neither"},
		{"foreign octets", []string{"\x7fELF\x02\x01\x01\x00\x00\n"}, [5]int{statusEnvironment, statusEnvironment, statusEnvironment, statusEnvironment, statusUsage}, "not text|neither"},
	} {
		paths := writeFiles(t, tt.files)
		for i, command := range pictures {
			files := paths
			if strings.HasPrefix(command, "compare") && len(files) > 1 {
				files = []string{filepath.Join(filepath.Dir(paths[0]), "x.ndjson.*")}
			}
			r := strings.NewReplacer("FILES", strings.Join(files, " "), "OTHER", whole, "PAGE", filepath.Join(dir, "page.html"))
			status, stdout, stderr := executed(t, strings.Fields(r.Replace(command))...)
			if status != tt.statuses[i] {
				t.Errorf("%s: %s: status %d, want %d: %s", tt.name, command, status, tt.statuses[i], stderr)
			}
			if status != statusDone && !contains(stderr, tt.want) {
				t.Errorf("%s: %s: the message is %q, want %s", tt.name, command, stderr, tt.want)
			}
			if strings.ContainsAny(stdout+stderr, "\x1b\u202e") {
				t.Errorf("%s: %s prints characters that control a terminal: %q", tt.name, command, stdout+stderr)
			}
			if len(files) == 1 && strings.Count(stderr, files[0]+":") > 1 {
				t.Errorf("%s: %s names the file twice: %s", tt.name, command, stderr)
			}
		}
	}
}

// contains reports whether a text has one of some parts, with | between them.
func contains(text, parts string) bool {
	return slices.ContainsFunc(strings.Split(parts, "|"), func(part string) bool { return strings.Contains(text, part) })
}

// writeFiles writes the pieces x.ndjson.0 and so on in a new folder.
func writeFiles(t *testing.T, contents []string) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range contents {
		path := filepath.Join(dir, "x.ndjson."+string(rune('0'+i)))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}
