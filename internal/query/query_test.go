package query

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/run"
)

// program makes a program that prints its arguments and its input, or does as script says.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "duckdb")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func file(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// meta is a file of results.
const meta = `{"type":"cycle-start","id":1}` + "\n"

const echo = `echo "$@"; cat`

// The program gets the settings, the views of the files, and then the question.
func TestRun(t *testing.T) {
	dir, temporary := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	path := file(t, dir, "it's.ndjson", meta)
	file(t, dir, "vp=a/other.ndjson.1", meta)
	file(t, dir, "notes.txt", "not a result")
	var out strings.Builder
	err := Run(context.Background(), Config{Files: []string{dir}, SQL: " SELECT 1; -- one\n", Format: CSV, Memory: "2GB", Program: program(t, echo), Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	text := out.String()
	_, spill, _ := strings.Cut(text, "SET temp_directory = '")
	if spill, _, _ = strings.Cut(spill, "'"); !strings.HasPrefix(spill, temporary) || spill == temporary {
		t.Errorf("temporary files are in %q", spill)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("%d temporary files are left, %v", len(left), err)
	}
	for _, want := range []string{"-init /dev/null -bail -csv\n", "memory_limit = '2GB'", strings.ReplaceAll(path, "'", "''"), "vp=a/other.ndjson.1",
		"CREATE TEMP VIEW hops", "CREATE TEMP VIEW traces", "CREATE TEMP VIEW links", "CREATE TEMP VIEW runs", "SELECT 1; -- one\n;\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "notes.txt") {
		t.Error("a file that has no results is asked")
	}
}

// Each fault has its own kind of error.
func TestFaults(t *testing.T) {
	dir := t.TempDir()
	good := file(t, dir, "a.ndjson", meta)
	foreign := file(t, dir, "foreign", "root:x:0:0\n")
	cut := file(t, dir, "cut.parquet", "PAR1 and no end")
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	refused := func(field string) func(error) bool {
		return func(err error) bool {
			r, ok := errors.AsType[*outfile.RefusedError](err)
			return ok && r.Name == field
		}
	}
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	for _, tt := range []struct {
		name, path, program string
		ok                  func(error) bool
	}{
		{"foreign", foreign, program(t, echo), refused("Inputs")},
		{"cut", cut, program(t, echo), refused("Inputs")},
		{"empty folder", empty, program(t, echo), refused("Inputs")},
		{"missing", filepath.Join(dir, "missing"), program(t, echo), is(os.ErrNotExist)},
		{"no program", good, filepath.Join(dir, "no-duckdb"), is(ErrNoProgram)},
		{"bad question", good, program(t, "echo 'Parser Error' >&2; exit 1"), refused("SQL")},
	} {
		err := Run(context.Background(), Config{Files: []string{tt.path}, SQL: "SELECT 1", Program: tt.program, Stdout: &strings.Builder{}})
		if !tt.ok(err) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := Run(ctx, Config{Files: []string{good}, SQL: "SELECT 1", Program: program(t, "exec sleep 60"), Stdout: &strings.Builder{}})
	if !errors.Is(err, run.ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
	err = Run(context.Background(), Config{Files: []string{good}, SQL: "SELECT 1", Program: program(t, echo), Stdout: full{}})
	if _, ok := errors.AsType[*run.Incomplete](err); !ok {
		t.Errorf("full disk: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// Names are unique, and a question is one statement over the views.
func TestQuestions(t *testing.T) {
	seen := map[string]bool{}
	for _, q := range Questions {
		if seen[q.Name] || strings.Contains(q.SQL, ";") || strings.Contains(q.SQL, ".parquet") {
			t.Errorf("question %s", q.Name)
		}
		seen[q.Name] = true
		if sql, err := Ask(q.Name); err != nil || sql != q.SQL {
			t.Errorf("%s: %v", q.Name, err)
		}
	}
	if _, err := Ask("nothing"); err == nil {
		t.Error("an unknown question is answered")
	}
}

// Damaged lines are left out when the question is asked again, unless rows were written before.
func TestDamaged(t *testing.T) {
	path := file(t, t.TempDir(), "a.ndjson", meta+"{\n")
	const strict = `cat >"$0.in"; if grep -q "ignore_errors = false" "$0.in"; then `
	const complaint = `echo 'Invalid Input Error: Malformed JSON in file "a.ndjson", at byte 1 in line 2: odd.' >&2; echo ' Try this.' >&2; exit 1; fi; echo rest`
	for _, tt := range []struct{ name, script, want string }{
		{"at once", strict + complaint, "rest\n"},
		{"after rows", strict + "echo row; " + complaint, "row\n"},
	} {
		var out strings.Builder
		err := Run(context.Background(), Config{Files: []string{path}, SQL: "SELECT 1", Program: program(t, tt.script), Stdout: &out})
		if _, ok := errors.AsType[*run.Incomplete](err); !ok || !strings.Contains(err.Error(), "line 2: odd; ") || strings.Contains(err.Error(), "Try") {
			t.Errorf("%s: %v", tt.name, err)
		}
		if out.String() != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, out.String(), tt.want)
		}
	}
}
