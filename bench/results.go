package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Section is a part of RESULTS.md that one command below this package measures and writes.
type Section string

// The sections, in their order in the file.
const (
	Micro      Section = "Micro benchmarks"
	Send       Section = "Sending"
	Receive    Section = "Receiving"
	EndToEnd   Section = "End to end"
	Replay     Section = "Replay"
	Read       Section = "Reading results"
	Formats    Section = "Formats"
	Query      Section = "Queries"
	CPU        Section = "CPU per probe"
	Pace       Section = "Pacing"
	Scale      Section = "Scale"
	Strategies Section = "Strategies"
	Paths      Section = "All paths"
	Watch      Section = "Watching"
	Follow     Section = "Following"
	Fleet      Section = "Fleet"
)

var sections = []Section{Micro, Send, Receive, EndToEnd, Replay, Read, Formats, Query, CPU, Pace, Scale, Strategies, Paths, Watch, Follow, Fleet}

const resultsHead = `# Results

Written by ` + "`make bench`" + `, each section by a command of its own, which replaces it as a
whole. A section says on what machine and at what revision it was measured. Figures of
other machines differ; ratios within a section were measured in one run, in turn.
`

// Keep replaces the section's results in the file by body. It writes the lines of Machine before
// body.
func Keep(path string, section Section, body string) error {
	if !slices.Contains(sections, section) {
		return fmt.Errorf("keep results: no section is called %q", section)
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("keep results: %w", err)
	}
	kept := split(string(old))
	kept[section] = Machine() + "\n" + strings.TrimSpace(body) + "\n"
	var b bytes.Buffer
	b.WriteString(resultsHead)
	for _, s := range sections {
		if text, ok := kept[s]; ok {
			fmt.Fprintf(&b, "\n## %s\n\n%s", s, text)
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	return nil
}

// split splits a file of results into its sections.
func split(text string) map[Section]string {
	kept := map[Section]string{}
	for i, part := range strings.Split("\n"+text, "\n## ") {
		title, body, _ := strings.Cut(part, "\n")
		if i > 0 && slices.Contains(sections, Section(title)) {
			kept[Section(title)] = strings.TrimSpace(body) + "\n"
		}
	}
	return kept
}
