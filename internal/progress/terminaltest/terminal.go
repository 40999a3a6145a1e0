// Package terminaltest is for tests alone: a terminal that takes the text and the control sequences
// of displays. It shares no code with them, and it knows no character that is wider than a cell.
package terminaltest

import (
	"strings"
	"unicode/utf8"
)

// Terminal is a terminal of endless height.
type Terminal struct {
	columns  int
	lines    [][]rune
	row, col int
	noWrap   bool
	sequence string // that has begun

	Cut     int      // characters that had no room in their line
	Unknown []string // control sequences that the terminal does not know
}

// New returns a terminal of so many columns.
func New(columns int) *Terminal { return &Terminal{columns: columns, lines: make([][]rune, 1)} }

// Write implements io.Writer. A character may come in parts.
func (t *Terminal) Write(p []byte) (int, error) {
	text := t.sequence + string(p)
	t.sequence = ""
	for len(text) > 0 {
		if !utf8.FullRuneInString(text) {
			break
		}
		r, n := utf8.DecodeRuneInString(text)
		if r == '\x1b' {
			end := strings.IndexFunc(text[1:], func(r rune) bool { return r >= '@' && r <= '~' && r != '[' })
			if end < 0 {
				break
			}
			n = 1 + end + 1
			t.control(text[1:n])
		} else {
			t.put(r)
		}
		text = text[n:]
	}
	t.sequence = text
	return len(p), nil
}

// Text returns the lines on the terminal without blanks at their ends, up to the last one with text.
func (t *Terminal) Text() string {
	var b strings.Builder
	for _, line := range t.lines {
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func (t *Terminal) put(r rune) {
	switch {
	case r == '\r':
		t.col = 0
		return
	case r == '\n': // the terminal driver returns the carriage, too
		t.down()
		t.col = 0
		return
	case t.col >= t.columns && t.noWrap:
		t.Cut++
		t.col = t.columns - 1
	case t.col >= t.columns:
		t.down()
		t.col = 0
	}
	line := t.lines[t.row]
	for len(line) <= t.col {
		line = append(line, ' ')
	}
	line[t.col] = r
	t.lines[t.row] = line
	t.col++
}

func (t *Terminal) down() {
	if t.row++; t.row == len(t.lines) {
		t.lines = append(t.lines, nil)
	}
}

// control acts on a control sequence without its first character.
func (t *Terminal) control(s string) {
	line := t.lines[t.row]
	right := line[:min(t.col, len(line))]
	switch body := strings.TrimPrefix(s, "["); {
	case strings.HasSuffix(body, "m"):
	case body == "?7l":
		t.noWrap = true
	case body == "?7h":
		t.noWrap = false
	case body == "K":
		t.lines[t.row] = right
	case body == "J":
		t.lines = t.lines[:t.row+1]
		t.lines[t.row] = right
	case strings.HasSuffix(body, "A"):
		n := 0
		for _, d := range strings.TrimSuffix(body, "A") {
			n = 10*n + int(d-'0')
		}
		t.row = max(t.row-max(n, 1), 0)
	default:
		t.Unknown = append(t.Unknown, s)
	}
}
