package tabular

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteText(t *testing.T) {
	tests := []struct {
		name string
		in   Table
		want string
	}{
		{name: "empty"},
		{name: "numbers between words", in: Table{Columns: "rrrl", Indent: "  ", Rows: [][]string{
			{"sent", "1,250,003", "", "in 14 s"}, {"answered", "7", "80.00 %", "in time"}, {"silent", "12", "", ""},
		}}, want: `
      sent  1,250,003           in 14 s
  answered          7  80.00 %  in time
    silent         12
`},
		{name: "a head", in: Table{Columns: "r", Head: []string{"TTL", "not sent"}, Rows: [][]string{{"1", "0"}, {"10", "123456789"}}}, want: `
TTL   not sent
  1          0
 10  123456789
`},
		{name: "a short row widens nothing", in: Table{Columns: "l", Rows: [][]string{
			{"source", "192.0.2.1 by uplink0"}, {"rate", "5 pps", "in bursts"}, {"time", "1.5 s", "at most"},
		}}, want: `
source  192.0.2.1 by uplink0
rate    5 pps  in bursts
time    1.5 s  at most
`},
		{name: "characters, not octets", in: Table{Columns: "lr", Rows: [][]string{{"10⁵×", "1"}, {"abcde", "22"}}}, want: `
10⁵×    1
abcde  22
`},
		{name: "words that go on", in: Table{Columns: "rl", Indent: "  ", Width: 32, Rows: [][]string{
			{"sent", "in 14 s, at so many per second"}, {"not sent", "refused by the kernel"}, {}, {"10", "a-word-that-is-wider-than-the-room, and more"},
		}}, want: `
      sent  in 14 s, at so many
            per second
  not sent  refused by the
            kernel

        10  a-word-that-is-wider-than-the-room,
            and more
`},
		{name: "no columns named", in: Table{Rows: [][]string{{"a", "b"}, {"aa", "b"}}}, want: `
a   b
aa  b
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got strings.Builder
			if err := tt.in.WriteText(&got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), got.String()); diff != "" {
				t.Errorf("WriteText (-want +got):\n%s", diff)
			}
		})
	}
}

// full is a writer that takes nothing.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteTextError(t *testing.T) {
	table := Table{Rows: [][]string{{"a"}}}
	if err := table.WriteText(full{}); !errors.Is(err, errFull) {
		t.Errorf("WriteText = %v, want %v", err, errFull)
	}
}

func TestMarkdown(t *testing.T) {
	table := Table{Columns: "lr", Indent: "  ", Head: []string{"what", "ns"}}
	table.Add("Encode/10⁵", Number(3_000_000))
	table.Add("x", Number(7.125))
	const want = `| what       |        ns |
|------------|----------:|
| Encode/10⁵ | 3,000,000 |
| x          |      7.12 |
`
	if diff := cmp.Diff(want, table.Markdown()); diff != "" {
		t.Errorf("Markdown (-want +got):\n%s", diff)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 12345678: "12,345,678"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 7: "7", 7.125: "7.12", 42.25: "42.2", 99: "99", 1234.5: "1,234", 3e6: "3,000,000"} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestShares(t *testing.T) {
	for got, want := range map[string]string{
		Percent(1, 3): "33.33 %", Percent(0, 3): "0.00 %", Percent(3, 3): "100.00 %", Percent(1, 0): "", Ratio(1.5): "1.50×",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
