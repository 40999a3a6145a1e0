package caracal

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

const (
	row4 = `1640006077,1,::ffff:172.17.0.2,::ffff:1.0.0.1,24000,0,9,1,::ffff:9.9.9.9,1,11,0,250,56,"[]",1234,1`
	row6 = `1640006077,17,2600::2,2600::1,24000,33434,9,0,2600::9,58,3,0,250,56,"[(29657,2,0,4),(5, 6, 1, 8)]",1,1`
)

func TestRead(t *testing.T) {
	four := func(last byte) probe.Addr { return probe.Addr4From([4]byte{1, 0, 0, last}) }
	want4 := &record.Reply{Head: record.Head{
		Target: four(1), Source: probe.Addr4From([4]byte{172, 17, 0, 2}), Method: probe.ICMP, Flow: probe.Flow{Value: 24000},
	}}
	want4.Facts = probe.Facts{
		Probe: probe.Probe{Target: four(1), TTL: 9}, Stamp: 1640006077e9, Responder: probe.Addr4From([4]byte{9, 9, 9, 9}),
		Protocol: probe.ProtoICMP, Type: 11, ReplySize: 56, ReplyTTL: 250, HasQuote: true, QuotedTTL: 1,
	}
	want4.RTT = 123_400_000
	want4.Lacks = record.LacksSent | record.LacksAttempt | record.LacksKind | record.LacksValid
	r := NewReader(strings.NewReader(header + row4 + "\n" + row4[:40] + "\n" + row6 + "\n" + row4[:50]))
	got, err := r.Read()
	if diff := cmp.Diff(record.Record(want4), got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	var line *format.LineError
	if _, err := r.Read(); !errors.As(err, &line) || line.Line != 3 {
		t.Error(err)
	}
	got, err = r.Read()
	if err != nil {
		t.Fatal(err)
	}
	six := got.(*record.Reply)
	stack := wire.Label{Label: 5, EXP: 6, S: 1, TTL: 8}.AppendTo(wire.Label{Label: 29657, EXP: 2, TTL: 4}.AppendTo(nil))
	ext := wire.AppendExtension(nil, wire.Object{Class: wire.ClassMPLS, CType: wire.CTypeIncomingMPLS, Payload: stack})
	if six.Method != probe.UDP || six.DstPort != 33434 || six.HasQuote || six.Protocol != probe.ProtoICMPv6 || string(six.Ext) != string(ext) {
		t.Errorf("%+v", six)
	}
	for range 2 {
		if _, err := r.Read(); err != format.ErrCut {
			t.Error(err)
		}
	}
	if _, err := NewReader(strings.NewReader(row4 + "\n" + row6)).Read(); err != nil {
		t.Error(err)
	}
}

func TestRefuses(t *testing.T) {
	for _, change := range [][2]string{
		{"::ffff:9.9.9.9", "here"}, {"::ffff:1.0.0.1", "::"}, {",24000,", ",65536,"}, {",9,1,", ",256,1,"}, {"[]", "[(1,2)]"},
		{"[]", "[(1,2,3,4)]"}, {`"[]"`, `"[]`}, {",1234,1", ",1234"}, {",1234,", ",x,"},
	} {
		if r, err := parse(strings.Replace(row4, change[0], change[1], 1)); err == nil || r != nil {
			t.Errorf("%q: %+v, %v", change, r, err)
		}
	}
}

func TestBegins(t *testing.T) {
	for in, want := range map[string]bool{
		header: true, row4: true, "\n" + row6: true, "": false, "a,b": false, "# " + header: false,
	} {
		if Format.Begins([]byte(in)) != want {
			t.Errorf("%q: %t", in, !want)
		}
	}
	if _, err := Format.NewReader(strings.NewReader(header)).Read(); err != io.EOF {
		t.Error(err)
	}
}

// FuzzRow writes the read records, and reads them again.
func FuzzRow(f *testing.F) {
	f.Add(row4)
	f.Add(row6)
	f.Add(`7,1,::,::1,0,4,9,0,::9,8,3,0,0,6,"[]",1,1`) // a port of ICMP
	f.Fuzz(func(t *testing.T, line string) {
		r, err := parse(line)
		if err != nil {
			if r != nil {
				t.Fatalf("%v left %+v behind", err, r)
			}
			return
		}
		var out strings.Builder
		w := NewWriter(format.Output{Out: &out})
		if err := errors.Join(w.Write(r), w.Flush()); err != nil {
			t.Fatal(err)
		}
		row, ok := strings.CutPrefix(out.String(), header)
		if r.TTL == 0 {
			if !ok || row != "" {
				t.Fatalf("a reply at no TTL gives %q", row)
			}
			return
		}
		again, err := parse(strings.TrimSuffix(row, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
