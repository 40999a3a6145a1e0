package annotate

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/record/schema/schematest"
)

// path returns a trace whose hops have addresses at TTLs from 1; "" is silence.
func path(target string, addrs ...string) *record.Trace {
	t := &record.Trace{Head: record.Head{Target: addr(target), Source: addr("192.0.2.250")}, FirstTTL: 1, MaxTTL: 30}
	for i, a := range addrs {
		if t.End = uint8(i + 1); a == "" {
			t.Silent = append(t.Silent, record.TTLAttempt{TTL: t.End})
			continue
		}
		h := record.Hop{}
		h.TTL, h.Target, h.Responder, h.Protocol = t.End, t.Target, addr(a), probe.ProtoICMP
		t.Hops = append(t.Hops, h)
	}
	return t
}

// asPath returns an AS path as text.
func asPath(t *record.Trace) string {
	var list []string
	for _, p := range t.ASPath {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%d-%d %s %v %s", p.First, p.Last, p.Kind, p.ASN, p.IXP)))
	}
	return strings.Join(list, "; ")
}

func TestASPath(t *testing.T) {
	a := textAnnotator(t)
	inferred := path("8.8.8.8", "", "", "192.0.2.1")
	inferred.Silent = nil
	inferred.Inferred = []record.Interface{{TTL: 1, Addr: addr("10.0.0.1")}, {TTL: 2, Addr: addr("192.0.2.7")}}
	bare := path("8.8.8.8", "", "192.0.2.1")
	bare.Silent, bare.Bare, bare.End = nil, true, 0
	twice := path("8.8.8.8", "192.0.2.1", "198.51.100.1")
	twice.Hops[1].TTL = 1 // another answer at the same TTL
	for _, tt := range []struct {
		name  string
		trace *record.Trace
		want  string
	}{
		{"one AS", path("198.51.100.200", "192.0.2.1", "192.0.2.200"), "1-1 as [64600]; 2-2 as [64500]"},
		{"all kinds", path("198.51.100.200", "10.0.0.1", "10.0.0.2", "192.0.2.1", "192.0.2.2", "", "", "203.0.113.10", "203.0.113.1", "198.51.100.1", "198.51.100.200"),
			`1-2 unknown []; 3-4 as [64600]; 5-6 silent []; 7-7 ixp [64510] Example-IX "Süd"; 8-8 ixp [] Example-IX "Süd"; 9-9 as [64501 64502]; 10-10 as [64503 64504]`},
		{"an end of silence", path("8.8.8.8", "192.0.2.1", "", ""), "1-1 as [64600]; 2-3 silent []"},
		{"nothing", path("8.8.8.8"), ""}, {"silence", path("8.8.8.8", "", ""), "1-2 silent []"},
		{"inferred hops", inferred, "1-1 unknown []; 2-3 as [64600]"}, {"another tool's", bare, "1-1 silent []; 2-2 as [64600]"},
		{"two answers", twice, "1-1 as [64600]; 2-2 silent []"},
		{"IPv6", path("2001:db8::9", "2001:db8::1", "2001:db8:99::1", "2001:db8::9"), "1-1 as [64505]; 2-2 ixp [64505] PeeringDB exchange 8; 3-3 as [64505]"},
	} {
		for range 2 { // again: nothing is doubled
			a.Record(tt.trace)
			if got := asPath(tt.trace); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
		}
	}
}

