package warts

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// octets returns octets that are written as hexadecimal digits; # begins a comment.
func octets(t testing.TB, s string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// objectOf returns an object of a type.
func objectOf(typ uint16, content []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, magic)
	b = binary.BigEndian.AppendUint16(b, typ)
	b = binary.BigEndian.AppendUint32(b, uint32(len(content)))
	return append(b, content...)
}

// smallTrace is a trace with a hop, in as few octets as we read one.
const smallTrace = `
	80 80 80 20 0006    # flags: parameter 27; length
	04 01 c6336409      # target
	0001                # hops
	82 80 08 0007 05    # flags: 2, 18
	04 01 cb007101
	0000`

// An old file: address objects, attributes, and parameters that are not known.
func TestOldFile(t *testing.T) {
	file := objectOf(typeAddress, octets(t, "00 01 c0000201"))
	file = append(file, objectOf(typeAddress, octets(t, "01 01 c6336409"))...)
	file = append(file, objectOf(7, make([]byte, 70000))...) // a ping
	file = append(file, objectOf(typeTrace, octets(t, `
		8c 88 80 80 80 01 0013    # flags: 3, 4, 11, 36; length
		00000001 00000002         # source, target
		02                        # UDP with other ports
		ffffffffffffffffffff      # 36, of unknown length
		0002                      # hops
		43 000a                   # flags: 1, 2, 7; length
		00000001 03 0b00 aaaaaa   # address, TTL, ICMP 11/0, 3 octets of no parameter
		43 0007 00000002 04 0303  # address, TTL, ICMP 3/3
		1002 0000                 # path MTU discovery
		3008 05 0005 00000001 04  # doubletree: met an address object, began at TTL 4
		0000`))...)
	got, err := readAll(NewReader(bytes.NewReader(file)))
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	trace := got[0].(*record.Trace)
	hops := trace.Hops
	if trace.Source != addr("192.0.2.1") || trace.Target != addr("198.51.100.9") || trace.Method != probe.UDP || len(hops) != 2 ||
		hops[0].Responder != trace.Source || hops[0].TTL != 3 || hops[0].Type != 11 || hops[0].QuotedTTL != 1 ||
		hops[1].Responder != trace.Target || hops[1].TTL != 4 || hops[1].Code != 3 || trace.End != 4 ||
		trace.FirstHop != 4 || trace.Met != (record.Interface{TTL: 3, Addr: trace.Source}) {
		t.Errorf("%+v", trace)
	}
}

// A file that contradicts itself gives the records before the fault, and an error with the offset
// and the cause.
func TestFaults(t *testing.T) {
	good := objectOf(typeTrace, octets(t, smallTrace))
	list := objectOf(typeList, octets(t, "00000001 00000000 6100 00"))
	for _, tt := range []struct {
		name, in, want string
	}{
		{"no object", "1305 0006 00000000", "begins with 0x1305 instead of 0x1205"},
		{"type 1 of 4 GB", "1205 0001 ffffffff", "4294967295 bytes, more than"},
		{"no target", "1205 0006 00000005 00 0000 0000", "trace: has no target"},
		{"nothing in it", "1205 0006 00000000", "trace: ends inside a field"},
		{"flags without an end", "1205 0006 00000004 80808080", "trace: ends inside a field"},
		{"parameters longer than the object", "1205 0006 00000006 01 ffff 000000", "trace: ends inside a field"},
		{"more hops than octets", "1205 0006 0000000f 80808020 0006 0401c6336409 ffff 00", "hop 1 of 65535: has no address"},
		{"no TTL", "1205 0006 0000001b 80808020 0006 0401c6336409 0001 808008 0006 0401cb007101 0000", "hop 1 of 1: has no TTL"},
		{"an address to come", "1205 0006 0000000c 80808020 0005 0000000007 00", "refers to address 7 of 0"},
		{"an address object to come", "1205 0006 00000007 08 0004 00000003", "refers to address object 3 of 0"},
		{"an Ethernet address", "1205 0005 00000008 00 03 020000000001", "address: an address of kind 3 has 6 bytes"},
		{"a short address", "1205 0005 00000004 00 01 0102", "kind 1 has 2 bytes"},
		{"a name without an end", "1205 0001 00000009 00000002 00000000 61", "list: a text has no end"},
		{"a cycle of no list", "1205 0002 00000011 00000001 00000009 00000001 00000001 00", "cycle start: refers to list 9"},
		{"a cut cycle", "1205 0003 00000008 00000001 00000001", "cycle definition: ends inside a field"},
		{"the end of no cycle", "1205 0004 00000009 00000007 00000001 00", "cycle stop: refers to cycle 7"},
		{"an attribute longer than the object", "1205 0006 00000010 80808020 0006 0401c6336409 0000 1fff", "after its hops: ends inside"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := append(append(bytes.Clone(list), good...), octets(t, tt.in)...)
			r := NewReader(bytes.NewReader(file))
			got, err := readAll(r)
			offset := fmt.Sprintf("object at byte %d: ", len(list)+len(good))
			if len(got) != 1 || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), offset) {
				t.Errorf("%d records, %v; want %s", len(got), err, tt.want)
			}
			if _, again := r.Read(); again != err {
				t.Errorf("then %v", again)
			}
		})
	}
}

