package main

import (
	"regexp"
	"strings"
)

var (
	heading = regexp.MustCompile(`^#+\s+`)
	rulers  = regexp.MustCompile(`^[\s|:=-]+$`) // of tables, and under headings
)

// page returns the blocks of a page in Markdown. Code blocks and HTML comments are left
// out. Each cell of a table is a block of its own; those of its first row are headings.
func page(text string) []block {
	var all []block
	fenced, open, inItem := false, false, false
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		fence := strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~")
		isItem := item.MatchString(line)
		switch {
		case fence:
			fenced, open = !fenced, false
			continue
		case fenced:
			continue
		case trimmed == "":
			open = false
			continue
		case strings.HasPrefix(trimmed, "<!--") || rulers.MatchString(line):
			open = false
			continue
		case heading.MatchString(line):
			all = append(all, block{lines: []string{heading.ReplaceAllString(line, "")}, first: i + 1, heading: true})
			open, inItem = false, false
			continue
		case strings.HasPrefix(trimmed, "|"):
			isHead := i+1 < len(lines) && rulers.MatchString(lines[i+1])
			for _, cell := range cells(trimmed) {
				all = append(all, block{lines: []string{cell}, first: i + 1, heading: isHead})
			}
			open = false
			continue
		case isItem:
			open, inItem = false, true
			line = item.ReplaceAllString(line, "")
		case strings.HasPrefix(line, "    ") && !open && !inItem:
			continue
		case !strings.HasPrefix(line, " ") && !open:
			inItem = false
		}
		if !open {
			all = append(all, block{first: i + 1})
		}
		open = true
		b := &all[len(all)-1]
		b.lines = append(b.lines, line)
	}
	return all
}

// cells returns the cells of a row of a table.
func cells(row string) []string {
	const escaped = "\x00"
	row = strings.ReplaceAll(row, `\|`, escaped)
	var all []string
	for cell := range strings.SplitSeq(strings.Trim(row, "|"), "|") {
		all = append(all, strings.ReplaceAll(strings.TrimSpace(cell), escaped, "|"))
	}
	return all
}