// Fields that the databases give are replaced, and the others stay.
func TestReplaced(t *testing.T) {
	tr := path("198.51.100.200", "192.0.2.1", "8.8.8.8", "203.0.113.10")
	steps := []struct {
		cfg  Config
		want []string // of the hops
		path string
		dbs  string
	}{
		{Config{ASN: []string{file(t, "m", mmdbOf(t, "A", asnNetworks))}},
			[]string{`[64600] m "Big Net" 192.0.2.0/25 ""  ""`, "-", "-"}, "1-1 as [64600]; 2-3 unknown []", "m[asn]"},
		{Config{Geo: []string{file(t, "g", mmdbOf(t, "G", geoNetworks))}, Names: []string{file(t, "n", []byte(names))}},
			[]string{`[64600] m "Big Net" 192.0.2.0/25 "" DE "core1.example.net"`, "-", `[]  "" invalid Prefix "" SE ""`}, "1-1 as [64600]; 2-3 unknown []", "m[asn] g[country] n[name]"},
		{Config{IXP: []string{file(t, "x", []byte(dump))}},
			[]string{`[64600] m "Big Net" 192.0.2.0/25 "" DE "core1.example.net"`, "-", `[64510] x "Member" 203.0.113.0/25 "Example-IX \"Süd\"" SE ""`},
			`1-1 as [64600]; 2-2 unknown []; 3-3 ixp [64510] Example-IX "Süd"`, "g[country] n[name] x[asn ixp]"},
		{Config{ASN: []string{file(t, "p", []byte("8.8.8.0\t24\t15169\n"))}, Names: []string{file(t, "n", []byte("192.0.2.2 x\n"))}},
			[]string{`[]  "" invalid Prefix "" DE ""`, `[15169] p "" 8.8.8.0/24 ""  ""`, `[]  "" invalid Prefix "Example-IX \"Süd\"" SE ""`},
			`1-1 unknown []; 2-2 as [15169]; 3-3 ixp [] Example-IX "Süd"`, "g[country] x[ixp] p[asn] n[name]"},
		{Config{Geo: []string{file(t, "h", mmdbOf(t, "H", []network{{netip.MustParsePrefix("9.9.9.9/32"), map[string]any{"country": "US"}}}))}, IXP: []string{file(t, "y", []byte(one))}},
			[]string{"-", `[15169] p "" 8.8.8.0/24 ""  ""`, `[]  "" 203.0.113.0/25 "PeeringDB exchange 7"  ""`}, "1-1 unknown []; 2-2 as [15169]; 3-3 ixp [] PeeringDB exchange 7", "n[name] y[asn ixp] h[country]"},
	}
	run := &record.Run{}
	for i, step := range steps {
		a := annotator(t, step.cfg)
		for range 2 {
			a.Record(tr)
			a.Record(run)
			for j, want := range step.want {
				if got := show(tr.Hops[j].Annotation); got != want {
					t.Errorf("step %d, hop %d: %s, want %s", i, j, got, want)
				}
			}
			if got := asPath(tr); got != step.path {
				t.Errorf("step %d: %s, want %s", i, got, step.path)
			}
			var dbs []string
			for _, db := range run.Databases {
				dbs = append(dbs, db.File+fmt.Sprint(db.Fields))
			}
			if got := strings.Join(dbs, " "); got != step.dbs {
				t.Errorf("step %d: %s, want %s", i, got, step.dbs)
			}
		}
	}
}

