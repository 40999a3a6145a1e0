package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/gotest"
)

// result is the result of a soak.
type result struct {
	tests  *gotest.Report // nil if no tests were run
	fuzz   []string       // a line for each target
	took   time.Duration
	failed bool

	endured *endurance // nil if there was none
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
	fmt.Fprintf(&b, "# Soak: %s\n\nWritten by `make soak`: all tests at their full counts, then the fuzz targets, then a long scan.\n\n", verdict)
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
	return b.Bytes()
}

// writeTests writes the results of the tests.
func (r *result) writeTests(b *bytes.Buffer) {
	fmt.Fprintf(b, "- tests: %s\n\n", r.tests.Counts())
	b.WriteString("This table lists the tests that logged counts, took a second or more, or failed.\n\n")
	b.WriteString("| package | test | outcome | s | tried |\n|---|---|---|--:|---|\n")
	for _, p := range r.tests.Packages {
		for _, t := range p.Tests {
			tried := tries(t)
			if t.Outcome == gotest.Failed || tried != "" || t.IsTop() && t.Seconds >= brief {
				fmt.Fprintf(b, "| %s | %s | %s | %.1f | %s |\n",
					p.Path[strings.LastIndex(p.Path, "masstrace/")+len("masstrace/"):], t.Name, t.Outcome, t.Seconds, tried)
			}
		}
		if p.Outcome == gotest.Failed && p.Counts().Failed == 1 && len(p.Tests) == 0 {
			fmt.Fprintf(b, "| %s | – | fail | %.1f | was not built |\n", p.Path, p.Seconds)
		}
	}
}

// counted matches a line of t.Log that begins with a number.
var counted = regexp.MustCompile(`^\s+\S+\.go:\d+: (\d.*)$`)

// tries returns the counts that a test logged, such as "1000000 quotations".
func tries(t *gotest.Test) string {
	var all []string
	for _, line := range t.Logged() {
		if m := counted.FindStringSubmatch(line); m != nil {
			all = append(all, strings.ReplaceAll(m[1], "|", `\|`))
		}
	}
	return strings.Join(all, "; ")
}
