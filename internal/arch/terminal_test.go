package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// printers are the files that use the standard streams of the process. The reason states why text
// from files or from the network cannot reach a terminal there. All other files write to a stream
// that they were given.
var printers = map[string]string{
	"cmd/masstrace/commands/main.go":  "it passes the streams on",
	"cmd/masstrace/generate/main.go":  "a build tool: its only input is the repository",
	"internal/demo/main.go":           "a build tool: it writes the tables of its own runs",
	"internal/prose/main.go":          "a build tool: its only input is the repository",
	"internal/lab/init.go":            "the error of the end of a simulator, in our own words",
	"internal/lab/internet/report.go": "numbers; the two files are outputs, in which JSON and octets are escaped",
	"internal/lab/lab.go":             "the streams of the command, which writes to them itself",
	"internal/lab/testmain.go":        "errors of tests",
}

// cleaned are the functions that take a standard stream, and clean all text or write none.
var cleaned = []string{"plaintext.NewWriter", "newConsole", "say", "report", "columnsOf", "isTerminal", "hasCursor", "fileOf"}

// raw are the places in the command line where a standard stream goes to another function, or into
// a configuration. Each has the reason why that is safe.
var raw = map[string]string{
	"main.go":       "it passes the streams on",
	"follow.go":     "Stdout takes records, which package ndjson escapes",
	"replay.go":     "Stdout takes records, which package ndjson escapes",
	"merge.go":      "Stdout takes records, which package ndjson escapes",
	"scanrun.go":    "Stdout takes records, which package ndjson escapes, or text by way of a console",
	"annotate.go":   "Stdout takes records, which the formats escape, or the text of the user with labels, which package annotate escapes",
	"convert.go":    "Stdout takes records, which the formats escape",
	"watchopen.go":  "Stdout takes JSON, in which names are escaped",
	"watchpaper.go": "Stdout takes JSON, in which names are escaped, or text by way of plaintext",
	"report.go":     "Stdout takes a page, whose text from the network is compressed and is no markup",
	"schema.go":     "it writes our own schemas",
	"console.go":    "the console keeps them, and cleans each text",
	"stdin.go":      "it compares files, and writes nothing",
	"grammar.go":    "the stream is that of kong, which main.go cleans",
}

// Only the files of printers use the standard streams of the process. So a new print cannot bypass
// package plaintext.
func TestStandardStreams(t *testing.T) {
	used := map[string]bool{}
	for _, f := range sources(t) {
		if f.isTest || strings.HasPrefix(f.pkg, "bench") {
			continue
		}
		for _, use := range standardStreams(parsed(t, f.path)) {
			used[f.path] = true
			if printers[f.path] == "" {
				t.Errorf("%s: uses %s: write to a stream that the caller gives, or name the reason in printers", f.path, use)
			}
		}
	}
	for path := range printers {
		if !used[path] {
			t.Errorf("%s is in printers, and uses no standard stream", path)
		}
	}
}

// The command line gives its streams to functions that clean all text, or to one with a reason.
func TestStreamsAreCleaned(t *testing.T) {
	used := map[string]bool{}
	for _, f := range sources(t) {
		if f.isTest || f.pkg != "cmd/masstrace/commands" {
			continue
		}
		name := filepath.Base(f.path)
		for _, use := range rawStreams(parsed(t, f.path)) {
			used[name] = true
			if raw[name] == "" {
				t.Errorf("%s: %s is used without one of %s", f.path, use, strings.Join(cleaned, ", "))
			}
		}
	}
	for name := range raw {
		if !used[name] {
			t.Errorf("%s is in raw, and every stream in it is cleaned", name)
		}
	}
}

// The rules find each kind of use, and no other.
func TestStreamRules(t *testing.T) {
	const head = "package p\nfunc f() { "
	for body, want := range map[string]int{
		`fmt.Println("x")`:                             1,
		`fmt.Fprintln(os.Stderr, "x")`:                 1,
		`println("x")`:                                 1,
		`log.Print("x")`:                               1,
		`fmt.Fprintln(out, fmt.Sprint("x"), os.Stdin)`: 0,
	} {
		if got := standardStreams(parsedText(t, head+body+"}")); len(got) != want {
			t.Errorf("%s: %v, want %d uses", body, got, want)
		}
	}
	for body, want := range map[string]int{
		`fmt.Fprintln(s.Stdout, x)`:                        1,
		`x := config{Stdout: s.Stdout}`:                    1,
		`s.Stderr.Write(b)`:                                1,
		`fmt.Fprintln(plaintext.NewWriter(s.Stdout), x)`:   0,
		`say(s.Stderr, x); c := columnsOf(s.Stdout)`:       0,
		`x := config{Stdout: plaintext.NewWriter(stdout)}`: 0,
	} {
		if got := rawStreams(parsedText(t, head+body+"}")); len(got) != want {
			t.Errorf("%s: %v, want %d uses", body, got, want)
		}
	}
}

// standardStreams returns the uses of the process's standard output and standard error.
func standardStreams(f *ast.File) (uses []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			name := nameOf(n)
			pkg, function, _ := strings.Cut(name, ".")
			prints := pkg == "fmt" && strings.HasPrefix(function, "Print") || pkg == "log" && (strings.HasPrefix(function, "Print") ||
				strings.HasPrefix(function, "Fatal") || strings.HasPrefix(function, "Panic"))
			if prints || name == "os.Stdout" || name == "os.Stderr" {
				uses = append(uses, name)
			}
		case *ast.CallExpr:
			if name := nameOf(n.Fun); name == "print" || name == "println" {
				uses = append(uses, name)
			}
		}
		return true
	})
	return uses
}

// rawStreams returns the uses of fields Stdout and Stderr that are no arguments of cleaned.
func rawStreams(f *ast.File) (uses []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			return !slices.Contains(cleaned, nameOf(n.Fun))
		case *ast.SelectorExpr:
			if n.Sel.Name == "Stdout" || n.Sel.Name == "Stderr" {
				uses = append(uses, nameOf(n))
			}
		}
		return true
	})
	return uses
}

// nameOf returns the text of an identifier, or of identifiers with dots between them.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return fmt.Sprint(nameOf(e.X), ".", e.Sel.Name)
	}
	return ""
}

// parsed parses a file of the module.
func parsed(t *testing.T, path string) *ast.File {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return parsedText(t, string(text))
}

func parsedText(t *testing.T, text string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
