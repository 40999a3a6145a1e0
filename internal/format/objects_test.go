package format

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestObjects(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     string // line:object, and line! for a fault
		err      error
	}{
		{"nothing", "", "", io.EOF},
		{"blanks", " \r\n\t", "", io.EOF},
		{"lines", "{}\n\n{\"a\":1}\n", `1:{} 3:{"a":1}`, io.EOF},
		{"no newline", "{}{}", "1:{} 1:{}", io.EOF},
		{"an array", "[{},{\"a\":[{}]},\n {}]\n", `1:{} 1:{"a":[{}]} 2:{}`, io.EOF},
		{"an empty array", "[]", "", io.EOF},
		{"a byte order mark", "\ufeff[{}]", "1:{}", io.EOF},
		{"strings", `{"}":"{\"\\"}` + "\n{}", `1:{"}":"{\"\\"} 2:{}`, io.EOF},
		{"over lines", "{\n\"a\":\n1}\n{}", "1:{\n\"a\":\n1} 4:{}", io.EOF},
		{"a cut array", "[{},", "1:{}", ErrCut},
		{"a cut object", "{}\n{\"a\"", "1:{}", ErrCut},
		{"other text", "{}\nhello {}\n{}\n", "1:{} 2! 3:{}", io.EOF},
		{"other text at the end", "{}\nhello", "1:{} 2!", io.EOF},
		{"a line that is cut", "{\"a\":\"b\n{}\n", "1! 2:{}", io.EOF},
		{"too long", "{}\n{\"a\":\"" + strings.Repeat("x", 50), "1:{}", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := NewObjects(iotest.OneByteReader(strings.NewReader(tt.in)), 30)
			var got []string
			for {
				object, err := o.Next()
				var line *LineError
				if errors.As(err, &line) {
					got = append(got, fmt.Sprintf("%d!", line.Line))
					continue
				}
				if err != nil {
					if _, again := o.Next(); again != err || tt.err != nil && err != tt.err || tt.err == nil && !strings.HasPrefix(err.Error(), "line 2: ") {
						t.Errorf("%v, then %v; want %v", err, again, tt.err)
					}
					break
				}
				got = append(got, fmt.Sprintf("%d:%s", o.start, object))
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	broken := errors.New("broken")
	for want, in := range map[error]error{broken: broken, ErrCut: io.ErrUnexpectedEOF} {
		if _, err := NewObjects(iotest.ErrReader(in), 30).Next(); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
}
