package table

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/wire"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// router returns an address of the path.
func router(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }

// watched returns a board after 10 cycles: TTL 2 limits its answers, TTL 3 is silent, TTL 4 is the
// target. TTL 1 changes.
func watched() *board.Board {
	b := board.New([]board.Target{{Name: "host.example", Addr: router(9)}}, 1)
	for cycle := range uint32(10) {
		for ttl := uint8(1); ttl <= 4; ttl++ {
			s := board.Sample{Cycle: cycle, TTL: ttl, From: router(ttl), RTT: time.Duration(ttl)*10*time.Millisecond + time.Duration(cycle)*time.Millisecond, Sent: int64(cycle) * 1e9}
			s.Kind = probe.KindTTLExceeded
			switch {
			case ttl == 2 && cycle%2 == 0, ttl == 3:
				s.Outcome = board.Silent
			case ttl == 1 && cycle > 5:
				s.From = router(77)
			case ttl == 4:
				s.From, s.Kind = router(9), probe.KindPortUnreach
			}
			b.Take(&s)
		}
		b.EndCycle(cycle)
	}
	return b
}

// A report has a row for each hop, the notes, the end of the path, and its changes.
func TestReport(t *testing.T) {
	columns, err := Parse("loss, sent,LAST,avg,best,worst,stdev,p50,history")
	if err != nil {
		t.Fatal(err)
	}
	look := Look{ASCII: true, Name: func(a netip.Addr) string {
		if a == router(9) {
			return "host.example"
		}
		return ""
	}}
	var out bytes.Buffer
	if err := Report(&out, watched().Targets[0], columns, &look, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	const want = `Start: 1970-01-01T00:00:00+0000
HOST: host.example (192.0.2.9)    Loss%  Sent   Last    Avg   Best  Worst  StDev    P50 History
  1.|-- 192.0.2.77                  0.0    10   19.0   14.5   10.0   19.0   3.03   14.1 _.-::=++**
  2.|-- 192.0.2.2                  50.0    10   29.0   25.0   21.0   29.0   3.16   25.1 x_x.x-x:x:            limit
  3.|-- (no answer)                   -    10      -      -      -      -      -      - xxxxxxxxxx
  4.|-- host.example (192.0.2.9)    0.0    10   49.0   44.5   40.0   49.0   3.03   44.0 ___....---
reached at TTL 4, loss 0.0%, 1 router limits its answers
00:00:06 path changed: TTL 1 192.0.2.1 -> 192.0.2.77
`
	if got := out.String(); got != want {
		t.Errorf("the report is\n%s\nwant\n%s", got, want)
	}
}

// The object has what the report has, and null where nothing is known.
func TestObject(t *testing.T) {
	var out bytes.Buffer
	if err := WriteObject(&out, watched(), Object{Reason: "count"}, &Look{}); err != nil {
		t.Fatal(err)
	}
	var o Object
	if err := json.Unmarshal(out.Bytes(), &o); err != nil {
		t.Fatal(err)
	}
	flow := o.Targets[0].Flows[0]
	if o.Type != "watch-report" || o.Cycles != 10 || flow.End != "reached" || flow.EndTTL != 4 || len(o.Targets[0].Changes) != 1 {
		t.Errorf("the object is %+v", o)
	}
	if h := flow.Hops[1]; !h.Limited || h.Loss != 50 || h.Network != 0 || h.Best == nil || *h.Best != 21 {
		t.Errorf("a router that limits its answers: %+v", h)
	}
	if h := flow.Hops[2]; h.Addr != nil || h.Last != nil || h.Limited {
		t.Errorf("a silent hop: %+v", h)
	}
}

// A wrong column is named, with those that there are.
func TestParse(t *testing.T) {
	_, err := Parse("loss,nothing")
	if err == nil || !strings.Contains(err.Error(), `no column "nothing"`) || !strings.Contains(err.Error(), "p99") {
		t.Errorf("Parse: %v", err)
	}
	for _, c := range All() {
		if c.Title == "" || c.Meaning == "" || c.Width < len([]rune(c.Title)) {
			t.Errorf("column %s: %+v", c.Name, c)
		}
	}
}

// Rows are sorted by a column, the largest first; without a column they stay as they are.
func TestSort(t *testing.T) {
	rows := Rows(watched().Targets[0])
	columns, err := Parse("avg")
	if err != nil {
		t.Fatal(err)
	}
	Sort(rows, &columns[0])
	got := ""
	for _, r := range rows {
		got += string('0' + rune(r.TTL))
	}
	if got != "4213" {
		t.Errorf("the order is %s", got)
	}
}

// Times have as many digits as are of use.
func TestMillis(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.00", 1234 * time.Microsecond: "1.23", 12345 * time.Microsecond: "12.3", 1234 * time.Millisecond: "1234",
	} {
		if got := Millis(d); got != want {
			t.Errorf("Millis(%v) = %s, want %s", d, got, want)
		}
	}
}

// Each ending and each note has its words.
func TestWords(t *testing.T) {
	look := Look{Label: func(netip.Addr) string { return "AS64500" }}
	for kind, want := range map[probe.Kind]string{
		probe.KindAdmin:        "unreachable at TTL 2: prohibited by an administrator, reported by 192.0.2.2, loss 0.0%",
		probe.KindHostUnreach:  "unreachable at TTL 2: no route to the host, reported by 192.0.2.2, loss 0.0%",
		probe.KindNetUnreach:   "unreachable at TTL 2: no route to the network, reported by 192.0.2.2, loss 0.0%",
		probe.KindProtoUnreach: "unreachable at TTL 2: the host lacks the protocol, reported by 192.0.2.2, loss 0.0%",
		probe.KindUnreach:      "unreachable at TTL 2: for another reason, reported by 192.0.2.2, loss 0.0%",
		probe.KindTTLExceeded:  "no answer beyond TTL 2",
	} {
		b := board.New([]board.Target{{Addr: router(9)}}, 1)
		s := board.Sample{TTL: 2, From: router(2), Answer: board.Answer{Kind: kind, MTU: 1400, Rewritten: probe.MangledIPID, MPLS: []wire.Label{{Label: 7}}}}
		b.Take(&s)
		if kind == probe.KindTTLExceeded {
			b.Take(&board.Sample{TTL: 3, Outcome: board.Silent})
		}
		p := b.Targets[0].Flows[0]
		if got := EndingText(p, &look); got != want {
			t.Errorf("%v: %q, want %q", kind, got, want)
		}
		r := Row{TTL: 2, Path: p, Hop: p.Hop(2)}
		if got := look.ShortMarks(&r); !strings.HasPrefix(got, "mpls nat") || !strings.HasSuffix(got, "mtu") {
			t.Errorf("%v: the notes are %q", kind, got)
		}
	}
	b := board.New([]board.Target{{Addr: router(9)}}, 2)
	look.Flows = true
	if got := strings.Join(Endings(b.Targets[0], &look), "; "); got != "flow 0: no answer yet; flow 1: no answer yet" {
		t.Errorf("before any answer: %s", got)
	}
	b.Take(&board.Sample{TTL: 1, Outcome: board.Silent})
	if got := EndingText(b.Targets[0].Flows[0], &look); got != "no router and no target answers" {
		t.Errorf("in silence: %s", got)
	}
	columns, err := Parse("as,marks,drop,recv,late,jlast,jmax,jint")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Plain(&out, watched().Targets[0], columns, &look, time.Unix(0, 0), 10); err != nil || !strings.Contains(out.String(), "cycle 10\n") || !strings.Contains(out.String(), "AS64500") {
		t.Errorf("%v:\n%s", err, out.String())
	}
}
