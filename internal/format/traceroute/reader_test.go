package traceroute

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// readText returns the traces of a text, and its faults by line.
func readText(in string) (traces []*record.Trace, faults []string, err error) {
	r := Format.NewReader(strings.NewReader(in))
	for {
		rec, err := r.Read()
		var line *format.LineError
		switch {
		case errors.As(err, &line):
			faults = append(faults, err.Error())
		case err != nil:
			return traces, faults, err
		default:
			traces = append(traces, rec.(*record.Trace))
		}
	}
}

// theirText is extensionText as traceroute(8) has it: objects without a name are words of 32 bits.
func theirText(ext []byte) string {
	var x wire.Extension
	text := extensionText(ext)
	if len(ext) > 0 && x.Decode(ext) == nil {
		for objects := x.Objects(); objects.Next(); {
			if !objects.IsMPLS() {
				text = fmt.Sprintf("%d/%d:%x", objects.Class, objects.CType, objects.Payload[:4])
				for i := 4; i < len(objects.Payload); i += 4 {
					text += fmt.Sprintf(",%x", objects.Payload[i:i+4])
				}
			}
		}
	}
	if text == "" {
		return ""
	}
	return " <" + text + ">"
}

// render writes the rows of a trace as traceroute -n -e does.
func render(t *record.Trace) string {
	var b strings.Builder
	hops, silent := t.Hops, t.Silent
	for ttl := t.FirstTTL; ttl != 0 && ttl <= t.MaxTTL && (len(hops) > 0 || len(silent) > 0); ttl++ {
		fmt.Fprintf(&b, "%2d", ttl)
		from := ""
		for attempt := uint8(0); attempt < 3; attempt++ {
			switch {
			case len(silent) > 0 && silent[0].TTL == ttl && silent[0].Attempt == attempt:
				silent = silent[1:]
				b.WriteString(" *")
			case len(hops) > 0 && hops[0].TTL == ttl && hops[0].Attempt == attempt:
				h := &hops[0]
				hops = hops[1:]
				text := theirText(h.Ext)
				now := h.Responder.String() + text
				if now != from {
					b.WriteString(" " + h.Responder.String() + text)
				}
				from = now
				fmt.Fprintf(&b, "  %.3f ms%s", float64(h.RTT)/1e6, mark(h))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Words that a trace has no place for: names, AS numbers, MTUs, and blanks.
var (
	names  = regexp.MustCompile(` [^ ]+ \(([^)]+)\)`)
	extras = regexp.MustCompile(` \[[^]]+\]| F=\d+`)
	blanks = regexp.MustCompile(` +`)
)

func numeric(rows string) string {
	rows = blanks.ReplaceAllString(extras.ReplaceAllString(names.ReplaceAllString(rows, " $1"), ""), " ")
	return strings.TrimSpace(strings.ReplaceAll(rows, "\n ", "\n"))
}

// Texts of Debian's traceroute 2.1, written in the lab, give the same rows when they are written
// again.
func TestReadTexts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 16 {
		t.Fatal(files, err)
	}
	ends := map[string]record.StopReason{
		"prohibited": record.StopUnreach, "unreachable": record.StopUnreach, "no-route": record.StopUnreach, "ipv6-prohibited": record.StopUnreach,
		"extensions-unreachable": record.StopUnreach, "silent": record.StopHopLimit, "extensions-names": record.StopHopLimit, "ipv6-extensions": record.StopHopLimit,
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
		traces, faults, err := readText(string(text))
		if len(traces) != 1 || faults != nil || err != io.EOF {
			t.Errorf("%s: %d traces, %v, %v", file, len(traces), faults, err)
			continue
		}
		tr := traces[0]
		head, rows, _ := strings.Cut(string(text), "\n")
		if got, want := numeric(render(tr)), numeric(rows); got != want {
			t.Errorf("%s\n%s\nwant\n%s", file, got, want)
		}
		if !strings.Contains(head, fmt.Sprintf("(%v), ", tr.Target)) || !strings.Contains(head, fmt.Sprintf(" %d byte packets", tr.ProbeSize)) && file != "testdata/mtu.txt" {
			t.Errorf("%s: %s of %d bytes; %v", file, tr.Target, tr.ProbeSize, head)
		}
		want, ok := ends[strings.TrimSuffix(filepath.Base(file), ".txt")]
		if !ok {
			want = record.StopCompleted
		}
		if tr.StopReason != want || tr.Reached != (want == record.StopCompleted) {
			t.Errorf("%s ends with %v, want %v", file, tr.StopReason, want)
		}
	}
	if traces, faults, err := readText(all.String()); len(traces) != len(files) || faults != nil || err != io.EOF {
		t.Errorf("all in one file are %d traces, %v, %v", len(traces), faults, err)
	}
}

// Our own text reads, too.
func TestReadOurs(t *testing.T) {
	for _, name := range []string{"traces.txt", "route.txt"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "output", name))
		if err != nil {
			t.Fatal(err)
		}
		traces, faults, err := readText(string(text))
		if len(traces) == 0 || faults != nil || err != io.EOF {
			t.Errorf("%s: %d traces, %v, %v", name, len(traces), faults, err)
		}
	}
}

func TestReadFaults(t *testing.T) {
	const head = "traceroute to a.example (198.51.100.9), 30 hops max, 60 byte packets\n"
	for _, tt := range []struct {
		name, in string
		hops     int
		faults   int
		err      error
	}{
		{"no rows", head, 0, 0, io.EOF},
		{"of BSD", head + " 1  192.0.2.1  1.0 ms\n    192.0.2.2  2.0 ms *\n", 2, 0, io.EOF},
		{"of iputils", "traceroute6 to a (2001:db8::9) from 2001:db8::1, 30 hops max, 24 byte packets\n 1  r (2001:db8::2)  1 ms  2 ms\n", 2, 0, io.EOF},
		{"marks", head + " 1  192.0.2.1  1 ms !F-1400  1 ms !<7>  1 ms !<12-1>  1 ms !F  1 ms !S\n", 5, 0, io.EOF},
		{"cut in an address", head + " 1  192.0.2.1  1 ms\n 2  192.0.2", 1, 0, format.ErrCut},
		{"cut in a time", head + " 1  192.0.2.1  1 ms  2.0", 0, 0, format.ErrCut},
		{"cut after a time", head + " 1  192.0.2.1  1 ms", 1, 0, io.EOF},
		{"cut in the head", head + " 1  192.0.2.1  1 ms\n" + head[:40], 1, 0, format.ErrCut},
		{"bad rows", head + "hello\n 1  192.0.2.1  1 ms\n 1  192.0.2.1  1 ms\n 0 *\n 2  1 ms\n 3  192.0.2.1  x ms\n 4 !H\n 5  192.0.2.1  1 ms !?\n", 2, 7, io.EOF},
		{"bad extensions", head + " 1  192.0.2.1 <MPLS:L=1>  1 ms\n 2  192.0.2.1 <1/x:00>  1 ms\n 3  192.0.2.1 <1/1:0>  1 ms\n", 0, 3, io.EOF},
		{"a long row", head + " 1" + strings.Repeat(" *", longestRow) + "\n", 0, 1, io.EOF},
		{"many replies", head + " 1" + strings.Repeat(" *", 257) + "\n", 0, 1, io.EOF},
		{"no answers of masstrace", head + " 1-3  no reply\n    (stopped after too many silent TTLs in a row)\n", 0, 0, io.EOF},
		{"a range of TTLs", head + " 4  *\n 3-5  no reply\n", 0, 1, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			traces, faults, err := readText(tt.in)
			if len(traces) != 1 || len(faults) != tt.faults || err != tt.err {
				t.Fatalf("%d traces, %q, %v; want %d faults, %v", len(traces), faults, err, tt.faults, tt.err)
			}
			if len(traces[0].Hops) != tt.hops {
				t.Errorf("%d hops: %+v", len(traces[0].Hops), traces[0].Hops)
			}
		})
	}
	if traces, faults, err := readText("traceroute to a.example, 30 hops max\n 1  192.0.2.1  1 ms\n" + head); len(traces) != 1 || len(faults) != 2 || err != io.EOF {
		t.Errorf("%d traces, %v, %v", len(traces), faults, err)
	}
}

// FuzzReader reads any text, with few hops for each octet.
func FuzzReader(f *testing.F) {
	for _, name := range []string{"extensions", "as-names", "ipv6-prohibited", "mtu"} {
		text, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, in string) {
		traces, _, err := readText(in)
		if err == nil {
			t.Fatal("no end")
		}
		n := 0
		for _, tr := range traces {
			last := uint8(0)
			for i := range tr.Hops {
				h := &tr.Hops[i]
				if n++; h.TTL < last || h.Responder.IsZero() || h.Target != tr.Target {
					t.Fatalf("%+v", tr)
				}
				last = h.TTL
			}
			n += len(tr.Silent)
			for _, h := range tr.Hops {
				_, _ = mark(&h), extensionText(h.Ext)
			}
		}
		if n > len(in) {
			t.Fatalf("%d probes in %d octets", n, len(in))
		}
	})
}
