package plaintext

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile are strings of attackers, and how a terminal may show them.
var hostile = []struct{ in, want string }{
	{"eth0", "eth0"}, {"Zürich–東京", "Zürich–東京"}, {"two\nlines\tof text", "two\nlines\tof text"},
	{"\x1b[31mred", `\x1b[31mred`}, {"\x1b]0;title\a", `\x1b]0;title\x07`}, {"back\b\rspace", `back\x08\x0dspace`},
	{"\x7f", `\x7f`}, {"\u009b31m", `\u009b31m`}, {"\u0085", `\u0085`}, {"\u009d0;t\u009c", `\u009d0;t\u009c`},
	{"a\u202eb\u202c", `a\u202eb\u202c`}, {"\u2066\u2069\u200e\u200f\u061c", `\u2066\u2069\u200e\u200f\u061c`},
	{"\u2028\u2029", `\u2028\u2029`}, {"\ufeff", `\ufeff`}, {"\x9b31m", `\x9b31m`}, {"\xff\xfe", `\xff\xfe`}, {"\x00", `\x00`},
	{"real \ufffd", "real \ufffd"},
}

func TestClean(t *testing.T) {
	for _, tt := range hostile {
		if got := Clean(tt.in); got != tt.want {
			t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
		}
		var out strings.Builder
		w := NewWriter(&out)
		for i := range len(tt.in) {
			if n, err := w.Write([]byte(tt.in[i : i+1])); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		if out.String() != tt.want {
			t.Errorf("%q is written as %q", tt.in, out.String())
		}
		if line := Line(tt.in); strings.ContainsAny(line, "\n\t") {
			t.Errorf("Line(%q) = %q", tt.in, line)
		}
	}
}

// isSafe reports whether a terminal may get s.
func isSafe(s []byte) bool {
	if !utf8.Valid(s) {
		return false
	}
	return !bytes.ContainsFunc(s, func(r rune) bool { return isUnsafe(r) && r != '\n' && r != '\t' })
}

// Any string is safe after Clean and in JSON, and JSON keeps it.
func FuzzString(f *testing.F) {
	for _, tt := range hostile {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := Clean(s); !isSafe([]byte(got)) || Clean(got) != got {
			t.Errorf("Clean(%q) = %q", s, got)
		}
		made, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{AppendJSON(nil, s), AppendJSON(nil, []byte(s)), EscapeJSON(nil, made)} {
			var back string
			if err := json.Unmarshal(text, &back); err != nil || back != strings.ToValidUTF8(back, "") {
				t.Fatalf("%s: %v", text, err)
			}
			if !isSafe(text) || bytes.ContainsAny(text, "\n\t") || utf8.ValidString(s) && back != s {
				t.Errorf("%q as JSON: %s", s, text)
			}
		}
	})
}
