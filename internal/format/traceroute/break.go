package traceroute

import "strings"

// continued is in front of each further line of a row that is broken.
const continued = "    "

// broken breaks a line that is longer than columns (0: none is). It breaks between two columns of
// text if it can, else between words, and extensions between their parts.
func broken(line string, columns int) string {
	if columns <= 2*len(continued) || len(line) <= columns {
		return line
	}
	b := breaker{columns: columns}
	gap := 0
	for i, part := range strings.Split(line, "  ") {
		if i > 0 {
			gap += 2
		}
		if part == "" {
			continue
		}
		if b.used+gap+len(part) <= columns {
			b.put(gap, part)
		} else {
			b.words(gap, part)
		}
		gap = 0
	}
	return b.String()
}

// breaker writes lines of a number of columns.
type breaker struct {
	strings.Builder
	columns int
	used    int  // columns of the current line
	begun   bool // the current line has text
}

// put writes text after a gap, in a new line if it has no room in this one.
func (b *breaker) put(gap int, text string) {
	if b.begun && b.used+gap+len(text) > b.columns {
		b.WriteString("\n" + continued)
		b.used, b.begun = len(continued), false
	}
	if !b.begun { // less of an indent, if the text then has room
		gap = max(min(gap, b.columns-b.used-len(text)), 0)
	}
	if b.begun || b.used == 0 {
		b.WriteString(strings.Repeat(" ", gap))
		b.used += gap
	}
	b.WriteString(text)
	b.used += len(text)
	b.begun = true
}

// words writes a text that has no room in this line: as a whole in the next one, or its words.
func (b *breaker) words(gap int, text string) {
	if len(continued)+len(text) <= b.columns {
		b.put(gap, text)
		return
	}
	for word := range strings.FieldsSeq(text) {
		for room := b.columns - len(continued); len(word) > room; {
			cut := strings.LastIndexAny(word[:room], "/;,") + 1
			if cut == 0 {
				break
			}
			b.put(gap, word[:cut])
			word, gap = word[cut:], 0
		}
		b.put(gap, word)
		gap = 1
	}
}
