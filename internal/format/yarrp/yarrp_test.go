package yarrp

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

const row = "1.2.3.4 1700000000 5 11 0 7 9.9.9.9 1234 17 44 56 250 192 0 17"

// row as it should be read.
func rowReply(unit time.Duration) *record.Reply {
	target, hop := probe.Addr4From([4]byte{1, 2, 3, 4}), probe.Addr4From([4]byte{9, 9, 9, 9})
	r := &record.Reply{Head: record.Head{Target: target, Method: record.NoMethod, ProbeSize: 44}}
	r.Hop.Facts = probe.Facts{
		Probe: probe.Probe{Target: target, TTL: 7}, Stamp: 1700000000000005000, Responder: hop,
		Protocol: probe.ProtoICMP, Type: 11, ReplyID: 17, ReplySize: 56, ReplyTTL: 250, ReplyTOS: 192,
	}
	r.RTT = 1234 * int64(unit)
	r.Lacks = record.LacksSent | record.LacksAttempt | record.LacksKind | record.LacksValid | record.LacksExt
	return r
}

func TestRead(t *testing.T) {
	late := "2600::1 1 5 3 0 7 2600::2 0 0 44 56 250 0 100:1,200:2" // 14 columns, no RTT
	for _, tt := range []struct {
		name, in string
		want     []*record.Reply
		faults   []int // lines
		err      error
	}{
		{"nothing", "# yarrp\n", nil, nil, io.EOF},
		{"a row", "# RTT_Granularity: us\n" + row + "\n", []*record.Reply{rowReply(time.Microsecond)}, nil, io.EOF},
		{"in ms", "# RTT_Granularity: ms\n\n" + row, []*record.Reply{rowReply(time.Millisecond)}, nil, io.EOF},
		{"a bad row", "x\n" + row + "\n1 2 3\n", []*record.Reply{rowReply(time.Microsecond)}, []int{1, 3}, io.EOF},
		{"cut", row + "\n" + row[:30], []*record.Reply{rowReply(time.Microsecond)}, nil, format.ErrCut},
		{"no address", strings.Replace(row, "9.9.9.9", "9.9.9", 1) + "\n", nil, []int{1}, io.EOF},
		{"a large TTL", strings.Replace(row, " 7 ", " 256 ", 1) + "\n", nil, []int{1}, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []*record.Reply
			var faults []int
			r := NewReader(strings.NewReader(tt.in))
			for {
				rec, err := r.Read()
				var line *format.LineError
				switch {
				case err == nil:
					got = append(got, rec.(*record.Reply))
					continue
				case errors.As(err, &line):
					faults = append(faults, line.Line)
					continue
				case err != tt.err:
					t.Errorf("%v, want %v", err, tt.err)
				}
				break
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.faults, faults); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
	r, err := parse(late, time.Microsecond, record.Head{})
	if err != nil || r.HasRTT() || r.Responder != (probe.Addr{0x26, 15: 2}) || r.Protocol != probe.ProtoICMPv6 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestBegins(t *testing.T) {
	for in, want := range map[string]bool{
		row: true, "# Program: Yarrp v0.7": true, "# Program: other": false, "# a list": false,
		"# a list\n" + row: true, "# Count: 3\n# Trace_Type: UDP": true, strings.Replace(row, " 9.9.9.9 ", " nine ", 1): false,
		"\n\n" + row[:len(row)-3]: true, "hello world": false, "": false, "{}": false,
	} {
		if Format.Begins([]byte(in)) != want {
			t.Errorf("%q: %t", in, !want)
		}
	}
}

// FuzzRow writes the read records, and reads them again.
func FuzzRow(f *testing.F) {
	f.Add(row)
	f.Add("2600::1 1 5 3 0 7 2600::2 0 0 44 56 250 0 100:1,200:2")
	f.Fuzz(func(t *testing.T, line string) {
		r, err := parse(line, time.Microsecond, record.Head{Method: record.NoMethod})
		if err != nil {
			if r != nil {
				t.Fatalf("%v left %+v behind", err, r)
			}
			return
		}
		if r.TTL == 0 {
			return // it is not written
		}
		var out strings.Builder
		w := NewWriter(format.Output{Out: &out})
		if err := errors.Join(w.Write(r), w.Flush()); err != nil {
			t.Fatal(err)
		}
		again, err := NewReader(strings.NewReader(out.String())).Read()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(record.Record(r), again); diff != "" {
			t.Fatal(diff)
		}
	})
}
