package all

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// goldens are results with all features of records, as masstrace wrote them.
const goldens = "../../../testdata/output/*.ndjson"

// seen is an address at a TTL of the path to a target.
type seen struct {
	target probe.Addr
	ttl    uint8
	addr   probe.Addr
}

// String is the text in messages.
func (s seen) String() string { return fmt.Sprintf("%v %d %v", s.target, s.ttl, s.addr) }

// recordsOf returns all records of a file.
func recordsOf(t *testing.T, in io.Reader) (records []record.Record) {
	t.Helper()
	f, err := New(in)
	if errors.Is(err, format.ErrUnknown) {
		return nil // a file without a record
	}
	if err != nil {
		t.Fatal(err)
	}
	for {
		r, err := f.Read()
		if err == io.EOF {
			return records
		}
		if err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
		records = append(records, r)
	}
}

// setOf returns the addresses of the hops of traces, or those of replies.
func setOf(records []record.Record, kinds record.Kinds) map[seen]bool {
	set := map[seen]bool{}
	for _, r := range records {
		switch r := r.(type) {
		case *record.Trace:
			for i := range r.Hops {
				if kinds.Has(record.Traces) {
					set[seen{r.Target, r.Hops[i].TTL, r.Hops[i].Responder}] = true
				}
			}
		case *record.Reply:
			if kinds.Has(record.Replies) && format.IsRow(r) {
				set[seen{r.Head.Target, r.TTL, r.Responder}] = true
			}
		}
	}
	return set
}

// Every format that is read and written gives back the addresses of golden results, at the TTLs
// and for the targets where they were. Its addresses are plain.
func TestGivesBack(t *testing.T) {
	files, err := filepath.Glob(goldens)
	if err != nil || len(files) < 11 {
		t.Fatal(files, err)
	}
	for _, f := range formats {
		if f.NewReader == nil || f.NewWriter == nil || f.Name == "ndjson" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			n := 0
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				records := recordsOf(t, strings.NewReader(string(text)))
				for _, kinds := range []record.Kinds{record.Traces, record.Both} {
					n += givesBack(t, f, file, records, kinds)
				}
			}
			if n < 50 {
				t.Errorf("only %d addresses", n)
			}
		})
	}
}

// givesBack writes the records of some kinds, compares, and returns the number of addresses.
func givesBack(t *testing.T, f format.Format, file string, records []record.Record, kinds record.Kinds) int {
	t.Helper()
	records = slices.DeleteFunc(slices.Clone(records), func(r record.Record) bool {
		_, isReply := r.(*record.Reply)
		return isReply && kinds == record.Traces
	})
	want := setOf(records, record.Traces)
	var out strings.Builder
	w := f.NewWriter(format.Output{Out: &out, Kinds: record.Both, Run: "01JX", Hostname: "vp1"})
	if f.Replies {
		w = format.Rows(w)
		if replies := setOf(records, record.Replies); len(replies) > 0 {
			want = replies
		}
	}
	var err error
	for _, r := range records {
		err = errors.Join(err, w.Write(r))
	}
	if e, ok := w.(format.Ender); ok {
		err = errors.Join(err, e.End())
	}
	if err = errors.Join(err, w.Flush()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "::ffff:") {
		t.Errorf("%s: addresses are not plain:\n%s", file, out.String())
	}
	got := setOf(recordsOf(t, strings.NewReader(out.String())), record.Both)
	if !maps.Equal(want, got) {
		t.Errorf("%s: got %v, want %v", file, slices.Collect(maps.Keys(got)), slices.Collect(maps.Keys(want)))
	}
	if again, err := New(strings.NewReader(out.String())); err == nil && again.Name() != f.Name {
		t.Errorf("%s: written as %s, and taken for %s", file, f.Name, again.Name())
	}
	return len(want)
}
