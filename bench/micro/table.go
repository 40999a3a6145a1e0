package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// row is one line of the table.
type row struct {
	stage
	result
}

// table returns rows as a Markdown table whose columns are aligned as text too.
func table(rows []row) string {
	cells := [][]string{{"stage", "benchmark", "ns/op", "MB/s", "B/op", "allocs/op"}}
	last := ""
	for _, r := range rows {
		name := r.stage.name
		if name == last {
			name = ""
		}
		last = r.stage.name
		mbps := ""
		if r.mbps > 0 {
			mbps = number(r.mbps)
		}
		cells = append(cells, []string{name, r.result.name, number(r.ns), mbps, number(r.octets), number(r.allocs)})
	}
	const firstNumber = 2 // columns from here on are numbers
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, c := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for n, line := range cells {
		for i, c := range line {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if i < firstNumber {
				b.WriteString("| " + c + gap + " ")
			} else {
				b.WriteString("| " + gap + c + " ")
			}
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, w := range widths {
			if i < firstNumber {
				b.WriteString("|" + strings.Repeat("-", w+2))
			} else {
				b.WriteString("|" + strings.Repeat("-", w+1) + ":")
			}
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// number writes v with three digits or, above 100, whole, a comma between
// thousands.
func number(v float64) string {
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

// allocating returns the hot benchmarks that allocate.
func allocating(rows []row) []string {
	var all []string
	for _, r := range rows {
		if r.path == hot && r.allocs > 0 {
			all = append(all, r.stage.name+": "+r.result.name)
		}
	}
	return all
}
