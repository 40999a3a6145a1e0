package arch

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines = 500 // a file should be split at 400
)

// Package names that do not describe their contents.
var emptyNames = []string{"base", "common", "helper", "helpers", "misc", "shared", "types", "util", "utils"}

func TestFiles(t *testing.T) {
	for _, f := range sources(t) {
		if f.lines > maxFileLines {
			t.Errorf("%s has %d lines, more than %d: split it", f.path, f.lines, maxFileLines)
		}
		if slices.Contains(emptyNames, strings.TrimSuffix(f.name, "_test")) {
			t.Errorf("%s: package name %s does not describe its contents", f.path, f.name)
		}
		if len(f.inits) > 0 {
			t.Errorf("%s: no init functions: main does the work at start", f.path)
		}
	}
}

// checks are packages that check the program and are no part of it.
var checks = []string{"internal/acceptance", "internal/arch", "internal/demo", "internal/effort", "internal/prose"}

// Every package is described in ARCHITECTURE.md.
func TestArchitecture(t *testing.T) {
	text := document(t, "ARCHITECTURE.md")
	named := map[string]bool{}
	for _, f := range sources(t) {
		// The folders of benchmarks, formats and networks have one line each. So do the
		// packages that test the program and its reports.
		if dir, _, _ := strings.Cut(f.pkg, "/"); dir == "bench" || strings.Count(f.pkg, "/") > 1 ||
			slices.Contains(checks, f.pkg) || named[f.pkg] {
			continue
		}
		named[f.pkg] = true
		if !strings.Contains(text, "`"+f.pkg+"`") {
			t.Errorf("ARCHITECTURE.md does not name `%s`", f.pkg)
		}
	}
}

func TestDocumentsExist(t *testing.T) {
	for name, says := range map[string]string{
		"README.md":    "make demo",
		"CHANGELOG.md": "## ",
		"LICENSE":      "Apache License",
	} {
		if !strings.Contains(document(t, name), says) {
			t.Errorf("%s does not contain %q", name, says)
		}
	}
}

// Make targets that the documents mention must exist.
func TestMakeTargets(t *testing.T) {
	targets := map[string]bool{}
	lines := bufio.NewScanner(strings.NewReader(document(t, "Makefile")))
	for lines.Scan() {
		if name, _, ok := strings.Cut(lines.Text(), ":"); ok && !strings.HasPrefix(name, "\t") {
			for _, n := range strings.Fields(name) {
				targets[n] = true
			}
		}
	}
	for _, name := range []string{"test", "demo", "soak", "bench", "fuzz"} {
		if !targets[name] {
			t.Errorf("Makefile has no target %s", name)
		}
	}
}

// The Makefile names tests of one goroutine, which the race detector need not see. Each of them is
// in one of the packages that run with the detector.
func TestRaceSkips(t *testing.T) {
	text := strings.ReplaceAll(document(t, "Makefile"), "\\\n", " ")
	list := func(name string) []string {
		_, rest, ok := strings.Cut(text, "\n"+name+" := ")
		if !ok {
			t.Fatalf("Makefile has no list %s", name)
		}
		rest, _, _ = strings.Cut(rest, "\n")
		return strings.Fields(rest)
	}
	packages, names := list("CONCURRENT"), list("SINGLE")
	if len(packages) == 0 || len(names) == 0 {
		t.Fatal("no packages or no tests")
	}
	for _, name := range append(names, "TestEarly") {
		if !definedIn(t, packages, name) {
			t.Errorf("no package with the race detector has a test %s", name)
		}
	}
}

// definedIn reports whether a test file of one of the packages has a function.
func definedIn(t *testing.T, packages []string, name string) bool {
	t.Helper()
	for _, dir := range packages {
		files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "\nfunc "+name+"(") {
				return true
			}
		}
	}
	return false
}

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
