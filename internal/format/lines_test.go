package format

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 3*bufferLen)
	for _, tt := range []struct {
		name, in string
		want     string // number:line, with a ! if it lacks its end
		err      error
	}{
		{"nothing", "", "", io.EOF},
		{"blank lines", "\n \r\n\t\n", "", io.EOF},
		{"two", "a\n\n b c \r\n", "1:a 3:b c", io.EOF},
		{"without an end", "a\nb", "1:a 2:b!", io.EOF},
		{"long", "a\n" + long + "\nb\n", "1:a 2:" + long + " 3:b", io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := NewLines(iotest.OneByteReader(strings.NewReader(tt.in)))
			var got []string
			for {
				line, whole, err := l.Next()
				if err != nil {
					if err != tt.err {
						t.Errorf("%v, want %v", err, tt.err)
					}
					break
				}
				end := ""
				if !whole {
					end = "!"
				}
				got = append(got, fmt.Sprintf("%d:%s%s", l.Number(), line, end))
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("%.200q, want %.200q", got, tt.want)
			}
			if _, _, err := l.Next(); err != tt.err {
				t.Errorf("the end is %v", err)
			}
		})
	}
}

func TestLinesErrors(t *testing.T) {
	broken := errors.New("broken")
	for want, in := range map[error]io.Reader{
		broken: io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)),
		ErrCut: io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(io.ErrUnexpectedEOF)),
	} {
		l := NewLines(in)
		if _, _, err := l.Next(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if line, _, err := l.Next(); !errors.Is(err, want) {
				t.Errorf("%q, %v; want %v", line, err, want)
			}
		}
	}
	l := NewLines(strings.NewReader("a\n" + strings.Repeat("x", MaxLine+2*bufferLen)))
	_, _, _ = l.Next()
	if _, _, err := l.Next(); err == nil || !strings.HasPrefix(err.Error(), "line 2: longer than") {
		t.Error(err)
	}
	var line *LineError
	if err := l.Fault(broken); !errors.As(err, &line) || line.Line != 2 || !errors.Is(err, broken) || err.Error() != "line 2: broken" {
		t.Error(err)
	}
	if err := l.Cut(); err != ErrCut {
		t.Error(err)
	}
	if _, _, err := l.Next(); err != ErrCut {
		t.Error(err)
	}
}
