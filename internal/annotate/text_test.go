package annotate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/masstrace/masstrace/internal/record"
)

// textAnnotator knows 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/25 and 2001:db8::/32.
func textAnnotator(t testing.TB) *Annotator {
	return annotator(t, Config{
		ASN: []string{file(t, "m", mmdbOf(t, "A", asnNetworks[:1])), file(t, "p", []byte(pfx2as))}, IXP: []string{file(t, "x", []byte(dump))},
	})
}

// filtered returns the text that a filter makes of in.
func filtered(t testing.TB, a *Annotator, in io.Reader) string {
	t.Helper()
	var out bytes.Buffer
	if err := a.Text(t.Context(), in, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// < and > in these lines stand where the label goes: <64500> is [AS64500].
func TestText(t *testing.T) {
	const big = "[AS64600 Big Net]"
	a := textAnnotator(t)
	for in, want := range map[string]string{
		"192.0.2.1":                 "192.0.2.1 " + big,
		" 3  gw (192.0.2.1)  1 ms":  " 3  gw (192.0.2.1) " + big + "  1 ms",
		"192.0.2.1:80 x":            "192.0.2.1:80 " + big + " x",
		"192.0.2.1, 192.0.2.2.":     "192.0.2.1 " + big + ", 192.0.2.2 " + big + ".",
		"192.0.2.1: ok":             "192.0.2.1 " + big + ": ok",
		"http://192.0.2.1/x":        "http://192.0.2.1 " + big + "/x",
		"http://192.0.2.1:8080/x":   "http://192.0.2.1:8080 " + big + "/x",
		"inet 192.0.2.1/24 brd":     "inet 192.0.2.1/24 " + big + " brd",
		"src=192.0.2.1 a@192.0.2.1": "src=192.0.2.1 " + big + " a@192.0.2.1 " + big,
		"198.51.100.1":              "198.51.100.1 [AS64501/AS64502 Named]",
		"203.0.113.10 203.0.113.1":  "203.0.113.10 [AS64510 Member, Example-IX \"Süd\"] 203.0.113.1 [Example-IX \"Süd\"]",
		"2001:db8::1":               "2001:db8::1 [AS64505]",
		"[2001:db8::1]:443":         "[2001:db8::1]:443 [AS64505]",
		"[2001:db8::1] x":           "[2001:db8::1] [AS64505] x",
		"2001:DB8:: up":             "2001:DB8:: [AS64505] up",
		"2001:db8::1%eth0/64":       "2001:db8::1%eth0/64 [AS64505]",
		"<2001:db8::1>.":            "<2001:db8::1> [AS64505].",
		// tcpdump
		"IP 192.0.2.1.443 > 198.51.100.1.5353: Flags": "IP 192.0.2.1.443 " + big + " > 198.51.100.1.5353 [AS64501/AS64502 Named]: Flags",
		"IP6 2001:db8::1.443 > 2001:db8::2.http: S":   "IP6 2001:db8::1.443 [AS64505] > 2001:db8::2.http [AS64505]: S",
		"IP 192.0.2.1 > 192.0.2.2: ICMP":              "IP 192.0.2.1 " + big + " > 192.0.2.2 " + big + ": ICMP",
		// again
		"192.0.2.1 " + big: "192.0.2.1 " + big,
		// none
		"192.0.2.1.5": "", "1.192.0.2.1": "", "v192.0.2.1": "", "192.0.2.1a": "", "x-192.0.2.1": "", "lib-192.0.2.1.tar.gz": "", "192.0.2.1-3": "",
		"nginx/192.0.2.1": "", "version 192.0.2.1": "", "192.0.2": "", "192.0.2.256": "", "192.00.2.1": "", "8.8.8.8": "", "192.0.2.1:99999": "",
		"20:01:0d:b8:00:00:00:01": "", "00:11:22:33:44:55": "", "12:34:56": "", "2001:db8::g": "", "std::abc": "", "2001:db8": "", "ä192.0.2.1": "",
		"_192.0.2.1": "", "192.0.2.1_": "", "": "", ".": "", ":": "", "::": "", "/": "", "[]": "", "192.0.2.1:": "192.0.2.1 " + big + ":",
	} {
		if want == "" {
			want = in
		}
		for _, end := range []string{"", "\n", "\r\n", "\n\n", "\x00\n", "\xff\n"} {
			if got := filtered(t, a, strings.NewReader(in+end)); got != want+end && end != "\xff\n" {
				t.Errorf("%q is %q, want %q", in+end, got, want+end)
			}
		}
	}
}

// Octets that are no addresses stay as they are, in lines of any length, and however they come.
func TestTextIsKept(t *testing.T) {
	a := textAnnotator(t)
	const label = " [AS64600 Big Net]"
	long := strings.Repeat("x 192.0.2.1\xff,", 3*longestTextLine/13)
	word := strings.Repeat("1.", longestTextLine)
	for _, in := range []string{long, long + "\n" + long, word + "192.0.2.1 192.0.2.1\r\n", word + "\n192.0.2.1", strings.Repeat("\n", 5), "\x1b[31m\xc3\x28\n"} {
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in)), iotest.DataErrReader(strings.NewReader(in))} {
			got := filtered(t, a, r)
			if plain := strings.ReplaceAll(got, label, ""); plain != in {
				t.Errorf("%d octets became %d others", len(in), len(plain))
			}
			if n, want := strings.Count(got, label), strings.Count(in, "192.0.2.1\xff")+strings.Count(in, " 192.0.2.1\r")+strings.Count(in, "\n192.0.2.1"); strings.HasPrefix(in, "1") && n != want {
				t.Errorf("%d labels, want %d", n, want)
			}
		}
	}
}

