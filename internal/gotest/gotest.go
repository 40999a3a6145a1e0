// Package gotest reads what `go test -json` writes: it tells people what
// happens as it happens, and keeps what became of every test.
package gotest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Outcome is what became of a test or a package.
type Outcome string

// The outcomes. A test without any was running when its package ended.
const (
	Passed  Outcome = "pass"
	Failed  Outcome = "fail"
	Skipped Outcome = "skip"
)

// Test is a test, a subtest, an example, or the seeds of a fuzz target.
type Test struct {
	Name    string // subtests with their parents
	Outcome Outcome
	Seconds float64
	output  []string
}

// IsTop reports whether t is no subtest.
func (t *Test) IsTop() bool { return !strings.Contains(t.Name, "/") }

// Logged returns what the test logged and wrote, line by line, without what
// go test says about it.
func (t *Test) Logged() []string {
	var lines []string
	for _, l := range t.output {
		trimmed := strings.TrimSpace(l)
		if trimmed == "" || strings.HasPrefix(trimmed, "=== ") || strings.HasPrefix(trimmed, "--- ") {
			continue
		}
		lines = append(lines, strings.TrimRight(l, "\n"))
	}
	return lines
}

// Package is a package that was tested.
type Package struct {
	Path    string
	Outcome Outcome
	Seconds float64
	Tests   []*Test
	output  []string // of no test
	build   []string // what the compiler said
	byName  map[string]*Test
}

// HasNoTests reports whether the package has no test files.
func (p *Package) HasNoTests() bool {
	return p.Outcome == Skipped && len(p.Tests) == 0
}

// Report is what came of a run of go test, by package in the order of their
// ends.
type Report struct {
	Packages []*Package
}

// event is a line of test2json's output (go doc test2json) or of the go
// command's about builds (go help buildjson).
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// Read reads events until the end of in, and writes to out a line for each
// package that ends and the output of each test that failed. Lines that are no
// events are passed on.
func Read(in io.Reader, out io.Writer) (*Report, error) {
	r := &reader{running: map[string]*Package{}, builds: map[string][]string{}, out: out}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		r.take(&e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read test events: %w", err)
	}
	var left []*Package
	for _, p := range r.running {
		left = append(left, p)
	}
	slices.SortFunc(left, func(a, b *Package) int { return strings.Compare(a.Path, b.Path) })
	for _, p := range left { // go test itself was killed
		p.Outcome = Failed
		r.end(p)
	}
	return &r.report, nil
}

type reader struct {
	report  Report
	running map[string]*Package
	builds  map[string][]string // output by import path
	out     io.Writer
}

func (r *reader) take(e *event) {
	switch e.Action {
	case "build-output":
		r.builds[e.ImportPath] = append(r.builds[e.ImportPath], e.Output)
		return
	case "build-fail":
		return
	}
	p := r.running[e.Package]
	if p == nil {
		p = &Package{Path: e.Package, byName: map[string]*Test{}}
		r.running[e.Package] = p
	}
	if e.Test != "" {
		p.test(e)
		return
	}
	switch o := Outcome(e.Action); o {
	case Passed, Failed, Skipped:
		p.Outcome, p.Seconds = o, e.Elapsed
		p.build = r.builds[e.FailedBuild]
		r.end(p)
	default:
		if e.Output != "" {
			p.output = append(p.output, e.Output)
		}
	}
}

// test takes an event of a test.
func (p *Package) test(e *event) {
	t := p.byName[e.Test]
	if t == nil {
		t = &Test{Name: e.Test}
		p.byName[e.Test] = t
		p.Tests = append(p.Tests, t)
	}
	switch o := Outcome(e.Action); o {
	case Passed, Failed, Skipped:
		t.Outcome, t.Seconds = o, e.Elapsed
	default:
		if e.Output != "" {
			t.output = append(t.output, e.Output)
		}
	}
}

// end files a package that has ended, and tells of it.
func (r *reader) end(p *Package) {
	delete(r.running, p.Path)
	for _, t := range p.Tests {
		if t.Outcome == "" {
			t.Outcome, p.Outcome = Failed, Failed // it never said how it went
		}
	}
	r.report.Packages = append(r.report.Packages, p)
	p.write(r.out)
}
