package show

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/draw"
	"github.com/masstrace/masstrace/internal/format/traceroute"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

func addr(n byte) probe.Addr { return probe.Addr4From([4]byte{192, 0, 2, n}) }

// traced returns a trace of a single router, with a round-trip time in ms.
func traced(target byte, ms int64) *record.Trace {
	t := &record.Trace{FirstTTL: 1, MaxTTL: 1}
	t.End = 1
	t.Target = addr(target)
	h := record.Hop{Sent: 1, RTT: ms * 1e6}
	h.TTL, h.Responder = 1, addr(1)
	t.Hops = []record.Hop{h}
	return t
}

func paths(target byte) *record.Multipath {
	return &record.Multipath{
		Target: addr(target), Probes: 7, Nodes: []record.Node{{TTL: 1, Addr: addr(1), Flows: 6}, {TTL: 2, Addr: addr(target), Flows: 1}},
		Links: []record.Link{{TTL: 1, Near: addr(1), Far: addr(target), Flows: 1}},
	}
}

// A multipath record is drawn in place of the traces of its target, with their round-trip times.
// Traces of other targets are shown, in their order.
func TestDrawings(t *testing.T) {
	run := &record.Run{Strategy: record.Strategy{Strategy: "multipath"}}
	for _, tt := range []struct {
		name    string
		records []record.Record
		want    string // the first words of each block, and times of the first router
	}{
		{"traces alone", []record.Record{&record.Run{}, traced(7, 3), traced(8, 4)}, "traceroute 3.000,traceroute 4.000"},
		{"a drawing", []record.Record{run, traced(7, 3), traced(7, 2), paths(7)}, "all 2.000"},
		{"two drawings", []record.Record{run, traced(7, 3), paths(7), traced(8, 4), paths(8)}, "all 3.000,all 4.000"},
		{"the record first", []record.Record{run, paths(7), traced(7, 3)}, "all"},
		{"without a record", []record.Record{run, traced(7, 3), traced(8, 4), paths(8), traced(9, 5)}, "traceroute 3.000,all 4.000,traceroute 5.000"},
		{"of another target", []record.Record{run, traced(7, 3), paths(8)}, "traceroute 3.000,all"},
		{"records alone", []record.Record{paths(7), paths(8)}, "all,all"},
		{"another run", []record.Record{run, traced(7, 3), &record.Run{}, traced(7, 4)}, "traceroute 3.000,traceroute 4.000"},
	} {
		var b bytes.Buffer
		w := NewDrawings(traceroute.NewTraces(traceroute.Writer{Out: &b}), &b, draw.Options{ASCII: true})
		for _, r := range tt.records {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for block := range strings.SplitSeq(b.String(), "\n\n") {
			words := strings.Fields(block)
			text := words[0]
			for i := 1; i < len(words); i++ {
				if words[i] == "ms" && !strings.Contains(text, " ") {
					text += " " + words[i-1]
				}
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, ",")); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", tt.name, diff, b.String())
		}
	}
}

// Graphs leave out traces without a multipath record.
func TestGraphs(t *testing.T) {
	var b bytes.Buffer
	w := NewGraphs(&b)
	for _, r := range []record.Record{
		&record.Run{Strategy: record.Strategy{Strategy: "multipath"}}, traced(7, 3), traced(8, 4), paths(8), &record.Run{}, traced(9, 1),
	} {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Count(got, "digraph") != 1 || !strings.Contains(got, "4.000 ms") || strings.Contains(got, "traceroute") {
		t.Error(got)
	}
}
