//go:build tools

package tools

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/query"
)

// withDuckDB returns NODE_PATH and PATH of an environment in which there is the program duckdb.
func withDuckDB(t *testing.T) (modules, path string) {
	t.Helper()
	bin := t.TempDir()
	program, err := filepath.Abs("../../scripts/duckdb")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(bin, "duckdb")); err != nil {
		t.Fatal(err)
	}
	modules, err = filepath.Abs(filepath.Join(installed, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	return modules, bin + ":" + os.Getenv("PATH")
}

// Questions by name give the rows that encoding/json gives, from NDJSON and from Parquet.
func TestQuery(t *testing.T) {
	need(t, "duckdb")
	dir := scanTwice(t)
	want := cooked(t, dir)
	program, err := filepath.Abs("../../bin/masstrace")
	if err != nil {
		t.Fatal(err)
	}
	modules, path := withDuckDB(t)
	env := []string{"NODE_PATH=" + modules, "PATH=" + path}
	asked := 0
	for _, q := range query.Questions {
		var answers [2]string
		for i, file := range []string{"a.ndjson", "a.hops.parquet"} {
			answers[i] = strings.TrimSpace(in(t, dir, env, program, "query", file, "--ask", q.Name, "--format", "csv"))
		}
		if answers[0] != answers[1] {
			t.Errorf("%s: NDJSON gives\n%s\nParquet\n%s", q.Name, answers[0], answers[1])
		}
		expected, ok := want[q.Name]
		if !ok {
			continue
		}
		if asked++; answers[0] != expected {
			t.Errorf("%s:\n%s\nwant\n%s", q.Name, answers[0], expected)
		}
	}
	if asked < 10 {
		t.Errorf("%d questions have a count of our own", asked)
	}
}