// Each line is written before the next one is waited for.
func TestTextFlushes(t *testing.T) {
	in, lines := io.Pipe()
	out, written := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- textAnnotator(t).Text(context.Background(), in, written)
		written.Close()
	}()
	buf := make([]byte, 100)
	for range 3 {
		if _, err := io.WriteString(lines, "192.0.2.1\n"); err != nil {
			t.Fatal(err)
		}
		n, err := out.Read(buf)
		if got := string(buf[:n]); err != nil || got != "192.0.2.1 [AS64600 Big Net]\n" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	lines.Close()
	if _, err := out.Read(buf); err != io.EOF {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A fault of the input or the output, and the end of the context, end the text.
func TestTextEnds(t *testing.T) {
	a, fault := textAnnotator(t), errors.New("fault")
	if err := a.Text(t.Context(), iotest.ErrReader(fault), io.Discard); !errors.Is(err, fault) {
		t.Error(err)
	}
	if err := a.Text(t.Context(), strings.NewReader("x\n"), failing{fault}); !errors.Is(err, fault) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Text(ctx, strings.NewReader("x\n"), io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Names from a database cannot control a terminal.
func TestLabel(t *testing.T) {
	a := annotator(t, Config{Names: []string{file(t, "n", []byte("192.0.2.1,a\x1b[31m\u202eb\n"))}})
	if got := filtered(t, a, strings.NewReader("192.0.2.1")); got != `192.0.2.1 [a\x1b[31m\u202eb]` {
		t.Errorf("%q", got)
	}
	for want, n := range map[string]*record.Annotation{
		"": {}, "DE": {Country: "DE"}, "n": {Country: "DE", Name: "n"}, "AS1": {ASN: []uint32{1}, Name: "n"}, "X": {IXP: "X"},
		"AS1/AS2/AS3/AS4/AS5/... N, X": {ASN: []uint32{1, 2, 3, 4, 5, 6, 7}, ASName: "N", IXP: "X"},
	} {
		if got := Label(n); got != want {
			t.Errorf("%+v: %q, want %q", n, got, want)
		}
	}
	if Label(nil) != "" {
		t.Error("nil has a label")
	}
}

// FuzzText: without the labels, every text is as it was.
func FuzzText(f *testing.F) {
	f.Add("IP 192.0.2.1.443 > 198.51.100.1.5353: x [2001:db8::1]:443 2001:db8::%a/64")
	f.Add(strings.Repeat("9", longestTextLine) + ".2.1 192.0.2.1")
	f.Add("\xff\x00\r\n192.0.2.1")
	a := textAnnotator(f)
	f.Fuzz(func(t *testing.T, in string) {
		var out bytes.Buffer
		if err := a.Text(t.Context(), strings.NewReader(in), &out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(in, " [") {
			return
		}
		rest := out.String()
		for _, label := range []string{
			" [AS64600 Big Net]", " [AS64500]", " [AS64501/AS64502 Named]", " [AS64503/AS64504]", " [AS64505]",
			" [AS64510 Member, Example-IX \"Süd\"]", " [Example-IX \"Süd\"]", " [PeeringDB exchange 8]", " [AS64505, PeeringDB exchange 8]",
		} {
			rest = strings.ReplaceAll(rest, label, "")
		}
		if rest != in {
			t.Errorf("%q became %q", in, out.String())
		}
	})
}
