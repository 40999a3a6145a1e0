package format

import (
	"fmt"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/record"
)

// ttls is a Writer of replies: of each it keeps the TTL. It cannot have anything else.
type ttls struct {
	t    *testing.T
	list []string
	ends int
}

func (w *ttls) Write(r record.Record) error {
	switch r := r.(type) {
	case *record.Reply:
		w.list = append(w.list, fmt.Sprint(r.TTL))
	case *record.Trace:
		w.t.Error("a trace")
	}
	return nil
}

func (w *ttls) Flush() error { return nil }
func (w *ttls) End() error   { w.ends++; return nil }

// Rows are replies where there are some, and hops elsewhere, and never both.
func TestRows(t *testing.T) {
	reply := func(ttl uint8) record.Record {
		r := new(record.Reply)
		r.TTL = ttl
		return r
	}
	trace := func(ttls ...uint8) record.Record {
		tr := new(record.Trace)
		for _, ttl := range ttls {
			var h record.Hop
			h.TTL = ttl
			tr.Hops = append(tr.Hops, h)
		}
		return tr
	}
	set := &record.Run{Files: &record.Files{Replies: "replies.ndjson"}}
	for _, tt := range []struct {
		name    string
		records []record.Record
		want    string
	}{
		{"replies alone", []record.Record{&record.Run{}, reply(1), reply(2)}, "1 2"},
		{"traces alone", []record.Record{&record.Run{}, trace(3, 4), trace(5)}, "3 4 5"},
		{"windows of both", []record.Record{&record.Run{}, reply(1), reply(2), trace(1, 2), reply(3), trace(3)}, "1 2 3"},
		{"a silent trace before the first reply", []record.Record{&record.Run{}, trace(), reply(1), trace(1)}, "1"},
		{"replies in another file", []record.Record{set, trace(1, 2), reply(1), reply(2), &record.Summary{}}, "1 2"},
		{"two runs", []record.Record{&record.Run{}, reply(1), trace(1), &record.CycleStart{}, &record.Run{}, trace(7)}, "1 7"},
		{"replies after their hops", []record.Record{trace(1), reply(1)}, "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := &ttls{t: t}
			w := Rows(out)
			for _, r := range tt.records {
				if err := w.Write(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.(Ender).End(); err != nil || out.ends != 1 {
				t.Errorf("%v, %d ends", err, out.ends)
			}
			if got := strings.Join(out.list, " "); got != tt.want {
				t.Errorf("rows of TTLs %s, want %s", got, tt.want)
			}
		})
	}
}
