package linkgraph

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

var update = flag.Bool("update", false, "write the goldens anew")

// traceOf returns a trace by the addresses of its hops, from TTL 1; - is silence. The autonomous
// system of an address is its second octet.
func traceOf(target, text string) *record.Trace {
	t := &record.Trace{Head: record.Head{Target: probe.AddrFrom(netip.MustParseAddr(target))}, FirstTTL: 1}
	for i, field := range strings.Fields(text) {
		if field == "-" {
			continue
		}
		a := netip.MustParseAddr(field)
		h := record.Hop{}
		h.TTL, h.Responder = uint8(i+1), probe.AddrFrom(a)
		if as := a.As4()[1]; as != 0 {
			h.Annotation = &record.Annotation{ASN: []uint32{64500 + uint32(as)}, ASName: hostile, Name: "r<" + field + ">"}
		}
		t.Hops = append(t.Hops, h)
	}
	return t
}

// hostile is a name as an attacker would choose it.
const hostile = "\"]; evil [x=\"\\\n</text><script>alert(1)</script>&\x1b[31m\u202e"

func samples() []record.Record {
	return []record.Record{
		traceOf("192.0.2.1", "10.0.0.1 10.1.0.1 10.1.0.2 10.2.0.1 192.0.2.1"),
		traceOf("192.0.2.2", "10.0.0.1 10.1.0.1 10.1.0.3 10.2.0.1 192.0.2.2"),
		traceOf("192.0.2.3", "10.0.0.1 10.1.0.1 - 10.2.0.1"),
		traceOf("198.51.100.1", "10.0.0.1 - 10.3.0.1"),
	}
}

