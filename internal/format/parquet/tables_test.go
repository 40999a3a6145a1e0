package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

func formatOutput(table string) format.Output {
	return format.Output{Out: new(bytes.Buffer), Table: table}
}

// rows reads some columns of a file by parquet-go, the second reader.
func rows(t *testing.T, file []byte, names ...string) (list []string) {
	t.Helper()
	f, err := pq.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var at []int
	for _, name := range names {
		leaf, ok := f.Schema().Lookup(strings.Split(name, ".")...)
		if !ok {
			t.Fatalf("no column %s in %v", name, f.Schema())
		}
		at = append(at, leaf.ColumnIndex)
	}
	for _, g := range f.RowGroups() {
		reader := g.Rows()
		buf := make([]pq.Row, 64)
		for {
			n, err := reader.ReadRows(buf)
			for _, row := range buf[:n] {
				var cells []string
				for _, column := range at {
					var cell []string
					row.Range(func(i int, values []pq.Value) bool {
						for _, v := range values {
							if i == column {
								cell = append(cell, v.String())
							}
						}
						return true
					})
					cells = append(cells, strings.Join(cell, "+"))
				}
				list = append(list, strings.Join(cells, " "))
			}
			if err != nil {
				break
			}
		}
		reader.Close()
	}
	return list
}

func compare(t *testing.T, got []string, want ...string) {
	t.Helper()
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
}

func TestSecondReader(t *testing.T) {
	file := write(t, "", samples())
	compare(t, rows(t, file, "dst", "userid", "probe_ttl", "probe_attempt", "addr", "rtt", "kind", "mpls_labels.list.element", "stop_reason", "no_reply"),
		"198.100.100.100 0 1 <null> 203.0.113.1 <null> <null> <null> UNREACH [[2,1],[255,3]]",
		"198.100.100.100 0 2 0 203.1.0.0 2.849308 ttl_exceeded 29657+17 UNREACH [[2,1],[255,3]]",
		"198.100.100.100 0 2 1 203.2.0.0 4.389789 ttl_exceeded <null> UNREACH [[2,1],[255,3]]",
		"198.100.100.100 0 3 0 203.3.0.0 3.123615 syn_ack <null> UNREACH [[2,1],[255,3]]",
		"198.51.100.9 1 <null> <null> <null> <null> <null> <null> HOPLIMIT []",
		"198.51.100.9 1 <null> <null> <null> <null> <null> <null> HOPLIMIT []",
		"2001:db8::9 0 7 <null> 2001:db8:1::1 8.64197 <null> <null> COMPLETED <null>",
		"2001:db8::9 0 7 <null> 2001:db8:1::1 8.64197 <null> <null> COMPLETED <null>",
	)
}

func TestMetadata(t *testing.T) {
	file := write(t, "", samples())
	f, err := pq.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		keySchema: schema, keyTable: tableHops, keyRun: `"run":"01JX"`, keySummary: `"elapsed_s":1.5`, keyCycleStart: `"hostname":"vp1"`,
	} {
		if text, ok := f.Lookup(key); !ok || !strings.Contains(text, want) {
			t.Errorf("%s is %.80q, want %s", key, text, want)
		}
	}
	sorted := f.RowGroups()[0].SortingColumns()
	if len(sorted) != 2 || sorted[0].Path()[0] != "dst" || sorted[1].Path()[0] != "userid" || sorted[0].Descending() {
		t.Errorf("sorted by %v", sorted)
	}
	for _, c := range f.Metadata().RowGroups[0].Columns {
		if c.MetaData.Codec.String() != "ZSTD" {
			t.Errorf("%v is compressed by %v", c.MetaData.PathInSchema, c.MetaData.Codec)
		}
	}
}

func TestLinks(t *testing.T) {
	a, b, c := addr("203.0.113.1"), addr("203.0.113.2"), addr("203.0.113.10")
	path := func(hops ...record.Hop) record.Record {
		return &record.Trace{Head: record.Head{Target: addr("198.51.100.9")}, Hops: hops}
	}
	at := func(ttl, attempt uint8, from probe.Addr) record.Hop { return hop(probe.Addr{}, 0, ttl, attempt, from) }
	compare(t, rows(t, write(t, tableLinks, []record.Record{
		path(at(1, 0, a), at(1, 1, a), at(2, 0, b), at(2, 1, c), at(4, 0, a)),
		path(at(1, 0, a), at(2, 0, b), at(3, 0, b), at(4, 0, c)),
		path(),
	}), "near", "far", "traces"),
		"203.0.113.1 203.0.113.10 1",
		"203.0.113.1 203.0.113.2 2",
		"203.0.113.2 203.0.113.10 1",
	)
}