// A file that is cut gives the objects before the cut.
func TestCut(t *testing.T) {
	whole := written(t, samples(t)...)
	all, err := readAll(NewReader(bytes.NewReader(whole)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if n > 2000 && n%97 != 0 {
			continue
		}
		got, err := readAll(NewReader(bytes.NewReader(whole[:n])))
		if err != nil && err != format.ErrCut {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if len(got) > len(all) || len(got) > 0 && !reflect.DeepEqual(all[:len(got)], got) {
			t.Fatalf("%d bytes: other records", n)
		}
	}
	for _, in := range []io.Reader{bytes.NewReader(whole), iotest.OneByteReader(bytes.NewReader(whole))} {
		if got, err := readAll(NewReader(in)); err != nil || len(got) != len(all) {
			t.Errorf("%d records of %d, %v", len(got), len(all), err)
		}
	}
}

// An error of the input stays, and one inside a compressed stream is a cut.
func TestInput(t *testing.T) {
	whole := written(t, samples(t)...)
	broken := errors.New("broken")
	for in, want := range map[error]error{broken: broken, io.ErrUnexpectedEOF: format.ErrCut} {
		for _, n := range []int{0, 3, 30, len(whole)} {
			r := NewReader(io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(in)))
			if _, err := readAll(r); !errors.Is(err, want) {
				t.Errorf("after %d bytes: %v, want %v", n, err, want)
			}
		}
	}
}

// A small file cannot claim much memory.
func TestMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, in := range []string{
		"1205 0006 01000000 00",                                 // an object of 16 MB
		"1205 0063 ffffffff 00",                                 // an unknown one of 4 GB
		"1205 0006 0000000f 80808020 0006 0401c6336409 ffff 00", // 65,535 hops
		"1205 0006 0000001b 80808020 0006 0401c6336409 0001 848082 ffff 0401cb007101 0000", // lying parameters
	} {
		_, _ = readAll(NewReader(bytes.NewReader(octets(t, in))))
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 16*bufferLen {
		t.Errorf("%d bytes for 100", used)
	}
}

// The tables of a file have a limit.
func TestTables(t *testing.T) {
	tables := newTables()
	if err := tables.spend(maxTables); err != nil {
		t.Error(err)
	}
	if err := tables.spend(1); err == nil {
		t.Error("no limit")
	}
}

// FuzzReader: for any file, Read ends and never panics. The read records can be written, and read
// again.
func FuzzReader(f *testing.F) {
	for _, rec := range samples(f) {
		f.Add(written(f, rec))
	}
	for _, rec := range multipaths(f) {
		f.Add(written(f, rec))
	}
	f.Add(objectOf(typeTrace, octets(f, smallTrace)))
	f.Add(append(objectOf(typeAddress, octets(f, "00 01 c0000201")), objectOf(typeTrace, octets(f, "0c 0008 00000001 00000001 0000 0000"))...))
	f.Fuzz(func(t *testing.T, in []byte) {
		all, err := readAll(NewReader(bytes.NewReader(in)))
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		var again []record.Record
		if again, err = readAll(NewReader(bytes.NewReader(written(t, all...)))); err != nil {
			t.Fatal(err)
		}
		var traces, others []*record.Trace
		for _, rec := range all {
			if trace, ok := rec.(*record.Trace); ok {
				traces = append(traces, kept(trace))
			}
		}
		for _, rec := range again {
			if trace, ok := rec.(*record.Trace); ok {
				others = append(others, trace)
			}
		}
		if diff := cmp.Diff(traces, others); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}
