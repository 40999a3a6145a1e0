package atlas

import (
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
)

// compare reads a result both ways. All values that the scan takes must be those of encoding/json.
func compare(t *testing.T, s *scan, text string) (taken bool) {
	t.Helper()
	got := s.result([]byte(text))
	if got == nil {
		return false
	}
	want := new(result)
	if err := json.Unmarshal([]byte(text), want); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n got %+v\nwant %+v, %v", text, got, want, err)
	}
	return true
}

// odd are results that a scan must leave to encoding/json, or read with care.
var odd = []string{
	`{}`, `{"result":[]}`, `{"result":null}`, `{"result":[null]}`, `{"result":[{}],"result":[{"hop":1}]}`, `{"RESULT":[]}`, `{"size":1e2}`, `{"size":1.0}`,
	`{"result":[{"hop":1,"result":[]}]}`, `{"result":[{"result":[{"rtt":2.7829999999999999},{"rtt":1e2},{"rtt":0.1e-400},{"rtt":1e999},{"rtt":012}]}]}`,
	`{"result":[{"result":[{"err":"H"},{"err":9},{"err":256},{"err":null},{"err":-1}]}]}`, `{"result":[{"result":[{"dup":null},{"dup":{"a":[1]}},{"dup":true}]}]}`,
	`{"result":[{"result":[{"icmpext":{"obj":[{"mpls":[]}]}},{"icmpext":{},"icmpext":{"version":2}},{"icmpext":null}]}]}`,
	`{"result":[{"result":[{"late":1,"late":2,"flags":"S","flags":"A","mtu":1,"rtt":0,"ittl":0}]}]}`, `{"from":"","dst_addr":"","src_addr":null}`,
	`{"dst_addr":"fe80::1%eth0"}`, `{"proto":"\u0055DP","type":"a\/b"}`, `{"tos":300}`, `{"timestamp":12345678901234567890}`, `[]`, `{"a":1}x`, ``,
}

// TestScan: the scan takes what firmware writes, and all values are those of encoding/json.
func TestScan(t *testing.T) {
	s := new(scan)
	for _, text := range []string{old, recent, unsent, nameless} {
		if !compare(t, s, text) {
			t.Errorf("left to encoding/json: %s", text)
		}
	}
	for _, text := range odd {
		compare(t, s, text)
	}
}

// TestScanKeeps: a scan does not keep the memory of an unusual result.
func TestScanKeeps(t *testing.T) {
	s := new(scan)
	text := `{"result":[{"result":[{}` + strings.Repeat(",{}", 10*mostKept) + `]}]}`
	if r := s.result([]byte(text)); r == nil || len(r.Result[0].Result) != 10*mostKept+1 {
		t.Fatal("not taken")
	}
	if s.result([]byte("{}")); cap(s.packets) > mostKept || cap(s.rooms) > mostKept {
		t.Errorf("%d packets are kept", cap(s.packets))
	}
}

// TestScanAllocations: a usual result allocates nothing.
func TestScanAllocations(t *testing.T) {
	s := new(scan)
	if n := testing.AllocsPerRun(10, func() { s.result([]byte(old)); s.result([]byte(recent)) }); n > 2 { // the two texts
		t.Errorf("%v allocations", n)
	}
}

// FuzzScan: all values that a scan takes are those of encoding/json. One scan reads all results.
func FuzzScan(f *testing.F) {
	for _, text := range append([]string{old, recent, unsent, nameless}, odd...) {
		f.Add(text)
	}
	s := new(scan)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 1<<16 {
			compare(t, s, text)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	text := strings.Repeat(old+"\n"+recent+"\n", 1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(strings.NewReader(text))
		for {
			if _, err := r.Read(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}
