package statusfile

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
)

// buffer is an output that fails after some writes.
type buffer struct {
	bytes.Buffer
	left int
}

var errFull = errors.New("full")

func (b *buffer) Write(p []byte) (int, error) {
	if b.left--; b.left < 0 {
		return 0, errFull
	}
	return b.Buffer.Write(p)
}
func (*buffer) Flush() error { return nil }
func (*buffer) Close() error { return nil }

func run(f *File) {
	p := observe.Progress{Elapsed: 2 * time.Second, Left: 3 * time.Second, Share: 0.4, Sent: 200, RatePPS: 100, Answered: 150, Drops: 1}
	p.Inbound.Frames, p.Inbound.Strong, p.Inbound.Weak, p.Inbound.Rejected.Tag = 160, 140, 10, 9
	f.Event(observe.Began{})
	f.Progress(p)
	s := &record.Summary{ElapsedS: 5, Complete: true}
	s.Sent, s.Answered, s.Strong = 500, 400, 400
	f.Event(observe.Finished{Summary: s})
}

// Both formats have a line for each progress and one at the end, with the same columns.
func TestFormats(t *testing.T) {
	at := func() time.Time { return time.Unix(1_790_000_000, 5e6) }
	var text, rows buffer
	text.left, rows.left = 10, 10
	run(newFile(&text, false, func(err error) { t.Error(err) }, at))
	run(newFile(&rows, true, func(err error) { t.Error(err) }, at))
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	table, err := csv.NewReader(&rows).ReadAll()
	if err != nil || len(table) != 3 || len(lines) != 2 {
		t.Fatalf("%v\n%q\n%v", table, lines, err)
	}
	want := []string{
		`{"time":"2026-09-21T14:13:20.005Z","elapsed_s":2,"left_s":3,"done":0.4,"sent":200,"rate_pps":100,"avg_pps":100,"answered":150,"hit_rate":0.75,` +
			`"frames":160,"strong":140,"weak":10,"duplicates":0,"late_replies":0,"rejected":9,"drops":1}`,
		`{"time":"2026-09-21T14:13:20.005Z","elapsed_s":5,"left_s":0,"done":1,"sent":500,"rate_pps":0,"avg_pps":100,"answered":400,"hit_rate":0.8,` +
			`"frames":0,"strong":400,"weak":0,"duplicates":0,"late_replies":0,"rejected":0,"drops":0}`,
	}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	for i, line := range lines {
		var fields map[string]any
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&fields); err != nil || len(fields) != len(columns) {
			t.Errorf("%v: %s", err, line)
		}
		for k, name := range columns {
			var cell string
			switch v := fields[name].(type) {
			case string:
				cell = v
			case json.Number:
				cell = v.String()
			}
			if table[0][k] != name || table[i+1][k] != cell {
				t.Errorf("%s is %q in CSV, and %q in JSON", name, table[i+1][k], cell)
			}
		}
	}
}

// A write that fails is told once, and the run goes on.
func TestFull(t *testing.T) {
	for _, asCSV := range []bool{false, true} {
		told := 0
		b := &buffer{left: 1}
		f := newFile(b, asCSV, func(err error) {
			if told++; !errors.Is(err, errFull) {
				t.Error(err)
			}
		}, time.Now)
		run(f)
		run(f)
		if err := f.Close(); told != 1 || err != nil {
			t.Errorf("told %d times, Close = %v", told, err)
		}
	}
}

// A file that exists stays as it is.
func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "status.csv.gz")
	f, err := Create(path, outfile.ExistingIf(false), func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	run(f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, outfile.ExistingIf(false), nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("Create of an existing file: %v", err)
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r, _, err := outfile.Decompress(in)
	if err != nil {
		t.Fatal(err)
	}
	table, err := csv.NewReader(r).ReadAll()
	if err != nil || len(table) != 3 {
		t.Errorf("%d rows, %v", len(table), err)
	}
	var none *File
	if err := none.Close(); err != nil {
		t.Error(err)
	}
}
