package tabular

import (
	"strings"
	"unicode/utf8"
)

// Wrap breaks text between words into lines of at most width characters. A longer word gets a line
// of its own. Empty text is one empty line.
func Wrap(text string, width int) []string {
	var lines []string
	var line string
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
