package atlas

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// Results as firmware 4610 and 5000 write them, with all fields of the documentation.
const (
	old = `{"af":4,"dst_addr":"198.51.100.9","dst_name":"198.51.100.9","endtime":1400000009,"from":"192.0.2.77","fw":4610,"group_id":1,` +
		`"msm_id":5001,"msm_name":"Traceroute","paris_id":3,"prb_id":42,"proto":"UDP","size":40,"src_addr":"192.0.2.1","timestamp":1400000000,` +
		`"type":"traceroute","result":[` +
		`{"hop":1,"result":[{"from":"192.0.2.254","rtt":0.541,"size":28,"ttl":64},{"x":"*"},{"late":1,"from":"192.0.2.254","size":28,"ttl":64},{"from":"192.0.2.254","rtt":0.5,"size":28,"ttl":64}]},` +
		`{"hop":2,"result":[{"from":"203.0.113.2","rtt":12.5,"size":140,"ttl":254,"ittl":2,"itos":8,"edst":"198.51.100.8","icmpext":{"version":2,"rfc4884":0,"obj":[` +
		`{"class":1,"type":1,"mpls":[{"exp":5,"label":29657,"s":0,"ttl":1},{"exp":0,"label":16,"s":1,"ttl":254}]},{"class":2,"type":15}]}},{"dup":true,"from":"203.0.113.2","rtt":12.9,"size":140,"ttl":254},{"x":"*"},{"x":"*"}]},` +
		`{"hop":3,"result":[{"from":"203.0.113.3","rtt":20,"size":28,"ttl":253,"mtu":1400},{"from":"203.0.113.3","rtt":20,"size":28,"ttl":253,"err":"H"},{"from":"203.0.113.3","rtt":20,"size":28,"ttl":253,"err":9}]}]}`
	recent = `{"fw":5080,"mver":"2.6.2","lts":11,"endtime":1665720293,"dst_name":"example.net","ttr":5.2,"dst_addr":"2001:db8::9","src_addr":"2001:db8::1",` +
		`"proto":"TCP","af":6,"size":48,"paris_id":0,"result":[{"hop":1,"result":[{"from":"2001:db8::2","ttl":64,"rtt":1.25,"size":96,"hbhoptsize":8,"dstoptsize":8}]},` +
		`{"hop":2,"result":[{"x":"*"},{"x":"*"},{"x":"*"}]},{"hop":255,"result":[{"from":"2001:db8::9","ttl":60,"size":4,"tos":8,"flags":"SA","hdropts":[{"mss":1440}],"rtt":30.001},{"from":"2001:db8::3","ttl":60,"size":4,"err":"h","rtt":1}]}],` +
		`"msm_id":24304870,"prb_id":1004666,"timestamp":1665720290,"msm_name":"Traceroute","from":"2001:db8::77","type":"traceroute","group_id":24304869,"stored_timestamp":1665720400}`
	unsent   = `{"fw":5080,"dst_name":"202.12.27.33","dst_addr":"202.12.27.33","proto":"UDP","af":4,"result":[{"hop":1,"error":"sendto failed: Operation not permitted"}],"prb_id":1,"timestamp":1,"type":"traceroute"}`
	nameless = `{"fw":5080,"dst_name":"none.example","result":[{"error":"Name resolution failed: no address"}],"prb_id":1,"timestamp":1,"type":"traceroute"}`
)

// show returns a trace for people.
func show(t *record.Trace) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v>%v %v %d %v/%d end %d", t.Source, t.Target, t.Method, t.ProbeSize, t.StopReason, t.StopData, t.End)
	for i := range t.Hops {
		h := &t.Hops[i]
		fmt.Fprintf(&b, "\n%d.%d %v %d/%d/%d flags %d rtt %d ttl %d size %d q %t %d %d mtu %d % x", h.TTL, h.Attempt, h.Responder, h.Protocol, h.Type, h.Code,
			h.TCPFlags, h.RTT, h.ReplyTTL, h.ReplySize, h.HasQuote, h.QuotedTTL, h.QuotedTOS, h.MTU, h.Ext)
	}
	return b.String() + fmt.Sprint("\nsilent ", t.Silent)
}

