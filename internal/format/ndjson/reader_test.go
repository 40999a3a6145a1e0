package ndjson

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// readAll returns all records and the error that ended them, which may be that of a line.
func readAll(t testing.TB, in []byte) (list []record.Record, err error) {
	t.Helper()
	r := NewReader(bytes.NewReader(in))
	for {
		rec, err := r.Read()
		if err != nil {
			return list, err
		}
		list = append(list, rec)
	}
}

// again returns in as it is read and written again.
func again(t testing.TB, in []byte, conf Config) []byte {
	t.Helper()
	list, err := readAll(t, in)
	if err != io.EOF {
		t.Fatal(err)
	}
	return written(t, conf, func(w *Writer) {
		for _, r := range list {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A record that is read and written again has the same octets.
func TestRoundTrip(t *testing.T) {
	tests := map[string]Config{
		"output": testConfig, // the samples lack the records with these fields
		"replay": {},
	}
	for folder, conf := range tests {
		paths, err := filepath.Glob(filepath.Join("..", "..", "..", "testdata", folder, "*.ndjson"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%d files, %v", len(paths), err)
		}
		for _, path := range paths {
			t.Run(folder+"/"+filepath.Base(path), func(t *testing.T) {
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				want, _, _ = bytes.Cut(want, []byte("capture file")) // the error that some end with
				if diff := cmp.Diff(string(want), string(again(t, want, conf))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// The records of a merged file keep their runs.
func TestRoundTripRuns(t *testing.T) {
	tr := trace16()
	in := written(t, testConfig, func(w *Writer) {
		for _, id := range []string{"A", "B"} {
			run := testRun()
			run.Run = id
			if err := errors.Join(w.Write(run), w.Write(tr), w.Write(&record.Reply{Head: tr.Head, Hop: tr.Hops[0]})); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n := bytes.Count(in, []byte(`"run":"B"`)); n != 3 || !bytes.Equal(again(t, in, Config{Hostname: "vp1"}), in) {
		t.Errorf("%d lines of run B", n)
	}
}

// Hops of other tools lack fields; written, they lack them still.
func TestRoundTripLacks(t *testing.T) {
	tr := trace16()
	for i, lacks := range []record.Lacks{
		record.LacksSent, record.LacksAttempt, record.LacksKind, record.LacksValid,
		record.LacksSent | record.LacksAttempt | record.LacksKind | record.LacksValid,
	} {
		h := &tr.Hops[i]
		h.Lacks = lacks
		if lacks.Has(record.LacksSent) {
			h.Sent = 0
		}
	}
	tr.Bare = true
	head := tr.Head
	head.Method = record.NoMethod
	in := written(t, testConfig, func(w *Writer) {
		err := w.Write(tr)
		for i := range tr.Hops {
			err = errors.Join(err, w.Write(&record.Reply{Head: head, Hop: tr.Hops[i]}))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if diff := cmp.Diff(string(in), string(again(t, in, testConfig))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	list, _ := readAll(t, in)
	got := list[0].(*record.Trace)
	for i, want := range map[int]record.Lacks{0: record.LacksSent, 1: record.LacksAttempt, 2: record.LacksKind, 3: record.LacksValid, 5: 0} {
		if h := &got.Hops[i]; h.Lacks != want || !h.HasRTT() || h.RTT != tr.Hops[i].RTT {
			t.Errorf("hop %d lacks %b, RTT %d; want %b", i, h.Lacks, h.RTT, want)
		}
	}
	for i, want := range map[int]record.Lacks{0: record.LacksSent, 1: record.LacksAttempt, 2: record.LacksKind, 3: record.LacksValid, 5: 0} {
		if r := list[1+i].(*record.Reply); r.Lacks != want || r.Method != record.NoMethod {
			t.Errorf("reply %d lacks %b, method %v; want %b", i, r.Lacks, r.Method, want)
		}
	}
}

// The values of read records are those of the written records.
func TestRead(t *testing.T) {
	s := sampleMPLS()
	in := written(t, testConfig, func(w *Writer) {
		s.reply = new(record.Reply)
		writeSample(t, w, s)
	})
	list, err := readAll(t, in)
	if err != io.EOF || len(list) != len(s.replies)+1 {
		t.Fatalf("%d records, %v", len(list), err)
	}
	last := list[len(list)-1].(*record.Trace)
	if last.Bare || last.ProbeCount != s.trace.ProbeCount || last.Answered != s.trace.Answered || last.Head != s.trace.Head {
		t.Errorf("%+v, want %+v", last, s.trace)
	}
	for i := range s.replies {
		want, r := &s.replies[i], list[i].(*record.Reply)
		r.Sent, r.Stamp = want.Sent, want.Stamp // which records have in µs
		if i == 1 {
			want.Ext = bytes.Clone(want.Ext)
			copy(want.Ext[2:4], r.Ext[2:4]) // another wrong checksum
		}
		if diff := cmp.Diff(want, &r.Hop); diff != "" || r.Head != s.trace.Head {
			t.Errorf("reply %d (-want +got):\n%s", i, diff)
		}
	}
}

// The method of TCP probes is that of the run.
func TestReadTCP(t *testing.T) {
	for _, m := range []probe.Method{probe.TCPSYN, probe.TCPACK} {
		tr, run := tcp4(1, m), testRun()
		run.Protocol = m.String()
		list, err := readAll(t, written(t, testConfig, func(w *Writer) {
			if err := errors.Join(w.Write(run), w.Write(&record.Reply{Head: tr.Head, Hop: tr.Hops[0]})); err != nil {
				t.Fatal(err)
			}
		}))
		if err != io.EOF || len(list) != 2 || list[1].(*record.Reply).Method != m {
			t.Errorf("%v: %d records, %v", m, len(list), err)
		}
	}
}

// A trace and the next trace-ext record are one record, if they have the same target and
// flow.
func TestReadPairs(t *testing.T) {
	const (
		a    = `{"type":"trace","dst":"192.0.2.1","userid":1,"stop_reason":"COMPLETED"}` + "\n"
		aExt = `{"type":"trace-ext","dst":"192.0.2.1","userid":1,"reached":true,"dst_ttl":7}` + "\n"
		b    = `{"type":"trace","dst":"192.0.2.2","userid":1,"stop_reason":"HOPLIMIT"}` + "\n"
		bad  = `{"type":"trace-ext","dst":"192.0.2.1","userid":1,"dst_ttl":256}` + "\n"
		cut  = `{"type":"trace-ext","dst":"192.0.2.1","us`
	)
	for _, tt := range []struct{ in, want string }{
		{a + aExt + b, "1 whole, 2 bare, EOF"},
		{a + b + aExt, "1 bare, 2 bare, line 3: a trace-ext record without the trace record that belongs to it: is the trace in another file of the run?, EOF"},
		{aExt + a, "line 1: a trace-ext record without the trace record that belongs to it: is the trace in another file of the run?, 1 bare, EOF"},
		{a + aExt + aExt, "1 whole, line 3: a trace-ext record without the trace record that belongs to it: is the trace in another file of the run?, EOF"},
		{a + strings.Replace(aExt, `"userid":1`, `"userid":2`, 1), "1 bare, line 2: a trace-ext record without the trace record that belongs to it: is the trace in another file of the run?, EOF"},
		{a + bad, "1 bare, line 2: a trace-ext record without the trace record that belongs to it: is the trace in another file of the run?, EOF"},
		{a + cut, "1 bare, the last record is cut"},
		{a + "\n\n" + aExt, "1 whole, EOF"},
		{a + "hello\n" + aExt, "1 bare, line 2: invalid character 'h' looking for beginning of value, " +
			"line 3: a trace-ext record without the trace record that belongs to it: is the trace in another file of the run?, EOF"},
	} {
		var got []string
		for r := NewReader(strings.NewReader(tt.in)); ; {
			rec, err := r.Read()
			var line *format.LineError
			if err != nil {
				got = append(got, err.Error())
				if !errors.As(err, &line) {
					break
				}
				continue
			}
			tr := rec.(*record.Trace)
			what := " whole"
			if tr.Bare {
				what = " bare"
			}
			if tr.Bare != (tr.Distance == 0) || tr.Reached != (tr.Target[15] == 1) {
				t.Errorf("%+v", tr)
			}
			got = append(got, string('0'+rune(tr.Target[15]))+what)
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

func TestReaderLines(t *testing.T) {
	const good = `{"type":"reply","probe_dst_addr":"192.0.2.9"}` + "\n"
	tests := []struct {
		name, in string
		want     int   // records
		err      error // at the end, or
		says     string
	}{
		{"nothing", "", 0, io.EOF, ""},
		{"one", good, 1, io.EOF, ""},
		{"blank lines", "\n" + good + "\r\n \n" + good, 2, io.EOF, ""},
		{"no newline at the end", good + strings.TrimSpace(good), 2, io.EOF, ""},
		{"last line cut", good + good[:20], 1, format.ErrCut, ""},
		{"only a cut line", good[:1], 0, format.ErrCut, ""},
		{"unknown types", `{"type":"ping","dst":7}` + "\n" + good, 1, io.EOF, ""},
		{"no type", good + "{}\n", 1, nil, "line 2: a record without a type"},
		{"no JSON", good + "hello\n" + good, 1, nil, "line 2: invalid character"},
		{"wrong type of a field", good + `{"type":"trace","dst":7}` + "\n", 1, nil, "line 2: trace record: dst does not take the JSON value number"},
		{"bad address", good + `{"type":"trace","dst":"x"}` + "\n", 1, nil, "line 2: trace record: dst: ParseAddr"},
		{"bad address of a hop", good + `{"type":"trace","dst":"::1","hops":[{"addr":"1.2.3","probe_ttl":1}]}` + "\n", 1, nil, "line 2: trace record: addr: ParseAddr"},
		{"a TTL too large", good + `{"type":"trace","hops":[{"probe_ttl":256}]}` + "\n", 1, nil, "line 2: trace record: hops.probe_ttl does not take the JSON value number 256"},
		{"a number too large", good + `{"type":"trace","hop_count":256}` + "\n", 1, nil, "line 2: trace record: hop_count is 256"},
		{"a negative number", good + `{"type":"trace","hops":[{"probe_id":-1}]}` + "\n", 1, nil, "line 2: trace record: hop at TTL 0: probe_id is -1"},
		{"an unknown validity", good + `{"type":"reply","valid":"maybe"}` + "\n", 1, nil, "line 2: reply record: valid"},
		{"an unknown field that is mangled", good + `{"type":"reply","valid":"weak","mangled":["hat"]}` + "\n", 1, nil, "line 2: reply record: mangled"},
		{"labels of another length", good + `{"type":"trace","hops":[{"icmpext":[{"ie_cn":1,"ie_ct":1,"ie_dl":8,"mpls_labels":[{}]}]}]}` + "\n",
			1, nil, "line 2: trace record: hop at TTL 0: icmpext 1/1: 4 bytes"},
		{"an interface that cannot be", good + `{"type":"trace","hops":[{"icmpext":[{"ie_cn":2,"ie_ct":8,"ie_dl":2,"iface":{"role":"incoming"}}]}]}` + "\n",
			1, nil, "line 2: trace record: hop at TTL 0: icmpext 2/8"},
		{"not an object", "7\n", 0, nil, "line 1:"},
		{"endless line", strings.Repeat("x", format.MaxLine+300<<10), 0, nil, "line 1: longer than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := readAll(t, []byte(tt.in))
			if len(list) != tt.want || tt.err != nil && !errors.Is(err, tt.err) ||
				tt.says != "" && !strings.HasPrefix(err.Error(), tt.says) {
				t.Errorf("%d records, %v; want %d, %v%s", len(list), err, tt.want, tt.err, tt.says)
			}
		})
	}
}

// TestReaderGoesOn: a line that is no record does not end the reading.
func TestReaderGoesOn(t *testing.T) {
	r := NewReader(strings.NewReader("x\n" + `{"type":"reply"}` + "\n"))
	var line *format.LineError
	if _, err := r.Read(); !errors.As(err, &line) || line.Line != 1 {
		t.Fatal(err)
	}
	if rec, err := r.Read(); err != nil || rec.(*record.Reply) == nil {
		t.Fatalf("%T, %v", rec, err)
	}
	for range 2 {
		if _, err := r.Read(); err != io.EOF {
			t.Fatal(err)
		}
	}
}

func TestReaderError(t *testing.T) {
	r := NewReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("{}"))))
	for range 2 {
		if _, err := r.Read(); !errors.Is(err, iotest.ErrTimeout) {
			t.Errorf("%v, want %v", err, iotest.ErrTimeout)
		}
	}
}

// All lines are returned unchanged, with their types.
func TestReadLine(t *testing.T) {
	const a, b = `{"type":"ping", "x":1}`, `{"type":"trace","hop_count":999}`
	r := NewReader(strings.NewReader(a + "\n\n" + b + "\n{]\n" + a[:9]))
	for _, want := range []struct{ typ, line string }{{"ping", a}, {"trace", b}} {
		if typ, line, err := r.ReadLine(); err != nil || typ != want.typ || string(line) != want.line {
			t.Errorf("%s, %s, %v; want %+v", typ, line, err, want)
		}
	}
	var line *format.LineError
	if _, _, err := r.ReadLine(); !errors.As(err, &line) || line.Line != 4 {
		t.Error(err)
	}
	for range 2 {
		if _, _, err := r.ReadLine(); err != format.ErrCut {
			t.Error(err)
		}
	}
}

// FuzzReader: for any file, Read ends and never panics. The read records can be written.
func FuzzReader(f *testing.F) {
	for _, s := range samples() {
		f.Add(written(f, testConfig, func(w *Writer) { writeSample(f, w, s) }))
	}
	f.Add(multipathLines(f))
	f.Add([]byte(tracelbJSON))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, w := NewReader(bytes.NewReader(in)), NewWriter(io.Discard, testConfig)
		lines := bytes.Count(in, []byte("\n"))
		for range lines + 2 {
			rec, err := r.Read()
			if err == io.EOF || err == format.ErrCut {
				return
			}
			if rec != nil {
				if err := w.Write(rec); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Errorf("no end after %d lines", lines)
	})
}

func BenchmarkReader(b *testing.B) {
	const n = 100
	in := written(b, testConfig, func(w *Writer) {
		for range n {
			if err := w.Write(trace16()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if list, err := readAll(b, in); len(list) != n {
			b.Fatal(err)
		}
	}
}
