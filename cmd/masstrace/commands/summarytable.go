package commands

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/masstrace/masstrace/internal/tabular"
)

// summaryTable is a table of counts for people: names, counts, shares and words.
type summaryTable struct {
	width int // most characters of a line
	rows  []summaryRow
}

// summaryRow is a row of a summary; an empty one is a gap.
type summaryRow struct {
	name, count, share, words string
	needed                    bool // the words are on a narrow terminal, too
}

// row writes a count with its share, if that is not empty, and its words.
func (t *summaryTable) row(name string, n uint64, share, words string) {
	t.rows = append(t.rows, summaryRow{name: name, count: tabular.Count(n), share: share, words: words})
}

// needed writes a count whose words are on a narrow terminal, too.
func (t *summaryTable) needed(name string, n uint64, share, words string) {
	t.row(name, n, share, words)
	t.rows[len(t.rows)-1].needed = true
}

// rare writes a count that is not 0.
func (t *summaryTable) rare(name string, n uint64, words string) {
	if n != 0 {
		t.row(name, n, "", words)
	}
}

// gap writes an empty line between rows.
func (t *summaryTable) gap() {
	if len(t.rows) > 0 {
		t.rows = append(t.rows, summaryRow{})
	}
}

// Sizes of a summary, in characters.
const (
	fileWidth  = 80 // of lines that go to no terminal
	leastWords = 20 // room for words beside the numbers
	indent     = "  "
)

// summaryWidth returns the most characters of a line of a summary on w: as many as a terminal shows.
func summaryWidth(w io.Writer) int {
	if columns := columnsOf(w); columns > 0 {
		return columns
	}
	return fileWidth
}

// write writes the table. On a narrow terminal it leaves out words, then shares, and at last counts are
// below their names.
func (t *summaryTable) write(w io.Writer) error {
	var names, counts, shares int
	for _, r := range t.rows {
		names, counts, shares = max(names, len(r.name)), max(counts, len(r.count)), max(shares, len(r.share))
	}
	numbers := len(indent) + names + len("  ") + counts
	if numbers > t.width {
		return t.stacked(w)
	}
	isWide := numbers+len("  ")+shares+len("  ")+leastWords <= t.width
	hasShares := numbers+len("  ")+shares <= t.width
	table := tabular.Table{Columns: "rrrl", Indent: indent, Width: t.width}
	for _, r := range t.rows {
		cells := []string{r.name, r.count, "", ""}
		if hasShares {
			cells[2] = r.share
		}
		if isWide {
			cells[3] = r.words
		}
		switch {
		case r == (summaryRow{}):
			table.Add("")
			continue
		case !isWide && !hasShares:
			cells = cells[:2]
		case !isWide:
			cells = cells[:3]
		}
		table.Add(cells...)
	}
	var b strings.Builder
	if err := table.WriteText(&b); err != nil {
		return err
	}
	if isWide {
		_, err := io.WriteString(w, b.String())
		return err
	}
	lines := strings.SplitAfter(b.String(), "\n")
	for i, r := range t.rows {
		if _, err := io.WriteString(w, lines[i]+t.below(&r)); err != nil {
			return err
		}
	}
	return nil
}

// stacked writes the table for a terminal that has no room for a count beside its name.
func (t *summaryTable) stacked(w io.Writer) error {
	for _, r := range t.rows {
		text := "\n"
		if r != (summaryRow{}) {
			pad := max(t.width-utf8.RuneCountInString(r.count), 0)
			if len(r.name) < pad {
				text = r.name + strings.Repeat(" ", pad-len(r.name)) + r.count + "\n"
			} else {
				text = r.name + "\n" + strings.Repeat(" ", pad) + r.count + "\n"
			}
			text += t.below(&r)
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// below returns the words of a row, if they are needed, as lines below its numbers.
func (t *summaryTable) below(r *summaryRow) string {
	if !r.needed {
		return ""
	}
	left := strings.Repeat(" ", min(2*len(indent), t.width/8))
	return left + strings.Join(tabular.Wrap(r.words, max(t.width-len(left), 1)), "\n"+left) + "\n"
}