const (
	oldShown = `192.0.2.1>198.51.100.9 udp 68 UNREACH/9 end 3
1.0 192.0.2.254 1/11/0 flags 0 rtt 541000 ttl 64 size 56 q true 1 0 mtu 0 
1.2 192.0.2.254 1/11/0 flags 0 rtt 500000 ttl 64 size 56 q true 1 0 mtu 0 
2.0 203.0.113.2 1/11/0 flags 0 rtt 12500000 ttl 254 size 168 q true 2 8 mtu 0 20 00 3b b5 00 0c 01 01 07 3d 9a 01 00 01 01 fe
3.0 203.0.113.3 1/3/4 flags 0 rtt 20000000 ttl 253 size 56 q true 1 0 mtu 1400 
3.1 203.0.113.3 1/3/1 flags 0 rtt 20000000 ttl 253 size 56 q true 1 0 mtu 0 
3.2 203.0.113.3 1/3/9 flags 0 rtt 20000000 ttl 253 size 56 q true 1 0 mtu 0 
silent [{1 1} {2 1} {2 2}]`
	recentShown = `2001:db8::1>2001:db8::9 tcp-syn 108 COMPLETED/0 end 255
1.0 2001:db8::2 58/3/0 flags 0 rtt 1250000 ttl 64 size 144 q true 1 0 mtu 0 
255.0 2001:db8::9 6/0/0 flags 18 rtt 30001000 ttl 60 size 64 q false 0 0 mtu 0 
255.1 2001:db8::3 58/1/2 flags 0 rtt 1000000 ttl 60 size 52 q true 1 0 mtu 0 
silent [{2 0} {2 1} {2 2}]`
)

// read returns the traces of a file, and its faults by line.
func read(t testing.TB, in string) (traces []*record.Trace, faults []int, err error) {
	t.Helper()
	r := Format.NewReader(strings.NewReader(in))
	for {
		rec, err := r.Read()
		var line *format.LineError
		switch {
		case errors.As(err, &line):
			faults = append(faults, line.Line)
		case err != nil:
			return traces, faults, err
		default:
			traces = append(traces, rec.(*record.Trace))
		}
	}
}

func TestRead(t *testing.T) {
	bad := strings.Replace(old, `"err":9`, `"err":"?"`, 1)
	for _, tt := range []struct {
		name, in string
		traces   int
		faults   []int
		err      error
	}{
		{"lines", old + "\n" + recent + "\n", 2, nil, io.EOF},
		{"an array", "[" + old + "," + recent + "]", 2, nil, io.EOF},
		{"an array over lines", "[\n" + strings.ReplaceAll(old, ",", ",\n ") + ",\n" + recent + "\n]\n", 2, nil, io.EOF},
		{"no target", old + nameless + recent + "\n" + unsent, 3, nil, io.EOF},
		{"cut", "[" + old + "," + recent + "," + old[:900], 2, nil, format.ErrCut},
		{"cut lines", old + "\n" + recent + "\n" + old[:900], 2, nil, format.ErrCut},
		{"faults", old + "\n" + bad + "\n" + recent + "\n{}\n" + `{"type":"ping","dst_addr":"1.1.1.1"}` + "\nx\n", 2, []int{2, 4, 5, 6}, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			traces, faults, err := read(t, tt.in)
			if err != tt.err || fmt.Sprint(faults) != fmt.Sprint(tt.faults) || len(traces) != tt.traces {
				t.Fatalf("%d traces, faults %v, %v; want %d, %v, %v", len(traces), faults, err, tt.traces, tt.faults, tt.err)
			}
			if got := show(traces[0]); got != oldShown {
				t.Errorf("%s\nwant\n%s", got, oldShown)
			}
			if got := show(traces[1]); got != recentShown {
				t.Errorf("%s\nwant\n%s", got, recentShown)
			}
		})
	}
}