// Annotated records come through NDJSON as they are, match their schemas, and are whole without a
// trace-ext record of another tool's trace.
func TestThroughNDJSON(t *testing.T) {
	a := textAnnotator(t)
	whole := path("198.51.100.200", "10.0.0.1", "192.0.2.1", "", "203.0.113.10", "198.51.100.200")
	whole.Inferred = []record.Interface{{TTL: 1, Addr: addr("10.0.0.1")}, {TTL: 2, Addr: addr("192.0.2.7")}}
	bare := path("2001:db8::9", "2001:db8::1")
	bare.Bare, bare.Silent = true, nil
	list := []record.Record{
		&record.CycleStart{Cycle: record.Cycle{ListName: "default", ID: 1, Hostname: "vp"}},
		&record.Run{Run: "R", Argv: []string{}, Shard: [2]int{0, 1}}, whole, &record.Resume{Run: "R", Argv: []string{}}, bare,
	}
	var b bytes.Buffer
	w := ndjson.NewWriter(&b, ndjson.Config{})
	for _, r := range list {
		a.Record(r)
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	text := b.Bytes()
	if err := schematest.Check(bytes.NewReader(text)); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	for _, part := range []string{
		`"asn":[64600],"asn_src":"m","as_name":"Big Net","prefix":"192.0.2.0/25"`, `"ixp":"Example-IX \"Süd\""`, `"inferred":true,"asn":[64600]`,
		`"target":{"asn":[64503,64504],"asn_src":"p","prefix":"198.51.100.128/25"},"as_path":[{"ttl":[1,1],"kind":"unknown"},{"ttl":[2,2],"kind":"as","asn":[64600]},{"ttl":[3,3],"kind":"silent"}`,
		`"databases":[{"file":"x","kind":"peeringdb","fields":["asn","ixp"]`,
	} {
		if !bytes.Contains(text, []byte(part)) {
			t.Errorf("no %s in\n%s", part, text)
		}
	}
	r := ndjson.NewReader(bytes.NewReader(text))
	for _, want := range list {
		got, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		switch want := want.(type) {
		case *record.Trace:
			got := got.(*record.Trace)
			same := cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{})}
			for _, pair := range [][2]any{
				{want.TargetAnnotation, got.TargetAnnotation}, {want.ASPath, got.ASPath}, {want.InferredAnnotations, got.InferredAnnotations}, {want.Bare, got.Bare},
			} {
				if diff := cmp.Diff(pair[0], pair[1], same); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			for i := range want.Hops {
				if diff := cmp.Diff(want.Hops[i].Annotation, got.Hops[i].Annotation, same); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		case *record.Run:
			if diff := cmp.Diff(want.Databases, got.(*record.Run).Databases); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}
}

// Memory does not grow beyond a limit, and answers stay right after it was reached.
func TestRecent(t *testing.T) {
	var r recent
	for i := range uint32(3 * mostSlots) {
		a := probe.Addr4From([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
		if n, ok := r.number(&a); ok {
			t.Fatalf("%v is known: %d", a, n)
		}
		r.put(&a, i, 32)
		if n, ok := r.number(&a); !ok || n != i {
			t.Fatalf("%v: %d, %t", a, n, ok)
		}
	}
	if len(r.slots) > mostSlots || 2*r.used > len(r.slots) {
		t.Errorf("%d slots, %d used", len(r.slots), r.used)
	}
	for i := range 2*most6 + 10 {
		a := addr("2001:db8::")
		a[10], a[11], a[12], a[13] = byte(i>>24), byte(i>>16), byte(i>>8), byte(i)
		r.put(&a, uint32(i), 128)
		if n, ok := r.number(&a); !ok || n != uint32(i) {
			t.Fatalf("%v: %d, %t", a, n, ok)
		}
	}
	if len(r.by6) > most6 {
		t.Errorf("%d IPv6 addresses", len(r.by6))
	}
	zero := addr("0.0.0.0")
	if _, ok := r.number(&zero); ok {
		t.Error("0.0.0.0 is known")
	}
	r.put(&zero, 7, 32)
	if n, ok := r.number(&zero); !ok || n != 7 {
		t.Error(n, ok)
	}
}

// Too many answers are dropped, and made again.
func TestForget(t *testing.T) {
	a := textAnnotator(t)
	for range 3 {
		if got := show(a.Of(addr("192.0.2.1"))); !strings.HasPrefix(got, "[64600]") {
			t.Error(got)
		}
		for len(a.recent.answer) <= mostAnswers {
			a.recent.answer = append(a.recent.answer, answer{})
		}
	}
	if len(a.recent.answer) > mostAnswers+1 {
		t.Error(len(a.recent.answer))
	}
	a.Record(path("192.0.2.9", "192.0.2.1"))
	if len(a.recent.answer) > 100 {
		t.Error(len(a.recent.answer))
	}
}

// A trace whose addresses are known allocates nothing.
func TestAllocations(t *testing.T) {
	a := textAnnotator(t)
	tr := path("198.51.100.200", "10.0.0.1", "192.0.2.1", "", "203.0.113.10", "2001:db8::1", "198.51.100.200")
	a.Of(tr.Target)
	if n := testing.AllocsPerRun(100, func() {
		tr.TargetAnnotation = nil
		for i := range tr.Hops {
			tr.Hops[i].Annotation = nil
		}
		a.Record(tr)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
