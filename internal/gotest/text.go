package gotest

import (
	"fmt"
	"io"
)

// write tells of a package that has ended.
func (p *Package) write(w io.Writer) {
	if p.HasNoTests() {
		return
	}
	c := p.Counts()
	fmt.Fprintf(w, "%-4s  %-55s %7.1f s  %5d tests", p.Outcome, p.Path, p.Seconds, c.Passed+c.Failed+c.Skipped)
	if c.Skipped > 0 {
		fmt.Fprintf(w, ", %d skipped", c.Skipped)
	}
	if c.Failed > 0 {
		fmt.Fprintf(w, ", %d failed", c.Failed)
	}
	fmt.Fprintln(w)
	if p.Outcome != Failed {
		return
	}
	for _, lines := range [][]string{p.build, p.output} {
		for _, l := range lines {
			io.WriteString(w, l)
		}
	}
	for _, t := range p.Tests {
		if t.Outcome != Failed {
			continue
		}
		fmt.Fprintf(w, "      FAILED: %s %s\n", p.Path, t.Name)
		for _, l := range t.output {
			io.WriteString(w, l)
		}
	}
}

// Counts says how many tests, subtests among them, had which outcome.
type Counts struct{ Passed, Failed, Skipped int }

// Add returns the sums of c and d.
func (c Counts) Add(d Counts) Counts {
	return Counts{c.Passed + d.Passed, c.Failed + d.Failed, c.Skipped + d.Skipped}
}

// String is the line with which a run of tests ends.
func (c Counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
}

// Counts counts the package's tests. A package that failed without a test that
// did, because it was not built, say, counts as one more that failed.
func (p *Package) Counts() (c Counts) {
	for _, t := range p.Tests {
		switch t.Outcome {
		case Passed:
			c.Passed++
		case Failed:
			c.Failed++
		case Skipped:
			c.Skipped++
		}
	}
	if p.Outcome == Failed && c.Failed == 0 {
		c.Failed = 1
	}
	return c
}

// Counts counts the tests of all packages.
func (r *Report) Counts() (c Counts) {
	for _, p := range r.Packages {
		c = c.Add(p.Counts())
	}
	return c
}

// Skips returns "package test: reason" of each test that was skipped.
func (r *Report) Skips() []string {
	var all []string
	for _, p := range r.Packages {
		for _, t := range p.Tests {
			if t.Outcome != Skipped {
				continue
			}
			line := p.Path + " " + t.Name
			if logged := t.Logged(); len(logged) > 0 {
				line += ":" + logged[len(logged)-1]
			}
			all = append(all, line)
		}
	}
	return all
}

// Idle returns the packages that have test files and passed, but ran nothing:
// their tests were left out by mistake.
func (r *Report) Idle() []string {
	var all []string
	for _, p := range r.Packages {
		if p.Outcome == Passed && len(p.Tests) == 0 {
			all = append(all, p.Path)
		}
	}
	return all
}
