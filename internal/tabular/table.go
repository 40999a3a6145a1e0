// Package tabular lays out tables of text: in plain columns for terminals, and in
// Markdown. It writes the numbers in them, too.
package tabular

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Table is a table of rows of cells.
//
// Text/tabwriter aligns all columns one way, and knows no Markdown; our tables have words
// beside numbers.
type Table struct {
	// Columns has a letter for each column: l aligns its cells left, as text, and r right,
	// as numbers. Further columns are like the last.
	Columns string
	Indent  string // written before each line; not in Markdown
	// Width is the most characters of a line of plain text, 0 for any number. The text of a
	// last column that is aligned left goes on in the next line, below its beginning.
	Width int
	Head  []string // none if it is empty; Markdown needs one
	Rows  [][]string
}

// Add appends a row. In plain text a row may have fewer cells than others: its last cell,
// if it is aligned left, may be of any length and widens no column.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// WriteText writes the table in plain text: two spaces between columns, and none at the
// end of a line.
func (t *Table) WriteText(w io.Writer) error {
	widths := t.widths()
	for _, line := range t.lines() {
		var b strings.Builder
		b.WriteString(t.Indent)
		for i, c := range line {
			if i > 0 {
				b.WriteString("  ")
			}
			if i == len(line)-1 && !t.isRight(i) {
				c = t.wrap(c, utf8.RuneCountInString(b.String()))
			}
			b.WriteString(t.pad(i, c, widths[i]))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// leastText is the room for a wrapped text in a line if the width leaves less.
const leastText = 12

// wrap breaks a text that begins in a column of its line into lines within the width.
func (t *Table) wrap(text string, column int) string {
	room := max(t.Width-column, leastText)
	if t.Width == 0 || utf8.RuneCountInString(text) <= room {
		return text
	}
	var b strings.Builder
	used := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case used+1+n > room:
			b.WriteString("\n" + strings.Repeat(" ", column))
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}

// Markdown returns the table in Markdown, its columns aligned for the eye as well.
func (t *Table) Markdown() string {
	widths := t.widths()
	var b strings.Builder
	for n, line := range t.lines() {
		for i, c := range line {
			b.WriteString("| " + t.pad(i, c, widths[i]) + " ")
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i := range line {
			end := "-"
			if t.isRight(i) {
				end = ":"
			}
			b.WriteString("|" + strings.Repeat("-", widths[i]+1) + end)
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// lines returns the head, if there is one, and the rows.
func (t *Table) lines() [][]string {
	if len(t.Head) == 0 {
		return t.Rows
	}
	return append([][]string{t.Head}, t.Rows...)
}

// isRight reports whether a column is aligned right.
func (t *Table) isRight(column int) bool {
	return t.Columns != "" && t.Columns[min(column, len(t.Columns)-1)] == 'r'
}

// widths returns the width of each column, in characters.
func (t *Table) widths() (widths []int) {
	lines := t.lines()
	columns := 0
	for _, line := range lines {
		columns = max(columns, len(line))
	}
	widths = make([]int, columns)
	for _, line := range lines {
		for i, c := range line {
			if i == len(line)-1 && len(line) < columns && !t.isRight(i) {
				continue
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	return widths
}

// pad fills a cell up to the width of its column.
func (t *Table) pad(column int, cell string, width int) string {
	gap := strings.Repeat(" ", max(width-utf8.RuneCountInString(cell), 0))
	if t.isRight(column) {
		return gap + cell
	}
	return cell + gap
}
