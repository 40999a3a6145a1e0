package target_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/masstrace/masstrace/internal/target"
)

func read(t testing.TB, text string) *target.Lines {
	t.Helper()
	l := new(target.Lines)
	if err := l.Read("list.txt", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return l
}

func text(s target.Set) string {
	b, _ := s.AppendText(nil)
	return string(b)
}

// packed returns a text compressed, as a file with that ending has it.
func packed(ending, text string) string {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	switch ending {
	case "zst":
		w, _ = zstd.NewWriter(&b)
	case "xz":
		w, _ = xz.NewWriter(&b)
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func TestRead(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"nothing", "", ""},
		{"blank lines and comments", "\n  \n# all\n\t# more\n", ""},
		{"address", "192.0.2.1\n", "192.0.2.1-192.0.2.1\n"},
		{"no line end", "192.0.2.1", "192.0.2.1-192.0.2.1\n"},
		{"comments of Spamhaus", "; DROP\n192.0.2.1 ; SBL1\n", "192.0.2.1-192.0.2.1\n"},
		{"gzip", packed("gz", "192.0.2.1\n192.0.2.4 # b\n"), "192.0.2.1-192.0.2.1\n192.0.2.4-192.0.2.4\n"},
		{"Zstandard", packed("zst", "192.0.2.1\n"), "192.0.2.1-192.0.2.1\n"},
		{"trailing comment", "192.0.2.1# a\n192.0.2.2 # b\n", "192.0.2.1-192.0.2.2\n"},
		{"CRLF and byte order mark", "\ufeff192.0.2.1\r\n192.0.2.4\r\n", "192.0.2.1-192.0.2.1\n192.0.2.4-192.0.2.4\n"},
		{"CR", "192.0.2.1\r192.0.2.4\r", "192.0.2.1-192.0.2.1\n192.0.2.4-192.0.2.4\n"},
		{"all line ends", "192.0.2.1\r\n192.0.2.3\n\r192.0.2.5\r\r\n192.0.2.7", "192.0.2.1-192.0.2.1\n192.0.2.3-192.0.2.3\n192.0.2.5-192.0.2.5\n192.0.2.7-192.0.2.7\n"},
		{"xz", packed("xz", "192.0.2.1\r\n192.0.2.4 # b\n"), "192.0.2.1-192.0.2.1\n192.0.2.4-192.0.2.4\n"},
		{"spaces", "  192.0.2.1\t\n", "192.0.2.1-192.0.2.1\n"},
		{"prefix", "192.0.2.0/25", "192.0.2.0-192.0.2.127\n"},
		{"host bits", "192.0.2.77/25", "192.0.2.0-192.0.2.127\n"},
		{"range", "192.0.2.3-192.0.2.9\n192.0.2.20 - 192.0.2.21", "192.0.2.3-192.0.2.9\n192.0.2.20-192.0.2.21\n"},
		{"merged", "192.0.2.0/26\n192.0.2.64/26\n192.0.2.16/28\n192.0.2.128", "192.0.2.0-192.0.2.128\n"},
		{"all IPv4", "0.0.0.0/0", "0.0.0.0-255.255.255.255\n"},
		{"IPv6", "2001:DB8::1\n2001:db8:1::/48\n2001:db8::2-2001:db8::5", "2001:db8::1-2001:db8::5\n2001:db8:1::-2001:db8:1:ffff:ffff:ffff:ffff:ffff\n"},
		{"mixed", "2001:db8::1\n192.0.2.1\n", "192.0.2.1-192.0.2.1\n2001:db8::1-2001:db8::1\n"},
		{"all IPv6 has no IPv4 in it", "::/0", "::1-::fffe:ffff:ffff\n::1:0:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n"},
		{"families do not merge", "::/0\n0.0.0.0/0", "::1-::fffe:ffff:ffff\n0.0.0.0-255.255.255.255\n::1:0:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n"},
		{"entries of a list of bogons", "::\n::/128\n::ffff:0:0/96\n::1", "::1-::1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := text(read(t, tt.in).Set()); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"word", "192.0.2.1\n# x\nexample.com\n", `list.txt:3: "example.com" is a name and not an address: resolve it first`},
		{"octet", "192.0.2.256", `list.txt:1: "192.0.2.256" is not an address: IPv4 field has value >255`},
		{"leading zero", "192.0.2.01", `list.txt:1: "192.0.2.01" is not an address: IPv4 field has octet with leading zero`},
		{"two on a line", "192.0.2.1 192.0.2.2", `list.txt:1: "192.0.2.1 192.0.2.2" is not an address: unexpected character (at " 192.0.2.2")`},
		{"short", "192.0.2", `list.txt:1: "192.0.2" is not an address: IPv4 address too short`},
		{"length", "192.0.2.0/33", `list.txt:1: prefix length 33 is over 32`},
		{"length 6", "2001:db8::/129", `list.txt:1: prefix length 129 is over 128`},
		{"no length", "192.0.2.0/", `list.txt:1: "" is not a prefix length`},
		{"signed length", "192.0.2.0/+8", `list.txt:1: "+8" is not a prefix length`},
		{"length with zero", "192.0.2.0/08", `list.txt:1: "08" is not a prefix length`},
		{"netmask", "192.0.2.0/255.255.255.0", `list.txt:1: "255.255.255.0" is not a prefix length`},
		{"zone", "fe80::1%eth0", `list.txt:1: "fe80::1%eth0" has a zone`},
		{"zone in prefix", "fe80::%eth0/64", `list.txt:1: "fe80::%eth0" has a zone`},
		{"mapped", "::ffff:192.0.2.1", `list.txt:1: IPv4-mapped IPv6 address: write it as IPv4`},
		{"mapped prefix", "::ffff:192.0.2.0/120", `list.txt:1: IPv4-mapped IPv6 address: write it as IPv4`},
		{"mapped with host bits", "::ffff:192.0.2.0/96", `list.txt:1: IPv4-mapped IPv6 address: write it as IPv4`},
		{"mapped range", "::1-::ffff:192.0.2.1", `list.txt:1: IPv4-mapped IPv6 address: write it as IPv4`},
		{"range backwards", "192.0.2.9-192.0.2.3", `list.txt:1: range ends before it begins: 192.0.2.3 is less than 192.0.2.9`},
		{"range of two families", "192.0.2.9-::1", `list.txt:1: range mixes IPv4 and IPv6`},
		{"range of prefixes", "192.0.2.0/25-192.0.3.0/25", `list.txt:1: "25-192.0.3.0/25" is not a prefix length`},
		{"open range", "192.0.2.9-", `list.txt:1: "" is not an address`},
		{"BOM not at the start", "192.0.2.1\n\ufeff192.0.2.1", "list.txt:2: \"\\ufeff192.0.2.1\" is not an address: unexpected character (at \"\\ufeff192.0.2.1\")"},
		{"UTF-16", "\xff\xfe1\x009\x00", "list.txt: the text is UTF-16: convert it to UTF-8"},
		{"UTF-16, most significant octet first", "\xfe\xff\x001", "list.txt: the text is UTF-16: convert it to UTF-8"},
		{"UTF-16 without a mark", "1\x009\x00", "list.txt: the text is UTF-16: convert it to UTF-8"},
		{"UTF-16 without a mark, most significant octet first", "\x001\x009", "list.txt: the text is UTF-16: convert it to UTF-8"},
		{"line after several line ends", "192.0.2.1\r\n\r\rnonsense", `list.txt:4: "nonsense" is not an address`},
		{"cut gzip", packed("gz", strings.Repeat("192.0.2.1\n", 100))[:30], "list.txt:101: unexpected EOF"},
		{"gzip of nonsense", packed("gz", "\x00\n"), `list.txt:1: "\x00" is not an address`},
		{"NUL", "192.0.2.1\x00", `list.txt:1: "192.0.2.1\x00" is not an address: unexpected character (at "\x00")`},
		{"long line", "192.0.2.1\n" + strings.Repeat("x", 70000), `list.txt:2: line is longer than 65536 bytes`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := new(target.Lines).Read("list.txt", strings.NewReader(tt.in))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// The part of a bad line that an error quotes has a limited length.
func TestReadErrorIsShort(t *testing.T) {
	for _, in := range []string{strings.Repeat("9", 60000), strings.Repeat("\x00", 60000), "1.2.3.4/" + strings.Repeat("9", 60000)} {
		err := new(target.Lines).Read("list.txt", strings.NewReader(in))
		if err == nil || len(err.Error()) > 1000 {
			t.Errorf("%.40q: error of %d octets", in, len(err.Error()))
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// A line of any length costs one buffer. A reader's error is returned.
func TestReadLongLineMemory(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("192.0.2.1\n"), bytes.NewReader(make([]byte, 10<<20)))
	before := testing.AllocsPerRun(1, func() {
		err := new(target.Lines).Read("list.txt", io.MultiReader(endless, failing{errors.New("read too far")}))
		if err == nil || strings.Contains(err.Error(), "too far") {
			t.Errorf("got %v", err)
		}
	})
	if before > 50 {
		t.Errorf("%v allocations", before)
	}
	err := new(target.Lines).Read("list.txt", failing{io.ErrUnexpectedEOF})
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), "list.txt:1: ") {
		t.Errorf("got %v", err)
	}
}

func TestHostBits(t *testing.T) {
	l := read(t, "192.0.2.0/24\n192.0.2.1/24\n2001:db8::1/64\n192.0.2.1/32\n")
	if n, first := l.HostBits(); n != 2 || first != "list.txt:2" {
		t.Errorf("HostBits = %d, %q", n, first)
	}
}

// The canonical text of a set gives the same set when read. Single lines are compared with
// net/netip.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"192.0.2.1\n", "192.0.2.0/24 # x\r\n::/0\n", "\ufeff2001:db8::-2001:db8::ffff", "0.0.0.0/0\n0.0.0.0",
		"::ffff:0:0/96", "fe80::1%a", "1.2.3.4/0", "1.2.3.4/+0", "#", "255.255.255.255-255.255.255.255",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var l, again target.Lines
		err := l.Read("x", strings.NewReader(in))
		line := strings.TrimSpace(in)
		if a, e := netip.ParseAddr(line); e == nil && (err == nil) != (a.Zone() == "" && !a.Is4In6()) {
			t.Fatalf("%q: %v", in, err)
		}
		if p, e := netip.ParsePrefix(line); e == nil && !p.Addr().Is4In6() && err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if err != nil {
			return
		}
		want := text(l.Set())
		if err := again.Read("y", strings.NewReader(want)); err != nil {
			t.Fatalf("%q became %q: %v", in, want, err)
		}
		if got := text(again.Set()); got != want || l.Set().Digest() != again.Set().Digest() {
			t.Fatalf("%q became %q, then %q", in, want, got)
		}
	})
}

// Line ends are the same, however the text is cut into reads.
func TestLineEnds(t *testing.T) {
	const in, want = "a\r\nb\rc\n\nd\r\r\ne\n\rf\r", "a\nb\nc\n\nd\n\ne\n\nf\n"
	for name, r := range map[string]io.Reader{
		"at once": strings.NewReader(in), "single octets": iotest.OneByteReader(strings.NewReader(in)), "halves": iotest.HalfReader(strings.NewReader(in)),
	} {
		text, err := target.OpenText(r)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(text); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

// The text of lines comes in whole lines, and gives the same targets when it is read again.
func TestText(t *testing.T) {
	l := read(t, "45.1.2.3\n45.1.2.0/30\n2a00::/64\n10.9.8.7\n2a00:1::1-2a00:1::9\n45.1.2.9\n2a00:7::7\n")
	for _, most := range []int{1, 20, 1 << 20} {
		again, parts := new(target.Lines), 0
		for text := range l.Text(most) {
			parts++
			if len(text) > most+100 || text[len(text)-1] != '\n' {
				t.Errorf("at most %d octets: %q", most, text)
			}
			if err := again.Read("text", bytes.NewReader(text)); err != nil {
				t.Error(err)
			}
		}
		if again.Digest() != l.Digest() || most == 1 && parts != 7 || most > 1000 && parts != 1 {
			t.Errorf("at most %d octets: other targets, in %d parts", most, parts)
		}
	}
	set, all := l.Set(), ""
	for part := range set.Text(30) {
		all += string(part)
	}
	if all != text(set) {
		t.Errorf("a set has the text %q, want %q", all, text(set))
	}
}
