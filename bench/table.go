package bench

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table is a table of text: a head, and rows with the same number of cells. The first Texts columns
// are text, aligned left. The others are numbers, aligned right.
type Table struct {
	Texts int
	Head  []string
	Rows  [][]string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// String returns the table in Markdown. Its columns are also aligned in the source text.
func (t *Table) String() string {
	widths := make([]int, len(t.Head))
	lines := append([][]string{t.Head}, t.Rows...)
	for _, line := range lines {
		for i, c := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for n, line := range lines {
		for i, c := range line {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if i < t.Texts {
				b.WriteString("| " + c + gap + " ")
			} else {
				b.WriteString("| " + gap + c + " ")
			}
		}
		b.WriteString("|\n")
		if n == 0 {
			t.rule(&b, widths)
		}
	}
	return b.String()
}

// rule writes the line below the head.
func (t *Table) rule(b *strings.Builder, widths []int) {
	for i, w := range widths {
		if i < t.Texts {
			b.WriteString("|" + strings.Repeat("-", w+2))
		} else {
			b.WriteString("|" + strings.Repeat("-", w+1) + ":")
		}
	}
	b.WriteString("|\n")
}

// Number formats v with three significant digits or, from 100 on, as a whole number with a comma
// between thousands.
func Number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 10 && v != float64(int(v)):
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 100 && v != float64(int(v)):
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// Ratio formats v as a factor with two decimals.
func Ratio(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) + "×" }

// Median returns the middle value of v, or the mean of the two middle values. It returns 0 if v is
// empty.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// Quantile returns the smallest value in v such that at least the fraction q of v, from 0 to 1, is
// not above it. It returns 0 if v is empty.
func Quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	at := int(q*float64(len(v))+0.999999) - 1
	return v[min(max(at, 0), len(v)-1)]
}
