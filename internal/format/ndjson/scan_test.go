package ndjson

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// dataLines returns the data records of the samples and of the golden files.
func dataLines(t testing.TB) (lines [][]byte) {
	t.Helper()
	var all []byte
	for _, s := range append(samples(), sampleAnnotated()) {
		all = append(all, written(t, testConfig, func(w *Writer) { writeSample(t, w, s) })...)
	}
	paths, err := filepath.Glob(filepath.Join("..", "..", "..", "testdata", "output", "*.ndjson"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	for line := range bytes.Lines(all) {
		switch typ, _ := typeOf(line); typ {
		case TypeTrace, TypeTraceExt, TypeMultipath, TypeReply:
			lines = append(lines, bytes.TrimSpace(line))
		}
	}
	return lines
}

// compare reads a line as each data record, and reports whether the scan took it as one. All values
// that it takes must be those of encoding/json.
func compare(t *testing.T, s *scan, line []byte) (taken bool) {
	t.Helper()
	same := func(got, want any) {
		t.Helper()
		if reflect.ValueOf(got).IsNil() {
			return
		}
		taken = true
		if err := json.Unmarshal(line, want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v\nwant %+v, %v", line, got, want, err)
		}
	}
	same(s.traceLine(line), new(TraceLine))
	same(s.extLine(line), new(ExtLine))
	same(s.multipathLine(line), new(MultipathLine))
	same(s.replyLine(line), new(ReplyLine))
	if s.Valid(line) && !json.Valid(line) {
		t.Errorf("valid: %s", line)
	}
	return taken
}

// oddLines are lines that a scan must leave to encoding/json, or read with care.
var oddLines = []string{
	`{"dst":null,"src":""}`, `{"dst":"192.0.2.1","dst":null}`, `{"DST":"192.0.2.1"}`, `{"d\u0073t":"192.0.2.1"}`,
	`{"hops":[{"probe_ttl":1,"tx":{"sec":1}}],"hops":[{"probe_id":2}]}`, `{"hops":null}`, `{"hops":[]}`, `{"hops":[null]}`,
	`{"hops":[{"tx":{"sec":1},"tx":{"usec":2}},{"tx":null}]}`, `{"hops":[{"rtt":1e3},{"rtt":-0.5},{"rtt":12345678901234567890}]}`,
	`{"hops":[{"probe_ttl":256}]}`, `{"hops":[{"probe_ttl":-1}]}`, `{"hops":[{"probe_ttl":1.0}]}`, `{"hops":[{"family":4}]}`,
	`{"hops":[{"icmpext":[]},{"icmpext":[{"mpls_labels":[]}]},{"icmpext":[{"iface":{"name":"\ufffd\\ufffd\u00e9"}}]}]}`,
	`{"hops":[{"icmpext":[{"iface":{"name":"a"},"iface":{"role":"b"}}]}]}`, `{"hops":[{"icmpext":[{"iface":{"name":null}}]}]}`,
	`{"hops":[{"mangled":["a"],"mangled":["b","c"]}]}`, `{"hops":[{"mangled":[]}]}`, `{"hops":[{"mangled":[null]}]}`,
	`{"hostname":"\ud800 ü \"q\"","list_name":"a\/b"}`, "{\"hostname\":\"\xff\"}", "{\"hostname\":\"\x00\"}",
	`{"no_reply":[[1,2],[3]]}`, `{"no_reply":[[1,2,3]]}`, `{"no_reply":[]}`, `{"loops":[[1,2]],"no_reply":[[3,4]]}`,
	`{"lss":{"ttl":3},"lss":{"addr":"::1"}}`, `{"lss":null}`, `{"nat":{"first_ttl":3}}`, `{"withheld":[1],"contested":[2,3]}`,
	`{"path_hash":"00ff"}`, `{"reply_mpls_labels":[[1,2,3,4]]}`, `{"reply_mpls_labels":[[1,2,3]]}`, `{"tx_us":null,"rtt":65536}`,
	` { "dst" : "2001:db8::1" , "x" : [ 1 , {"hops":2} ] } `, `{"dst":"fe80::1%eth0"}`, `{"wait":1.5,"wait_probe":2e0}`, `{} {}`, `[]`, `7`, ``,
	`{"nodes":[{"ttl":1}],"nodes":[{"flows":2}]}`, `{"nodes":null}`, `{"links":[{"near":null,"far":null,"dt_ms":1e2}]}`, `{"links":[null]}`,
	`{"balancers":[{"hash_fields":null},{"hash_fields":[]},{"hash_fields":["tos"],"hash_fields":[]},{"confidence":0.95}]}`,
	`{"start":{"sec":1,"usec":2,"ftime":"x"},"start":{"sec":3}}`, `{"type":"trace","type":"reply"}`,
}

// TestScan: the scan takes every data record of ours, and all values are those of encoding/json.
func TestScan(t *testing.T) {
	s := new(scan)
	for _, line := range dataLines(t) {
		if !compare(t, s, line) {
			t.Errorf("left to encoding/json: %s", line)
		}
		compare(t, s, shuffled(line))
	}
	for _, line := range oddLines {
		compare(t, s, []byte(line))
	}
}

// shuffled returns the fields of a line in another order: sorted, with spaces.
func shuffled(line []byte) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	_ = d.Decode(&v)
	out, _ := json.MarshalIndent(v, "", " ")
	return bytes.ReplaceAll(out, []byte("\n"), nil)
}

// TestScanAnyOrder: records with their fields in another order are taken, too.
func TestScanAnyOrder(t *testing.T) {
	s := new(scan)
	for _, line := range dataLines(t) {
		if line = shuffled(line); !compare(t, s, line) {
			t.Errorf("left to encoding/json: %s", line)
		}
	}
}

// TestScanKeeps: a scan does not keep the memory of an unusual line.
func TestScanKeeps(t *testing.T) {
	s := new(scan)
	line := `{"hops":[{}` + strings.Repeat(",{}", 10*mostKept) + `]}`
	if l := s.traceLine([]byte(line)); l == nil || len(l.Hops) != 10*mostKept+1 {
		t.Fatal("not taken")
	}
	s.traceLine([]byte("{}"))
	if cap(s.hops) > mostKept || cap(s.rooms) > mostKept {
		t.Errorf("%d hops are kept", cap(s.hops))
	}
}

// TestScanAllocations: a record of ours takes no allocation but its hash.
func TestScanAllocations(t *testing.T) {
	for _, line := range dataLines(t) {
		if bytes.Contains(line, []byte(`"iface"`)) || bytes.Contains(line, []byte(`\`)) || bytes.Contains(line, []byte(`"hex"`)) || bytes.Contains(line, []byte(`"as_path"`)) {
			continue
		}
		s := new(scan)
		if n := testing.AllocsPerRun(10, func() {
			switch typ, _ := typeOf(line); typ {
			case TypeTrace:
				s.traceLine(line)
			case TypeTraceExt:
				s.extLine(line)
			case TypeMultipath:
				s.multipathLine(line)
			default:
				s.replyLine(line)
			}
		}); n > 1 {
			t.Errorf("%v allocations: %s", n, line)
		}
	}
}

// FuzzScan: all values that a scan takes are those of encoding/json. One scan reads all lines.
func FuzzScan(f *testing.F) {
	for _, line := range dataLines(f) {
		f.Add(line)
	}
	for _, line := range oddLines {
		f.Add([]byte(line))
	}
	s := new(scan)
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(line) < fewOctets {
			compare(t, s, line)
		}
	})
}
