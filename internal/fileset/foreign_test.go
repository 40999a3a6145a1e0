package fileset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
)

// words is a writer of a format of the tests: a word for each record, and an end.
type words struct {
	out   io.Writer
	text  strings.Builder
	broke error // of Flush
}

func (w *words) Write(r record.Record) error {
	name, _ := strings.CutPrefix(fmt.Sprintf("%T", r), "*record.")
	if t, ok := r.(*record.Trace); ok && t.Bare {
		name = "Bare"
	}
	w.text.WriteString(name + " ")
	return nil
}

func (w *words) End() error { w.text.WriteString("end"); return nil }

func (w *words) Flush() error {
	_, err := io.WriteString(w.out, w.text.String()+"|")
	w.text.Reset()
	return errors.Join(err, w.broke)
}

// filesOf returns the files of a run in a format of the tests.
func filesOf(t *testing.T, path string, f format.Format) *Files {
	t.Helper()
	open := outfile.Open
	if f.Whole {
		open = outfile.OpenWhole
	}
	one, err := open(path, nil, outfile.Keep)
	if err != nil {
		t.Fatal(err)
	}
	return &Files{list: []file{{one, ndjson.AllLines}}, format: f}
}

// A file of another format gets records, also of lines, and its end. One that is useless without
// its end is not flushed before, and it is there with its end alone.
func TestForeignFormat(t *testing.T) {
	trace := func(run string) []string {
		var b strings.Builder
		w := ndjson.NewWriter(&b, ndjson.Config{Run: run})
		tr := &record.Trace{FirstTTL: 1, MaxTTL: 1}
		tr.Target[10], tr.Target[11], tr.Target[15], tr.Source = 0xff, 0xff, 1, tr.Target
		if err := errors.Join(w.Write(tr), w.Flush()); err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(b.String()), "\n")
	}
	lines := trace("R")
	for _, tt := range []struct {
		name        string
		whole       bool
		kinds       record.Kinds
		broke       error
		want, early string
	}{
		{"appended to", false, 0, nil, "Run Trace |Bare Trace Summary end|", "Run Trace |"},
		{"without traces", false, record.Replies, nil, "Run |Summary end|", "Run |"},
		{"whole", true, 0, nil, "Run Trace Bare Trace Summary end|", ""},
		{"whole, and a disk that is full", true, 0, errors.New("full"), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out")
			files := filesOf(t, path, format.Format{Name: "words", Whole: tt.whole, NewWriter: func(o format.Output) format.Writer {
				return &words{out: o.Out, broke: tt.broke}
			}})
			w := files.Writer(ndjson.Config{Kinds: tt.kinds})
			err := errors.Join(
				w.Write(&record.Run{}), w.Raw("trace", []byte(lines[0])), w.Raw("trace-ext", []byte(lines[1])), w.Flush(),
			)
			early, _ := os.ReadFile(path)
			err = errors.Join(err,
				w.Raw("trace", []byte(lines[0])), w.Raw("trace", []byte(lines[0])), w.Raw("trace-ext", []byte(lines[1])),
				w.Write(&record.Summary{}),
			)
			if err != nil || string(early) != tt.early {
				t.Errorf("%q, %v before the end; want %q", early, err, tt.early)
			}
			if err := files.Close(); (err == nil) != (tt.broke == nil) {
				t.Errorf("Close: %v", err)
			}
			if got, _ := os.ReadFile(path); string(got) != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if list, _ := filepath.Glob(path + "*"); (len(list) == 1) != (tt.broke == nil) {
				t.Errorf("files %v", list)
			}
		})
	}
}

// Names of outputs that cannot be written are refused, each with its field.
func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		paths Paths
		field string // "" if they are taken
		text  string
	}{
		{Paths{Output: "x.ndjson.zst"}, "", ""},
		{Paths{Output: "x"}, "", ""},
		{Paths{Output: "-", Replies: "r.ndjson", Meta: "m"}, "", ""},
		{Paths{Output: "x.unknown"}, "Output", ".ndjson"},
		{Paths{Output: "x.ndjson", Replies: "r.unknown"}, "ReplyOutput", ".ndjson"},
		{Paths{Output: "x.ndjson", Meta: "m.unknown"}, "MetaOutput", ".ndjson"},
		{Paths{Output: "x.unknown", Format: "ndjson"}, "", ""},
		{Paths{Output: "x", Format: "none"}, "Format", `"none"`},
		{Paths{Output: "x", Table: "hops"}, "Table", "no tables"},
	} {
		err := tt.paths.Check()
		field := ""
		if e, ok := errors.AsType[*outfile.EndingError](err); ok {
			field = e.Name
		}
		if e, ok := errors.AsType[*outfile.RefusedError](err); ok {
			field = e.Name
		}
		if field != tt.field || err != nil && !strings.Contains(err.Error(), tt.text) || (err == nil) != (field == "") {
			t.Errorf("%+v: %v of %q, want %q", tt.paths, err, field, tt.field)
		}
	}
}

// A list, and a table that is not the first one, have one part of the records.
func TestLacksAllBut(t *testing.T) {
	for _, tt := range []struct {
		paths Paths
		want  string
	}{
		{Paths{Output: "a.answered.txt"}, "a.answered.txt has only the targets"},
		{Paths{Output: "a.parquet", Table: "links"}, "a.parquet has only the table links"},
		{Paths{Output: "-", Format: "parquet", Table: "replies"}, "parquet has only the table replies"},
	} {
		if text := tt.paths.Lacks(record.Both); text != tt.want {
			t.Errorf("%+v: %q, want %q", tt.paths, text, tt.want)
		}
	}
	first := Paths{Output: "a.parquet", Table: "hops"}
	if text := first.Lacks(record.Both); !strings.Contains(text, "has no place for") {
		t.Errorf("the first table: %q", text)
	}
}

// Only results with multipath records are told what a format loses of them.
func TestLacksMultipath(t *testing.T) {
	for name, words := range map[string]string{
		"a.csv": "multipath records", "a.parquet": "multipath records (table links", "a.warts": "confidences of balancers", "a.scamper.json": "confidences of balancers",
		"a.ndjson": "", "a.atlas.json": "multipath records", "a.yrp": "multipath records",
	} {
		p := Paths{Output: name}
		if text := p.Lacks(record.Both); strings.Contains(text, "multipath") || strings.Contains(text, "balancers") {
			t.Errorf("%s of traces: %s", name, text)
		}
		if text := p.Lacks(record.Both | record.Multipaths); !strings.Contains(text, words) || words == "" && text != "" {
			t.Errorf("%s: %s", name, text)
		}
	}
}
