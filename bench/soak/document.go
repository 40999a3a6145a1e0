package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/masstrace/masstrace/bench"
)

// result is the result of a soak.
type result struct {
	tests  []*testRun // nil if none were run
	fuzz   []string   // a line for each target
	took   time.Duration
	failed bool

	endured *endurance // nil if there was none
	tried   *trial     // nil if there was none
}

// keep writes the result to a file. If the trial is all there is, the file keeps its other sections.
func (r *result) keep(path string) error {
	text := r.document(bench.Machine())
	if r.tried != nil && r.tests == nil && r.fuzz == nil && r.endured == nil {
		old, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if len(old) > 0 {
			text = replaceSection(old, trialTitle, r.tried.section(bench.Machine()))
		}
	}
	return os.WriteFile(path, text, 0o644)
}

// replaceSection returns text with its section of that title, or its end, replaced.
func replaceSection(text []byte, title, section string) []byte {
	before, after, found := strings.Cut(string(text), "\n## "+title+"\n")
	if _, next, more := strings.Cut(after, "\n## "); found && more {
		section += "\n## " + next
	}
	return []byte(before + section)
}

// brief is the time in seconds below which a test without counts gets no line of its own.
const brief = 1.0

// document returns the result as Markdown.
func (r *result) document(machine string) []byte {
	var b bytes.Buffer
	verdict := "PASS"
	if r.failed {
		verdict = "FAIL"
	}
	fmt.Fprintf(&b, "# Soak: %s\n\nWritten by `make soak`: all tests at their full counts, then the fuzz targets, then a long scan, then an installation.\n\n", verdict)
	b.WriteString(machine)
	fmt.Fprintf(&b, "- time: %s\n", r.took.Round(time.Second))
	if r.tests != nil {
		r.writeTests(&b)
	}
	if len(r.fuzz) > 0 {
		fmt.Fprintf(&b, "\n```\n%s\n```\n", strings.Join(r.fuzz, "\n"))
	}
	if r.endured != nil {
		r.endured.write(&b)
	}
	if r.tried != nil {
		b.WriteString(r.tried.section(machine))
	}
	return b.Bytes()
}

// writeTests writes the results of the tests.
func (r *result) writeTests(b *bytes.Buffer) {
	n := counts(r.tests)
	fmt.Fprintf(b, "- tests: %d passed, %d failed, %d skipped\n\n", n[pass], n[fail], n[skip])
	b.WriteString("This table lists the tests that logged counts, took a second or more, or failed.\n\n")
	b.WriteString("| package | test | outcome | s | tried |\n|---|---|---|--:|---|\n")
	for _, t := range r.tests {
		if t.outcome == fail || t.tried != nil || t.isTop() && t.seconds >= brief {
			fmt.Fprintf(b, "| %s | %s | %s | %.1f | %s |\n", t.pkg[strings.LastIndex(t.pkg, "masstrace/")+len("masstrace/"):],
				cmp.Or(t.name, "–"), t.outcome, t.seconds, strings.Join(t.tried, "; "))
		}
	}
}
