package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// view is the traces of one vantage point in a scan: to targets from, from+1, … before to. All
// targets have the router of that number at TTL 2.
type view struct {
	agent, source    string // agent is "" outside a fleet
	from, to, router int
}

// viewed adds the traces of views to a scan.
func viewed(add func(record.Record), views []view) {
	for _, v := range views {
		r := &record.Run{}
		if v.agent != "" {
			r.Vantage = &record.Vantage{Name: v.agent}
		}
		add(r)
		for i := v.from; i < v.to; i++ {
			t := traceOf(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("10.0.0.1 10.0.1.%d 10.0.0.3", v.router), 0)
			t.Source = probe.AddrFrom(netip.MustParseAddr(v.source))
			add(t)
		}
	}
}

// Each vantage point is compared with itself, in whatever order the files have its traces, and
// whichever targets it has.
func TestPoints(t *testing.T) {
	a, b := view{"a", "10.1.0.1", 0, 40, 1}, view{"b", "10.1.0.1", 0, 40, 2} // behind one translator
	x, y := view{"", "10.1.0.1", 0, 40, 1}, view{"", "10.2.0.1", 0, 40, 2}
	with := func(v view, from, to, router int) view { v.from, v.to, v.router = from, to, router; return v }
	for _, tt := range []struct {
		name     string
		old, new []view
		want     string // the changed paths, and the targets of both scans, of each vantage point; then those of one scan alone
	}{
		{"two agents", []view{a, b}, []view{b, a}, "a 0/40, b 0/40"},
		{"fewer targets", []view{a, b}, []view{with(a, 20, 40, 1), b}, "a 0/20, b 0/40"},
		{"a change at one", []view{a, b}, []view{a, with(b, 0, 40, 3)}, "a 0/40, b 40/40"},
		{"an agent is new", []view{a}, []view{a, b}, "a 0/40; new b"},
		{"targets moved to another agent", []view{with(a, 0, 20, 1), with(b, 20, 40, 2)}, []view{with(b, 0, 25, 2), with(a, 25, 40, 1)}, "a 0/0, b 0/5"},
		{"no agent of both", []view{a, b}, []view{x}, "refused"},
		{"two machines", []view{x, y}, []view{y, x}, "10.1.0.1 0/40, 10.2.0.1 0/40"},
		{"a machine with another address", []view{x}, []view{with(y, 0, 40, 1)}, " 0/40"},
		{"an address for each half", []view{with(x, 0, 20, 1), with(y, 20, 40, 1)}, []view{x}, " 0/40"},
		{"one agent", []view{a}, []view{with(x, 0, 40, 3)}, " 40/40"},
	} {
		builder := NewBuilder(ByTarget)
		viewed(builder.AddOld, tt.old)
		viewed(builder.AddNew, tt.new)
		r, err := builder.results([2]string{"old", "new"})
		if _, refused := errors.AsType[*outfile.RefusedError](err); refused {
			if tt.want != "refused" {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		var parts []string
		for _, one := range r.List {
			parts = append(parts, fmt.Sprintf("%s %d/%d", one.Point, len(one.Changes), one.Compared))
		}
		got := strings.Join(parts, ", ")
		if len(r.OnlyOld) > 0 {
			got += "; old " + strings.Join(r.OnlyOld, " ")
		}
		if len(r.OnlyNew) > 0 {
			got += "; new " + strings.Join(r.OnlyNew, " ")
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// Text has a part for each vantage point, and JSON an object.
func TestPointsWritten(t *testing.T) {
	builder := NewBuilder(ByTarget)
	viewed(builder.AddOld, []view{{"a", "10.1.0.1", 0, 4, 1}, {"b", "10.1.0.1", 0, 4, 2}, {"c", "10.1.0.1", 0, 4, 2}})
	viewed(builder.AddNew, []view{{"b", "10.1.0.1", 0, 4, 2}, {"a", "10.1.0.1", 0, 4, 1}, {"d", "10.1.0.1", 0, 4, 1}})
	r, err := builder.results([2]string{"old", "new"})
	if err != nil || r.Changed() {
		t.Fatalf("changed: %v, %v", r.Changed(), err)
	}
	var text, object bytes.Buffer
	if err := errors.Join(r.Text(&text), r.JSON(&object)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"vantage point a\n", "\nvantage point b\n", "old scan alone, left out: c\n", "new scan alone, left out: d\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	var got struct {
		Points []struct {
			Point    string `json:"vantage_point"`
			Compared int    `json:"compared"`
		} `json:"vantage_points"`
		Old []string `json:"only_old_vantage_points"`
		New []string `json:"only_new_vantage_points"`
	}
	if err := json.Unmarshal(object.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Points) != 2 || got.Points[0].Point != "a" || got.Points[1].Compared != 4 || !slices.Equal(got.Old, []string{"c"}) || !slices.Equal(got.New, []string{"d"}) {
		t.Errorf("%+v", got)
	}
}
