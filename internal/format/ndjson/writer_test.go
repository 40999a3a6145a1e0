package ndjson

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/record"
)

// lineWriter fails if it is given anything but whole lines.
type lineWriter struct {
	t     *testing.T
	calls int
}

func (l *lineWriter) Write(b []byte) (int, error) {
	l.calls++
	if b[len(b)-1] != '\n' {
		l.t.Errorf("write %d ends in %q", l.calls, b[max(0, len(b)-10):])
	}
	return len(b), nil
}

func TestWriterWholeLines(t *testing.T) {
	l := &lineWriter{t: t}
	w := NewWriter(l, testConfig)
	for range 500 {
		if err := w.Write(trace16()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if l.calls < 5 || l.calls > 20 {
		t.Errorf("%d writes", l.calls)
	}
}

// failer fails after some writes.
type failer struct{ left int }

var errFailed = errors.New("failed on purpose")

func (f *failer) Write(b []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errFailed
	}
	return len(b), nil
}

func TestWriterErrorStays(t *testing.T) {
	f := &failer{left: 1}
	w := NewWriter(f, testConfig)
	tr := trace16()
	if err := errors.Join(w.Write(tr), w.Flush()); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(tr); err != nil {
		t.Fatal(err)
	}
	for i, err := range []error{
		w.Flush(), w.Write(tr), w.Write(&record.Reply{Head: tr.Head, Hop: tr.Hops[0]}), w.Write(testSummary()), w.Flush(),
	} {
		if !errors.Is(err, errFailed) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if f.left != -1 {
		t.Errorf("%d more writes after the error", -1-f.left)
	}
}

// Three writers that share the types of lines write each line of one writer once.
func TestWriterOnly(t *testing.T) {
	records := []record.Record{
		&record.CycleStart{Cycle: record.Cycle{ListName: "list", Hostname: "vp"}}, &record.Run{Run: "R"},
		&record.Trace{FirstTTL: 1}, &record.Trace{FirstTTL: 1, Bare: true}, &record.Reply{}, &record.Summary{}, &record.CycleStop{},
	}
	write := func(only Lines) map[string]int {
		var b bytes.Buffer
		w := NewWriter(&b, Config{Only: only})
		for _, r := range records {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.Raw(TypeTrace, []byte(`{"type":"trace"}`)), w.Raw("unknown", []byte(`{"type":"unknown"}`)), w.Flush()); err != nil {
			t.Fatal(err)
		}
		lines := map[string]int{}
		for line := range bytes.Lines(b.Bytes()) {
			lines[string(line)]++
			typ, err := TypeOf(bytes.TrimSpace(line))
			if err != nil || only != 0 && LinesOf(typ) != only {
				t.Errorf("only %b: %s, %v", only, line, err)
			}
		}
		return lines
	}
	got := map[string]int{}
	for _, only := range []Lines{TraceLines, ReplyLines, MetaLines} {
		for line, n := range write(only) {
			got[line] += n
		}
	}
	if diff := cmp.Diff(write(0), got); diff != "" {
		t.Errorf("all lines (-one writer +three):\n%s", diff)
	}
}
