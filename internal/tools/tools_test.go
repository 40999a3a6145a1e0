//go:build tools

package tools

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
)

// installed is the folder of scripts/tools, with the programs and the reasons for missing ones.
const installed = "../../out/tools"

// targets is the number of targets of the scan. The scan and the slowest of the programs take some
// minutes for the larger one.
var targets = effort.Count(4_000, 50_000)

// TestDatabases runs every example of the page, and compares the two numbers that it prints with
// counts of the same records.
func TestDatabases(t *testing.T) {
	examples := documented(t, "../../docs/databases.md")
	dir := scan(t)
	want := count(t, dir)
	t.Logf("scan of %d targets: %v", targets, want)
	if want["traces"][0] != uint64(targets) {
		t.Fatalf("%d traces of %d targets", want["traces"][0], targets)
	}
	seen := map[string]bool{}
	for i, e := range examples {
		seen[e.tool] = true
		t.Run(fmt.Sprintf("%s/%s/%d", e.tool, e.what, i), func(t *testing.T) {
			need(t, e.tool)
			began := time.Now()
			got := numbers(t, e.run(t, dir))
			if got != want[e.what] {
				t.Errorf("%s\nprints %v, want %v", e.code, got, want[e.what])
			}
			t.Logf("%s %s: %v in %.1f s", e.tool, e.what, got, time.Since(began).Seconds())
		})
	}
	for _, tool := range []string{"duckdb", "polars", "pandas", "chdb", "clickhouse", "jq"} {
		if !seen[tool] {
			t.Errorf("docs/databases.md has no example for %s", tool)
		}
	}
}

// need skips a test whose program could not be installed.
func need(t *testing.T, tool string) {
	t.Helper()
	if reason, err := os.ReadFile(filepath.Join(installed, tool+".missing")); err == nil {
		t.Skipf("needs %s, which cannot be installed here: %s", tool, bytes.TrimSpace(reason))
	}
}

// example is a block of code in a page: its first line names language, tool and result.
type example struct{ tool, what, code string }

var block = regexp.MustCompile("(?ms)^```(?:sql|js|python|sh|r) (\\w+) (\\w+)\n(.*?)^```$")

// documented returns the examples of a page.
func documented(t *testing.T, page string) (list []example) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		list = append(list, example{m[1], m[2], m[3]})
	}
	if len(list) < 10 {
		t.Fatalf("%s has %d examples", page, len(list))
	}
	return list
}

// scan makes the files of the page, in a folder.
func scan(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	program, err := filepath.Abs("../../bin/masstrace")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	in(t, dir, nil, program, "lab", "--", program, "scan", "45.0.0.0/8", "--max-targets", fmt.Sprint(targets), "--rate", "30k",
		"--seed", "tools", "-q", "-o", "out.ndjson", "--replies", "replies.ndjson", "--meta", "meta.ndjson")
	in(t, dir, nil, program, "merge", "-q", "out.ndjson", "replies.ndjson", "meta.ndjson", "-o", "all.ndjson")
	t.Logf("scan and merge in %.0f s", time.Since(began).Seconds())
	return dir
}

// pair is the result of an example.
type pair [2]uint64

// count counts by encoding/json alone.
func count(t *testing.T, dir string) map[string]pair {
	t.Helper()
	var traces, reached, hops, replies uint64
	addrs, sources := map[string]bool{}, map[string]bool{}
	var sum struct{ Targets, Sent uint64 }
	for _, name := range []string{"out.ndjson", "replies.ndjson", "meta.ndjson"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var r struct {
				Type          string
				StopReason    string `json:"stop_reason"`
				Hops          []struct{ Addr string }
				ReplySource   string `json:"reply_src_addr"`
				Targets, Sent uint64
			}
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch {
			case name == "out.ndjson" && r.Type == "trace":
				traces++
				hops += uint64(len(r.Hops))
				for _, h := range r.Hops {
					addrs[h.Addr] = true
				}
				if r.StopReason == "COMPLETED" {
					reached++
				}
			case name == "replies.ndjson" && r.Type == "reply":
				replies++
				sources[r.ReplySource] = true
			case name == "meta.ndjson" && r.Type != "trace" && r.Type != "reply":
				if r.Type == "summary" {
					sum.Targets, sum.Sent = r.Targets, r.Sent
				}
			default:
				t.Fatalf("%s has a record of type %s", name, r.Type)
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]pair{
		"traces": {traces, reached}, "hops": {hops, uint64(len(addrs))},
		"replies": {replies, uint64(len(sources))}, "summary": {sum.Targets, sum.Sent},
	}
}

// numbers returns the two numbers that a program prints.
func numbers(t *testing.T, text string) (p pair) {
	t.Helper()
	found := regexp.MustCompile(`\d+`).FindAllString(text, -1)
	if len(found) != 2 {
		t.Fatalf("not two numbers: %q", text)
	}
	for i, digits := range found {
		if _, err := fmt.Sscan(digits, &p[i]); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// longest is how long a program may take. It is a limit for programs that hang.
const longest = 10 * time.Minute

// in runs a program in a folder, and returns its output.
func in(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, stderr.Bytes())
	}
	return string(out)
}

// readme has the examples of README.md with jq: each is one line of a block of code.
var readme = regexp.MustCompile(`(?m)^(?:\$ )?((?:jq|zstdcat) .*\| *(?:jq|head) .*)$`)

// The examples of README.md with jq and zstd print a line of JSON for each trace.
func TestReadme(t *testing.T) {
	need(t, "jq")
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, program := t.TempDir(), "../../bin/masstrace"
	if program, err = filepath.Abs(program); err != nil {
		t.Fatal(err)
	}
	in(t, dir, nil, program, "lab", "--", program, "scan", "45.96.0.0/20", "-q", "--seed", "readme", "--rate", "5k", "-o", "out.ndjson")
	in(t, dir, nil, "zstd", "-q", "out.ndjson")
	commands := readme.FindAllStringSubmatch(string(text), -1)
	if len(commands) == 0 {
		t.Fatal("README.md has no example with jq")
	}
	for _, m := range commands {
		out := strings.TrimSpace(in(t, dir, nil, "bash", "-c", m[1]))
		want := 16 // one target for each /24
		if strings.Contains(m[1], "head -n 2") {
			want = 2
		}
		lines := strings.Split(out, "\n")
		for _, line := range lines {
			if !json.Valid([]byte(line)) || !strings.HasPrefix(line, `["45.96.`) {
				t.Errorf("%s\nprints %s", m[1], line)
			}
		}
		if len(lines) != want {
			t.Errorf("%s\nprints %d lines, want %d", m[1], len(lines), want)
		}
	}
}
