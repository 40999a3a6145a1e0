// Package plaintext makes strings safe that come from the network or from a file: names of
// interfaces and hosts, names of files, reasons in records. Characters that could control a
// terminal, or change the order in which text is shown, become visible escapes. All output for
// terminals and all strings in JSON pass through it.
package plaintext

import (
	"io"
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// isUnsafe reports whether a character is escaped everywhere. Such characters are the controls of
// C0 and C1, those that change the direction of text (Unicode UAX #9), and U+2028 and U+2029.
func isUnsafe(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r <= 0x9f:
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
		return true
	}
	return false
}

// Clean returns s for a terminal. Unsafe characters and octets that are not UTF-8 become escapes,
// as in Go: \x1b, \u202e. Ends of lines and tabs stay, because our own messages have them.
func Clean(s string) string { return clean(s, "\n\t") }

// Line is Clean for a part of a line: ends of lines and tabs become escapes too.
func Line(s string) string { return clean(s, "") }

// clean escapes all unsafe characters of s but those of kept.
func clean(s, kept string) string {
	if isClean(s, kept) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		unsafe := isUnsafe(r) && !strings.ContainsRune(kept, r)
		switch {
		case r == utf8.RuneError && size == 1, unsafe && r < utf8.RuneSelf:
			b.Write([]byte{'\\', 'x', hexDigits[s[i]>>4], hexDigits[s[i]&15]})
		case unsafe:
			b.Write(appendEscape(nil, r))
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// isClean reports whether clean would change nothing.
func isClean(s, kept string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if isUnsafe(r) && !strings.ContainsRune(kept, r) {
			return false
		}
	}
	return true
}

// AppendJSON appends s as a JSON string (RFC 8259 §7). Octets that are not UTF-8 become U+FFFD, one
// by one. Unsafe characters are escaped, so that the string stays the same to a reader of JSON.
func AppendJSON[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			b = appendASCII(b, c)
			i++
			continue
		}
		// A rune has at most 4 octets; the array keeps the conversion of a
		// []byte from allocating.
		var part [utf8.UTFMax]byte
		n := copy(part[:], s[i:])
		r, size := utf8.DecodeRune(part[:n])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, `\ufffd`...)
		case isUnsafe(r):
			b = appendEscape(b, r)
		default:
			b = append(b, part[:size]...)
		}
		i += size
	}
	return append(b, '"')
}

// EscapeJSON appends a JSON text that another package made, with its unsafe characters escaped. In
// valid JSON they are in strings alone. Octets that are not UTF-8 become U+FFFD.
func EscapeJSON(b, text []byte) []byte {
	begin := 0 // of the octets that are not appended yet
	for i := 0; i < len(text); {
		if text[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, text[begin:i]...), `\ufffd`...)
			begin = i + size
		case isUnsafe(r):
			b = appendEscape(append(b, text[begin:i]...), r)
			begin = i + size
		}
		i += size
	}
	return append(b, text[begin:]...)
}

// appendEscape appends \u and four digits. All unsafe characters have no more.
func appendEscape(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

func appendASCII(b []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, '\\', 'n')
	case c == '\r':
		return append(b, '\\', 'r')
	case c == '\t':
		return append(b, '\\', 't')
	case c < ' ' || c == 0x7f:
		return appendEscape(b, rune(c))
	default:
		return append(b, c)
	}
}

// Writer writes Clean of a text to another writer. A character may be in two parts. If the text
// ends within a character, that is not written.
type Writer struct {
	out  io.Writer
	rest []byte // the begin of a character
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Write implements io.Writer.
func (w *Writer) Write(b []byte) (int, error) {
	text := append(w.rest, b...)
	whole := len(text) - partOf(text)
	w.rest = append([]byte(nil), text[whole:]...)
	if _, err := io.WriteString(w.out, Clean(string(text[:whole]))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// partOf returns how many octets at the end of b may begin a character that goes on.
func partOf(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if last := b[len(b)-n:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}