// The writer gives the same results back.
func TestWrite(t *testing.T) {
	traces, _, _ := read(t, old+recent)
	for i, want := range []string{oldShown, recentShown} {
		again, faults, err := read(t, write(t, traces[i]))
		if err != io.EOF || faults != nil || show(again[0]) != want {
			t.Errorf("%v %v\n%s\nwant\n%s", faults, err, show(again[0]), want)
		}
	}
	tr := traces[0]
	tr.Hops = tr.Hops[:1]
	tr.Hops[0].Stamp, tr.Hops[0].Lacks = tr.Start+2e9, 0
	tr.Hops[0].Ext = wire.AppendExtension(nil, wire.Object{Class: 2, CType: 15, Payload: make([]byte, 4)})
	tr.Silent = append(tr.Silent[:1], record.TTLAttempt{TTL: 5})
	const want = `{"fw":5000,"mver":"2.2.0","lts":-1,"endtime":1400000002,"dst_name":"198.51.100.9","dst_addr":"198.51.100.9","src_addr":"192.0.2.1",` +
		`"proto":"UDP","af":4,"size":40,"paris_id":3,"result":[{"hop":1,"result":[{"from":"192.0.2.254","ttl":64,"size":28,` +
		`"icmpext":{"version":2,"rfc4884":1,"obj":[{"class":2,"type":15}]}},{"x":"*"}]},{"hop":5,"result":[{"x":"*"}]}],` +
		`"msm_id":0,"prb_id":0,"timestamp":1400000000,"msm_name":"Traceroute","from":"192.0.2.1","type":"traceroute"}` + "\n"
	if got := write(t, tr); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	none := &record.Trace{Head: record.Head{Target: probe.Addr4From([4]byte{1, 2, 3, 4}), Method: record.NoMethod}}
	if got := write(t, none); !strings.Contains(got, `"result":[]`) || strings.Contains(got, "proto") || strings.Contains(got, "src_addr") {
		t.Error(got)
	}
}

func write(t testing.TB, tr *record.Trace) string {
	t.Helper()
	var out strings.Builder
	w := Format.NewWriter(format.Output{Out: &out})
	if err := errors.Join(w.Write(tr), w.Write(&record.Reply{}), w.Flush()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The letters are those of RIPE's firmware.
func TestCodes(t *testing.T) {
	for _, is4 := range []bool{true, false} {
		for n := range 256 {
			text := string(appendCode(nil, uint8(n), is4))
			if text == "" {
				continue // an answer, or an MTU
			}
			c := code(strings.Trim(strings.TrimPrefix(text, `,"err":`), `"`))
			if got, ok := c.number(is4); !ok || int(got) != n {
				t.Errorf("%t: code %d is %s, read as %d", is4, n, text, got)
			}
		}
	}
}

func TestBegins(t *testing.T) {
	for in, want := range map[string]bool{
		old: true, "\n[" + recent: true, "\ufeff[" + recent: true, "[]": false, `{"type":"trace","dst":"1.1.1.1"}`: false, `"prb_id"`: false,
	} {
		if Format.Begins([]byte(in)) != want {
			t.Errorf("%.40q: %t", in, !want)
		}
	}
}

// FuzzReader writes the read traces, and reads them again.
func FuzzReader(f *testing.F) {
	f.Add(old)
	f.Add("[" + recent + "]")
	f.Add(unsent)
	f.Fuzz(func(t *testing.T, in string) {
		traces, _, _ := read(t, in)
		for _, tr := range traces {
			again, faults, err := read(t, write(t, tr))
			if len(again) != 1 || faults != nil || err != io.EOF {
				t.Fatalf("%d traces, %v %v of %+v", len(again), faults, err, tr)
			}
			if len(again[0].Hops) != len(tr.Hops) || len(again[0].Silent) != len(tr.Silent) {
				t.Fatalf("%s\n\n%s", show(again[0]), show(tr))
			}
			for i := range tr.Hops {
				a, b := &again[0].Hops[i], &tr.Hops[i]
				if a.TTL != b.TTL || a.Responder != b.Responder || a.Target != b.Target {
					t.Fatalf("%+v\n%+v", a, b)
				}
			}
		}
	})
}