// The links of multipath records have a row for each target, and the traces of the run have none.
func TestMultipathLinks(t *testing.T) {
	a, b := addr("203.0.113.1"), addr("203.0.113.2")
	trace := &record.Trace{Head: record.Head{Target: addr("198.51.100.9"), FlowIndex: 7}, Hops: []record.Hop{hop(probe.Addr{}, 0, 1, 0, a), hop(probe.Addr{}, 0, 2, 0, b)}}
	all := []record.Record{
		&record.Run{Strategy: record.Strategy{Strategy: "multipath"}}, trace,
		&record.Multipath{Target: addr("198.51.100.9"), Links: []record.Link{
			{TTL: 1, Near: a, Flows: 5}, {TTL: 1, Near: a, Far: b, Flows: 6, Dt: 1_500_000}, {TTL: 2, Far: b, Flows: 5, Remapped: true},
		}},
		&record.Multipath{Target: addr("198.51.100.8"), Links: []record.Link{{TTL: 1, Near: a, Far: b, Flows: 1}}},
	}
	compare(t, rows(t, write(t, tableLinks, all), "near", "far", "traces", "dst", "near_ttl", "far_ttl", "flow", "flows", "dt", "remapped"),
		"203.0.113.1 203.0.113.2 <null> 198.51.100.9 1 2 7 6 1.5 false",
		"203.0.113.1 203.0.113.2 <null> 198.51.100.8 1 2 <null> 1 0 false",
		"203.0.113.1 <null> <null> 198.51.100.9 1 2 <null> 5 0 false",
		"<null> 203.0.113.2 <null> 198.51.100.9 2 3 <null> 5 0 true",
	)
	for _, name := range Tables {
		_ = write(t, name, all) // no table refuses them
	}
}

func TestTraces(t *testing.T) {
	compare(t, rows(t, write(t, tableTraces, samples()), "dst", "userid", "src", "method", "flow_value", "stop_reason", "reached", "loops"),
		"198.100.100.100 0 192.0.2.1 udp 41021 UNREACH true [[1,3]]",
		"198.51.100.9 1 192.0.2.1 icmp 7 HOPLIMIT false <null>",
		"198.51.100.9 1 192.0.2.2 icmp 7 HOPLIMIT false <null>",
		"2001:db8::9 0 <null> <null> <null> COMPLETED true <null>",
	)
}

func TestReplies(t *testing.T) {
	var list []record.Record
	for _, r := range samples() {
		if tr, ok := r.(*record.Trace); ok {
			for i := range tr.Hops {
				list = append([]record.Record{&record.Reply{Head: tr.Head, Hop: tr.Hops[i]}}, list...)
			}
		}
	}
	compare(t, rows(t, write(t, tableReplies, list), "run", "probe_dst_addr", "probe_ttl", "reply_src_addr", "reply_mpls_labels.list.element", "quoted_id"),
		"01JX 198.100.100.100 3 203.3.0.0 <null> <null>",
		"01JX 198.100.100.100 2 203.2.0.0 <null> 0",
		"01JX 198.100.100.100 2 203.1.0.0 29657+17 0",
		"01JX 2001:db8::9 7 2001:db8:1::1 <null> <null>",
		"01JX 2001:db8::9 7 2001:db8:1::1 <null> <null>",
	)
}

// full is a disk that is.
type full struct{ room int }

var errFull = errors.New("full")

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestFull(t *testing.T) {
	for _, room := range []int{0, 100, 5000} {
		w := NewWriter(format.Output{Out: &full{room}})
		var err error
		for _, r := range samples() {
			err = errors.Join(err, w.Write(r))
		}
		if err = errors.Join(err, w.End()); !errors.Is(err, errFull) || !errors.Is(w.Flush(), errFull) {
			t.Errorf("%d bytes: %v", room, err)
		}
		if err := w.Write(&record.Trace{}); err == nil {
			t.Errorf("%d bytes: a trace after the error", room)
		}
	}
}

func TestParse4(t *testing.T) {
	for text, want := range map[string]string{
		"1.2.3.4": "1.2.3.4", "255.255.255.255": "255.255.255.255", "0.0.0.0": "0.0.0.0", "10.0.200.30": "10.0.200.30",
		"256.1.1.1": "", "1.2.3": "", "1.2.3.4.5": "", "01.2.3.4": "", "1..2.3": "", "": "", "1.2.3.4 ": "", "1.2.3.400": "", "::1": "",
	} {
		a, ok := parse4([]byte(text))
		if got := fmt.Sprint(a); ok != (want != "") || ok && got != want {
			t.Errorf("%q is %s, %t", text, got, ok)
		}
	}
}