func graphOf(t testing.TB, c Config, records []record.Record) *Graph {
	t.Helper()
	b := NewBuilder(c)
	for _, r := range records {
		b.Add(r)
	}
	g, err := b.Graph()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// links returns the links of a graph as text.
func links(g *Graph) string {
	var list []string
	for _, l := range g.Links {
		text := fmt.Sprintf("%s>%s:%d", l.Source, l.Dest, l.Traces)
		if l.Gap {
			text += "~"
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func TestFilters(t *testing.T) {
	prefix := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	for _, tt := range []struct {
		name, want string
		cfg        Config
	}{
		{"all", "10.0.0.1>10.1.0.1:3 10.0.0.1>10.3.0.1:1~ 10.1.0.1>10.1.0.2:1 10.1.0.1>10.1.0.3:1 10.1.0.1>10.2.0.1:1~ 10.1.0.2>10.2.0.1:1 10.1.0.3>10.2.0.1:1", Config{}},
		{"targets", "10.0.0.1>10.3.0.1:1~", Config{Targets: prefix("198.51.100.0/24")}},
		{"system", "10.0.0.1>10.3.0.1:1~", Config{ASNs: []uint32{64503}}},
		{"prefix", "10.0.0.1>10.1.0.1:3 10.0.0.1>10.3.0.1:1~", Config{Prefixes: prefix("10.0.0.0/24")}},
		{"around", "10.0.0.1>10.3.0.1:1~", Config{Around: "10.3.0.1", Within: 1}},
		{"alone", "", Config{Around: "10.3.0.1"}},
		{"with targets", "10.2.0.1>192.0.2.1:1", Config{Targets: prefix("192.0.2.1/32"), KeepTargets: true, Prefixes: prefix("192.0.2.0/24")}},
		{"systems", "AS64501>AS64502:3", Config{Level: Systems, Targets: prefix("192.0.2.0/24")}},
	} {
		if got := links(graphOf(t, tt.cfg, samples())); got != tt.want {
			t.Errorf("%s:\n%s, want\n%s", tt.name, got, tt.want)
		}
	}
	var absent *AbsentError
	if _, err := NewBuilder(Config{Around: "10.9.9.9"}).Graph(); !errors.As(err, &absent) {
		t.Errorf("an absent node: %v", err)
	}
	b := NewBuilder(Config{Level: Systems})
	b.Add(traceOf("192.0.2.1", "10.0.0.1"))
	if _, err := b.Graph(); !errors.Is(err, ErrNoSystems) {
		t.Errorf("without systems: %v", err)
	}
}

// Each format has its golden, in any order of the records. Names from the network are text in it.
func TestGoldens(t *testing.T) {
	for _, f := range Formats {
		var first string
		for seed := range uint64(5) {
			list := samples()
			rand.New(rand.NewPCG(seed, 0)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			var out strings.Builder
			if err := f.Write(graphOf(t, Config{}, list), &out); err != nil {
				t.Fatal(err)
			}
			if seed == 0 {
				first = out.String()
			} else if out.String() != first {
				t.Fatalf("%s: another order gives another file", f.Name)
			}
		}
		path := filepath.Join("testdata", "graph."+f.Name)
		if *update {
			if err := os.WriteFile(path, []byte(first), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || string(want) != first {
			t.Errorf("%s: %v\n%s", f.Name, err, first)
		}
		if strings.ContainsAny(first, "\x1b\u202e") || strings.Contains(first, "<script") && f.Name != "dot" {
			t.Errorf("%s has markup or control characters of a name", f.Name)
		}
	}
}

// Readers of JSON and XML read the files.
func TestFormats(t *testing.T) {
	g := graphOf(t, Config{}, samples())
	var object struct {
		Nodes []struct{ ID string }
		Links []struct{ Source, Target string }
	}
	var out bytes.Buffer
	if err := g.JSON(&out); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &object); err != nil || len(object.Nodes) != len(g.Nodes) || len(object.Links) != len(g.Links) {
		t.Errorf("%v: %+v", err, object)
	}
	for _, write := range []func(io.Writer) error{g.GraphML, g.SVG} {
		out.Reset()
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		if names := elements(t, out.Bytes()); slices.Contains(names, "script") {
			t.Error("an element script")
		}
	}
}

// elements returns the names of the elements of an XML file.
func elements(t *testing.T, text []byte) (names []string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			names = append(names, e.Name.Local)
		}
	}
}

// A picture has all of 2,000 nodes, each at a place of its own.
func TestLargePicture(t *testing.T) {
	g := graphOf(t, Config{}, many(2000))
	var out bytes.Buffer
	if err := g.SVG(&out); err != nil {
		t.Fatal(err)
	}
	circles := 0
	for _, name := range elements(t, out.Bytes()) {
		if name == "circle" {
			circles++
		}
	}
	places, _, _ := g.layout()
	taken := map[place]bool{}
	for _, p := range places {
		taken[p] = true
	}
	if circles != len(g.Nodes) || len(taken) != len(g.Nodes) || circles < 1900 {
		t.Errorf("%d circles at %d places, %d nodes", circles, len(taken), len(g.Nodes))
	}
}

// many returns traces with about n interfaces.
func many(n int) (list []record.Record) {
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 3 * n {
		var path []string
		for ttl := range 12 {
			path = append(path, fmt.Sprintf("10.0.%d.%d", ttl, r.IntN(min(n/10, 1<<min(ttl, 7), 250))))
		}
		list = append(list, traceOf(fmt.Sprintf("192.%d.%d.1", i/256, i%256), strings.Join(path, " ")))
		list = append(list, traceOf(fmt.Sprintf("192.%d.%d.2", i/256, i%256), fmt.Sprintf("10.0.0.0 10.0.1.%d 10.0.%d.%d", i%2, 20+i%16, r.IntN(min(n/12, 250)))))
	}
	return list
}

func BenchmarkSVG(b *testing.B) {
	g := graphOf(b, Config{}, many(2000))
	b.ReportAllocs()
	for b.Loop() {
		if err := g.SVG(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(g.Nodes)), "nodes")
}
