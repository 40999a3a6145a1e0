package all

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
)

// foreign are the beginnings of files of other kinds.
var foreign = map[string]string{
	"empty": "", "blank": " \n\n", "a word": "hello\n", "zeros": strings.Repeat("\x00", 100),
	"PNG":    "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00",
	"ELF":    "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00>\x00\x01\x00\x00\x00",
	"pcap":   "\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x01\x00\x00\x00",
	"pcapng": "\n\r\r\n\x1c\x00\x00\x00M<+\x1a\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x1c\x00\x00\x00",
	"mmdb":   "\x00\x00\x01\x00\x00\x02\x00\x00\x03\x00\x00\x04" + strings.Repeat("\x00\x01\x02", 50) + "\xab\xcd\xefMaxMind.com",
	"MRT":    "\x69\x00\x00\x00\x00\x0d\x00\x01\x00\x00\x00\x0c\xc0\x00\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00",
	"SQLite": "SQLite format 3\x00\x10\x00\x01\x01", "PDF": "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "ORC": "ORC\x11\x00", "Arrow": "ARROW1\x00\x00\xff\xff\xff\xff",
	"HTML": "<!DOCTYPE html>\n<html><head>\n", "XML": "<?xml version=\"1.0\"?>\n<a/>\n", "script": "#!/bin/sh\n# Program: other\nexec true\n",
	"targets": "# targets: 2\n192.0.2.1\n192.0.2.2\n", "prefixes": "192.0.2.0/24\n2001:db8::/48\n", "hitlist": "2001:db8::1\n2001:db8::2\n",
	"pfx2as": "1.0.0.0\t24\t13335\n1.0.4.0\t22\t38803_56203\n", "hosts": "127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\n",
	"other CSV":      "a,b,c\n1,2,3\n",
	"CSV of many":    strings.Repeat("x,", 20) + "x\n" + strings.Repeat("1,", 20) + "1\n",
	"CSV of numbers": strings.Repeat("1,", 16) + "1\n", "many columns": strings.Repeat("word ", 15) + "\n", "numbers": strings.Repeat("1 ", 15) + "\n",
	"addresses": strings.Repeat("192.0.2.1 ", 15) + "\n",
	"web log":   `192.0.2.1 - - [10/Oct/2026:13:55:36 -0700] "GET / HTTP/1.1" 200 2326 "-" "Mozilla/5.0 (X11; Linux x86_64) a b c d"` + "\n",
	"GeoJSON":   `{"type":"FeatureCollection","features":[]}` + "\n", "JSON": `{"a":1}` + "\n", "JSON array": "[1,2,3]\n", "JSON lines": "{}\n{}\n",
	"PeeringDB": `{"ixpfx":{"data":[{"id":1,"prefix":"192.0.2.0/24","protocol":"IPv4"}]}}` + "\n", "spread JSON": "{\n  \"type\": \"trace\"\n}\n",
	"ping":       "PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.\n64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.1 ms\n",
	"mtr report": "Start: 2026-10-10T13:55:36+0000\nHOST: vp       Loss%   Snt   Last   Avg  Best  Wrst StDev\n",
}

// samplesOf returns a file of each format that is read.
func samplesOf(t *testing.T) map[string]string {
	t.Helper()
	samples := map[string]string{}
	for name, path := range map[string]string{
		"traceroute": "../traceroute/testdata/numeric.txt", "mtr": "../mtr/testdata/numeric.json", "ndjson": "../../../testdata/output/udp4.ndjson",
	} {
		text, err := os.ReadFile(filepath.FromSlash(path))
		if err != nil {
			t.Fatal(err)
		}
		samples[name] = string(text)
	}
	records := recordsOf(t, strings.NewReader(samples["ndjson"]))
	for _, f := range readable {
		if f.NewWriter == nil || f.Name == "ndjson" {
			continue
		}
		var out strings.Builder
		w := f.NewWriter(format.Output{Out: &out, Kinds: record.Both, Run: "01JX", Hostname: "vp1"})
		if f.Replies {
			w = format.Rows(w)
		}
		var err error
		for _, r := range records {
			err = errors.Join(err, w.Write(r))
		}
		if e, ok := w.(format.Ender); ok {
			err = errors.Join(err, e.End())
		}
		if err := errors.Join(err, w.Flush()); err != nil {
			t.Fatal(err)
		}
		samples[f.Name] = out.String()
	}
	return samples
}

// like returns the names of the formats that a file begins like.
func like(text string) (names []string) {
	for _, f := range readable {
		if f.Begins([]byte(text)) {
			names = append(names, f.Name)
		}
	}
	return names
}

// A file begins like the format that it has and like no other. Files of other kinds begin like no
// format.
func TestBegins(t *testing.T) {
	samples := samplesOf(t)
	if len(samples) != len(readable) {
		t.Fatalf("samples of %d formats, %d are read", len(samples), len(readable))
	}
	for name, text := range samples {
		two := strings.Join(strings.SplitAfter(text, "\n")[:min(2, strings.Count(text, "\n"))], "")
		for _, head := range []string{text[:min(len(text), 256<<10)], two, "\n" + text} {
			binary := slices.ContainsFunc(readable, func(f format.Format) bool { return f.Name == name && f.Binary })
			if binary && head != text {
				continue
			}
			if got := like(head); !slices.Equal(got, []string{name}) {
				t.Errorf("a file of %s begins like %v: %.200q", name, got, head)
			}
		}
	}
	for name, text := range foreign {
		if got := like(text); got != nil {
			t.Errorf("%s begins like %v", name, got)
		}
	}
}
