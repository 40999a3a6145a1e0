package flatlinks

import (
	"encoding/csv"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

func addr(n byte) probe.Addr { return probe.Addr4From([4]byte{192, 0, 2, n}) }

// records are a run with all paths to two targets, the first with a trace before.
func records() []record.Record {
	t := &record.Trace{}
	t.Target, t.FlowIndex = addr(9), 7
	for ttl := range uint8(2) {
		h := record.Hop{Sent: 1_790_000_001_000_002_000 + int64(ttl)*1e6}
		h.TTL, h.Responder = ttl+1, addr(ttl+1)
		t.Hops = append(t.Hops, h, h)
	}
	return []record.Record{
		&record.Run{Strategy: record.Strategy{Strategy: "multipath"}}, t,
		&record.Multipath{Target: addr(9), Links: []record.Link{
			{TTL: 1, Near: addr(1), Far: addr(2), Flows: 6, Dt: 1_000_999}, {TTL: 1, Near: addr(1), Flows: 5}, {TTL: 2, Near: addr(2), Far: addr(9), Flows: 6, Remapped: true},
		}},
		&record.Multipath{Target: addr(8), Links: []record.Link{{TTL: 1, Near: addr(1), Far: addr(2), Flows: 1}}},
		&record.Multipath{Target: addr(7)},
	}
}

func written(t *testing.T, list []record.Record) string {
	t.Helper()
	var b strings.Builder
	w := Format.NewWriter(format.Output{Out: &b})
	var err error
	for _, r := range list {
		err = errors.Join(err, w.Write(r))
	}
	if err = errors.Join(err, w.(format.Ender).End(), w.Flush()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCSV(t *testing.T) {
	want := header +
		"192.0.2.9,192.0.2.1,192.0.2.2,1,2,7,6,1790000001.000002,1790000001.001002,1.000,false\n" +
		"192.0.2.9,192.0.2.1,,1,2,,5,,,0.000,false\n" +
		"192.0.2.9,192.0.2.2,192.0.2.9,2,3,,6,,,0.000,true\n" +
		"192.0.2.8,192.0.2.1,192.0.2.2,1,2,,1,,,0.000,false\n"
	if diff := cmp.Diff(want, written(t, records())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := written(t, nil); got != header {
		t.Errorf("%q without a record", got)
	}
}

// Go's reader of CSV takes a file: each row has a value or nothing for each column.
func TestSecondReader(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(written(t, records()))).ReadAll()
	if err != nil || len(rows) != 5 {
		t.Fatal(len(rows), err)
	}
	if got := strings.Join(rows[0], ",") + "\n"; got != header {
		t.Errorf("columns %q", got)
	}
	if far := slices.Index(rows[0], "far"); rows[1][far] != "192.0.2.2" || rows[2][far] != "" {
		t.Errorf("%q", rows)
	}
}
