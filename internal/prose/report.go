package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
)

// report holds the findings of all files.
type report struct {
	findings  []finding
	sentences map[string]int // by folder
}

// add adds the findings of a file.
func (r *report) add(name string, findings []finding, sentences int) {
	if r.sentences == nil {
		r.sentences = map[string]int{}
	}
	r.findings = append(r.findings, findings...)
	r.sentences[folder(name)] += sentences
}

// folder returns the row of the table that a file belongs to. Pages have rows of their own.
func folder(name string) string {
	if strings.HasSuffix(name, ".md") {
		return name
	}
	return path.Dir(name)
}

// writeFindings writes one line for each finding.
func (r *report) writeFindings(w io.Writer) error {
	slices.SortStableFunc(r.findings, func(a, b finding) int {
		return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	for _, f := range r.findings {
		if _, err := fmt.Fprintf(w, "%s:%d: %s: %s\n", f.file, f.line, f.rule, f.text); err != nil {
			return err
		}
	}
	return nil
}

// writeTable writes the counts by folder and rule, and their sums. Folders without findings
// have no row.
func (r *report) writeTable(w io.Writer) error {
	counts := map[string]map[rule]int{}
	for _, f := range r.findings {
		name := folder(f.file)
		if counts[name] == nil {
			counts[name] = map[rule]int{}
		}
		counts[name][f.rule]++
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "plain English\tsentences")
	for _, r := range rules {
		fmt.Fprintf(table, "\t%s", r)
	}
	fmt.Fprintln(table)
	total := map[rule]int{}
	sentences := 0
	for _, name := range slices.Sorted(maps.Keys(r.sentences)) {
		sentences += r.sentences[name]
		if counts[name] == nil {
			continue
		}
		writeRow(table, name, r.sentences[name], counts[name])
		for rule, n := range counts[name] {
			total[rule] += n
		}
	}
	writeRow(table, "all", sentences, total)
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d findings in %d sentences\n", len(r.findings), sentences)
	return err
}

// writeRow writes a row of the table. The table keeps the first error until it is flushed.
func writeRow(table io.Writer, name string, sentences int, counts map[rule]int) {
	fmt.Fprintf(table, "%s\t%d", name, sentences)
	for _, r := range rules {
		fmt.Fprintf(table, "\t%d", counts[r])
	}
	fmt.Fprintln(table)
}
