package intake_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/masstrace/masstrace/internal/intake"
)

// ranges returns the text of the listed addresses.
func ranges(l *intake.Lists) string {
	b, _ := l.Set().AppendText(nil)
	return string(b)
}

func TestArgs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, content := range map[string]string{
		"a.txt": "192.0.2.1\n", "192.0.2.9": "203.0.113.1\n", "bad": "192.0.2.1\n\nnonsense\n", "secret": "",
	} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("d", 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		args    []string
		want    string
		wantErr string
	}{
		{name: "none"},
		{name: "file", args: []string{"a.txt"}, want: "192.0.2.1-192.0.2.1\n"},
		{name: "file by its path", args: []string{filepath.Join(dir, "a.txt")}, want: "192.0.2.1-192.0.2.1\n"},
		{name: "an address though a file has its name", args: []string{"192.0.2.9"}, want: "192.0.2.9-192.0.2.9\n"},
		{name: "that file", args: []string{"./192.0.2.9"}, want: "203.0.113.1-203.0.113.1\n"},
		{name: "prefix, range, stdin", args: []string{"10.0.0.0/8", "-", "11.0.0.0-11.0.0.1"}, want: "10.0.0.0-11.0.0.1\n2001:db8::1-2001:db8::1\n"},
		{name: "stdin twice", args: []string{"-", "-"}, wantErr: "standard input (-) is named twice"},
		{name: "bad line", args: []string{"a.txt", "bad"}, wantErr: `bad:3: "nonsense" is not an address`},
		{name: "missing", args: []string{"none.txt"}, wantErr: `open none.txt: no such file or directory`},
		{name: "bad prefix", args: []string{"10.0.0.0/33"}, wantErr: "10.0.0.0/33 is neither a file nor a target: prefix length 33 is over 32"},
		{name: "directory", args: []string{"d"}, wantErr: "read list d: is a directory"},
		{name: "file below a file", args: []string{"a.txt/b"}, wantErr: "open a.txt/b: not a directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := intake.Read(t.Context(), intake.Config{Args: tt.args, Stdin: strings.NewReader("2001:db8::1\n")})
			if tt.wantErr != "" {
				if err == nil || err.Error() != tt.wantErr {
					t.Errorf("got  %v\nwant %s", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := ranges(l); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

// write makes a file in the current folder.
func write(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// packed returns a text in a compression.
func packed(t testing.TB, ending, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch ending {
	case "gz":
		w = gzip.NewWriter(&b)
	case "zst":
		w, err = zstd.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// table is a routing table with the routes 0.0.0.0/0, 198.51.100.0/24 and 2001:db8::/32, without
// paths (RFC 6396 §4.3.2).
var table = "\x00\x00\x00\x01\x00\x0d\x00\x02\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x01\x00\x0d\x00\x02\x00\x00\x00\x0a\x00\x00\x00\x01\x18\xc6\x33\x64\x00\x00" +
	"\x00\x00\x00\x01\x00\x0d\x00\x04\x00\x00\x00\x0b\x00\x00\x00\x02\x20\x20\x01\x0d\xb8\x00\x00"

// Files are recognised by their content, and not by their names.
func TestContent(t *testing.T) {
	t.Chdir(t.TempDir())
	const routes = "198.51.100.0-198.51.100.255\n2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\n"
	tests := []struct {
		name   string
		in     []byte
		column string
		want   string
		err    string
	}{
		{name: "hitlist", in: []byte("2001:db8::1\n2001:db8::5\n"), want: "2001:db8::1-2001:db8::1\n2001:db8::5-2001:db8::5\n"},
		{name: "hitlist, xz", in: packed(t, "xz", "2001:db8::1\r2001:db8::5"), want: "2001:db8::1-2001:db8::1\n2001:db8::5-2001:db8::5\n"},
		{name: "hitlist, gzip, cut", in: packed(t, "gz", "2001:db8::1\n")[:20], err: "f:1: unexpected EOF"},
		{name: "gzip, cut in the header", in: packed(t, "gz", "x")[:5], err: "f:1: unexpected EOF"},
		{name: "routes", in: []byte(table), want: routes},
		{name: "routes, gzip", in: packed(t, "gz", table), want: routes},
		{name: "routes beside a column", in: []byte(table), column: "ip", want: routes},
		{name: "no routes", in: []byte("\x00\x00\x00\x01\x00\x0d\x00\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00"), err: "f: the routing table has no route"},
		{name: "routes, cut", in: []byte(table[:len(table)-3]), err: "f: record at offset 41: unexpected EOF"},
		{name: "traces", in: []byte(traces), want: "192.0.2.1-192.0.2.1\n192.0.2.4-192.0.2.4\n192.0.2.9-192.0.2.9\n"},
		{name: "traces, zst", in: packed(t, "zst", traces), want: "192.0.2.1-192.0.2.1\n192.0.2.4-192.0.2.4\n192.0.2.9-192.0.2.9\n"},
		{name: "traces, cut", in: []byte(traces[:len(traces)-9]), err: "f is cut, behind 3 traces: the last record is cut"},
		{name: "run without traces", in: []byte(runLine), err: "f has no traces and no replies"},
		{name: "no results", in: []byte("{\"a\": 1}\n"), err: "f: unknown format: none of ndjson, atlas, mtr, warts, parquet, scamper, traceroute, caracal, yarrp"},
		{name: "address in brackets", in: []byte("[2001:db8::1]\n"), err: `f:1: "[2001:db8::1]" has brackets: give the address alone`},
		{name: "CSV without a column", in: []byte("addr,as\n192.0.2.1,1\n"), err: `f:1: "addr,as" is not an address; if this is CSV, name the column that has the targets, one of addr, as`},
		{name: "commas in a later line", in: []byte("192.0.2.1\na,b\n"), err: `f:2: "a,b" is not an address`},
		{name: "UTF-16", in: []byte("\xff\xfe1\x00"), err: "f: the text is UTF-16: convert it to UTF-8"},

		{name: "comma", column: "addr", in: []byte("as,addr\n1,192.0.2.1\n2,\"192.0.2.4\"\n"), want: "192.0.2.1-192.0.2.1\n192.0.2.4-192.0.2.4\n"},
		{name: "tabs, mark and CRLF", column: "addr", in: []byte("\ufeffaddr\tas\r\n192.0.2.1\t1,2\r\n192.0.2.4\t3\r\n"), want: "192.0.2.1-192.0.2.1\n192.0.2.4-192.0.2.4\n"},
		{name: "semicolons and CR", column: "My Addr", in: []byte("as;\"My Addr\"\r1;192.0.2.1\r2;\"192.0.2.4\"\r"), want: "192.0.2.1-192.0.2.1\n192.0.2.4-192.0.2.4\n"},
		{name: "bars and spaces", column: "addr", in: []byte("# as | addr\n1 | 192.0.2.1\n"), want: "192.0.2.1-192.0.2.1\n"},
		{name: "one column", column: "addr", in: []byte("addr\n192.0.2.0/30\n192.0.2.8-192.0.2.9\n"), want: "192.0.2.0-192.0.2.3\n192.0.2.8-192.0.2.9\n"},
		{name: "name in capitals", column: "ADDR", in: []byte("addr,x\n192.0.2.1\n"), want: "192.0.2.1-192.0.2.1\n"},
		{name: "lines within quotes", column: "b", in: []byte("a,b\n\"x\ny, z\",192.0.2.1\n"), want: "192.0.2.1-192.0.2.1\n"},
		{name: "quotes within a field", column: "b", in: []byte("a,b\nx \"y\" z,192.0.2.1\n"), want: "192.0.2.1-192.0.2.1\n"},
		{name: "compressed column", column: "a", in: packed(t, "xz", "a\n192.0.2.1\n"), want: "192.0.2.1-192.0.2.1\n"},
		{name: "missing column", column: "ip", in: []byte("as,addr\n"), err: `f has no column "ip"; its columns are as, addr`},
		{name: "two columns in the wrong case", column: "ADDR", in: []byte("addr,Addr\n"), err: `f has no column "ADDR"; its columns are addr, Addr`},
		{name: "no header", column: "ip", in: nil, err: "f is empty: a header with the names of the columns is missing"},
		{name: "bad cell", column: "b", in: []byte("a,b\n\"1\n2\",192.0.2.1\n3,192.0.2.300\n"), err: `f:4: "192.0.2.300" is not an address: IPv4 field has value >255`},
		{name: "endless quote", column: "b", in: []byte("a,b\n\"" + strings.Repeat("x\n", 1<<20)), err: "f: a row is longer than 1048576 bytes: a quote is not closed"},
		{name: "UTF-16 column", column: "b", in: []byte("a\x00,\x00b\x00"), err: "f: the text is UTF-16: convert it to UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			write(t, "f", tt.in)
			l, err := intake.Read(t.Context(), intake.Config{Args: []string{"f"}, Column: tt.column})
			if tt.err != "" || err != nil {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got  %v\nwant %s", err, tt.err)
				}
				return
			}
			if got := ranges(l); got != tt.want || len(l.Warnings) > 0 {
				t.Errorf("got\n%swant\n%s%v", got, tt.want, l.Warnings)
			}
			in, err := intake.Read(t.Context(), intake.Config{Args: []string{"-"}, Stdin: bytes.NewReader(tt.in), Column: tt.column})
			if err != nil || ranges(in) != tt.want {
				t.Errorf("standard input: %v", err)
			}
		})
	}
}

// Rows without a value are left out, and counted.
func TestEmptyCells(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "f.csv", []byte("a,b\n1,192.0.2.1\n2,\n3\n4, \n"))
	l, err := intake.Read(t.Context(), intake.Config{Args: []string{"f.csv"}, Column: "b"})
	want := []string{"f.csv: rows without a value in column b are left out (3), the first at f.csv:3"}
	if err != nil || !slices.Equal(l.Warnings, want) || ranges(l) != "192.0.2.1-192.0.2.1\n" {
		t.Errorf("%v, %v; want %v", l.Warnings, err, want)
	}
}

func TestFamily(t *testing.T) {
	for family, want := range map[intake.Family]string{
		intake.Both: "10.0.0.0-10.0.0.1\n10.0.0.9-10.0.0.9\n2001:db8::-2001:db8::1\n2001:db8::9-2001:db8::9\n",
		intake.IPv4: "10.0.0.0-10.0.0.1\n10.0.0.9-10.0.0.9\n",
		intake.IPv6: "2001:db8::-2001:db8::1\n2001:db8::9-2001:db8::9\n",
	} {
		l, err := intake.Read(t.Context(), intake.Config{Args: []string{"2001:db8::9", "2001:db8::/127", "10.0.0.9", "10.0.0.0/31"}, Family: family})
		if err != nil || ranges(l) != want {
			t.Errorf("family %d: %s, %v; want %s", family, ranges(l), err, want)
		}
	}
}

// Any content of a file gives targets or an error that names the file, in bounded memory.
func FuzzFile(f *testing.F) {
	for _, text := range []string{table, traces, "a,b\n1,192.0.2.1\n", "192.0.2.1\rexample.com\r", "\xfd7zXZ\x00", "a\t\"b\n"} {
		f.Add([]byte(text), "")
		f.Add([]byte(text), "b")
	}
	f.Fuzz(func(t *testing.T, in []byte, column string) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := intake.Read(t.Context(), intake.Config{Args: []string{"-"}, Stdin: bytes.NewReader(in), Column: column, Names: zone{}})
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 256<<20 {
			t.Fatalf("%d octets of input took %d octets of memory", len(in), took)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "stdin") && !strings.Contains(err.Error(), "name") {
			t.Fatalf("the error does not name the file: %v", err)
		}
	})
}
