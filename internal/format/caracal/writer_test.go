package caracal

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Rows have plain addresses, and come of replies, or of hops if a file has no replies.
func TestWrite(t *testing.T) {
	read := func(row string) *record.Reply {
		r, err := parse(row)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	four, six := read(row4), read(row6)
	six.Responder = probe.AddrFrom(netip.MustParseAddr("::ffff:9.9.9.9")) // as some routers answer
	late, superseded := *four, *four
	late.Late, superseded.Superseded = true, true
	late.Method, late.Source, late.Stamp = record.NoMethod, probe.Addr{}, -1
	trace := &record.Trace{Head: six.Head, Hops: []record.Hop{six.Hop}}
	const (
		plain4 = `1640006077,1,172.17.0.2,1.0.0.1,24000,0,9,1,9.9.9.9,1,11,0,250,56,"[]",1234,1` + "\n"
		plain6 = `1640006077,17,2600::2,2600::1,24000,33434,9,0,9.9.9.9,58,3,0,250,56,"[(29657,2,0,4),(5,6,1,8)]",1,1` + "\n"
		late4  = `0,0,::,1.0.0.1,24000,0,9,1,9.9.9.9,1,11,0,250,56,"[]",0,1` + "\n"
	)
	for _, tt := range []struct {
		name string
		in   []record.Record
		want string
	}{
		{"replies first", []record.Record{four, &superseded, trace, &late}, plain4 + late4},
		{"hops first", []record.Record{&record.Trace{}, trace, four}, plain6},
		{"no rows", []record.Record{&record.CycleStart{}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			w := format.Rows(Format.NewWriter(format.Output{Out: &out}))
			for _, r := range tt.in {
				if err := w.Write(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil || out.String() != header+tt.want {
				t.Errorf("%v\n%s\nwant\n%s", err, out.String(), header+tt.want)
			}
		})
	}
}
