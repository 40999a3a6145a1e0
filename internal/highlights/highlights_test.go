package highlights

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

func addr(text string) probe.Addr { return probe.AddrFrom(netip.MustParseAddr(text)) }

// path returns a trace to 192.0.2.9 with these times in ms at TTLs from 1; 0 is no answer. The hop at
// TTL n is 10.0.0.n.
func path(ms ...int64) *record.Trace {
	t := new(record.Trace)
	t.Target = addr("192.0.2.9")
	for i, v := range ms {
		if v == 0 {
			continue
		}
		h := record.Hop{Sent: 1, RTT: v * 1e6}
		h.TTL, h.Responder = uint8(i+1), probe.AddrFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}))
		t.Hops = append(t.Hops, h)
	}
	return t
}

// A hop adds time if all later hops have it as well.
func TestSlowHops(t *testing.T) {
	for _, tt := range []struct {
		name  string
		trace *record.Trace
		want  string // "" for none
		adds  time.Duration
	}{
		{"one step", path(1, 2, 90, 91), "10.0.0.3", 88 * time.Millisecond},
		{"a slow answer alone", path(1, 200, 3, 12), "10.0.0.4", 9 * time.Millisecond},
		{"silent hops between", path(1, 0, 0, 50, 60), "10.0.0.4", 49 * time.Millisecond},
		{"later hops are faster", path(30, 20, 10), "", 0},
		{"one hop", path(40), "", 0},
		{"none", path(), "", 0},
	} {
		c := New()
		if err := c.Write(tt.trace); err != nil || c.Flush() != nil {
			t.Fatal(err)
		}
		got := c.SlowHops(3)
		switch {
		case tt.want == "" && len(got) > 0:
			t.Errorf("%s: %+v", tt.name, got)
		case tt.want != "" && (len(got) != 1 || got[0] != SlowHop{addr(tt.want), tt.adds, 1}):
			t.Errorf("%s: %+v, want %s with %v", tt.name, got, tt.want, tt.adds)
		}
	}
	c := New()
	toTarget := path(1, 2, 500)
	toTarget.Hops[2].Responder = toTarget.Target
	lagged := path(1, 800, 801)
	lagged.Hops[1].Lagged, lagged.Hops[2].Lagged = true, true
	again := path(1, 2, 90) // another answer at TTL 3 is faster
	faster := again.Hops[2]
	faster.RTT = 10e6
	again.Hops = append(again.Hops, faster)
	for _, trace := range []*record.Trace{toTarget, lagged, again, path(1, 2, 20)} {
		_ = c.Write(trace)
	}
	_ = c.Write(new(record.Summary))
	want := []SlowHop{{addr("10.0.0.3"), 13 * time.Millisecond, 2}, {addr("10.0.0.2"), time.Millisecond, 1}}
	if got := c.SlowHops(3); !slices.Equal(got, want) || c.Traces() != 4 {
		t.Errorf("%+v of %d traces, want %+v", got, c.Traces(), want)
	}
}

// An address with much of the sum is found among many others, and its own numbers are exact unless it
// was away.
func TestHeavy(t *testing.T) {
	random := rand.New(rand.NewPCG(effort.Seed(t), 3))
	h := newHeavy()
	n := effort.Count(20_000, 1_000_000)
	var large uint64
	for i := range n {
		var a probe.Addr // another one each time
		a[0], a[12], a[13], a[14], a[15] = 1, byte(i>>24), byte(i>>16), byte(i>>8), byte(i)
		h.add(a, 1+random.Int64N(10))
		if i%100 == 0 {
			h.add(addr("10.9.9.9"), 1000)
			large++
		}
	}
	top := h.top(1)
	if len(h.index) != mostHeavy || len(h.least) != mostHeavy {
		t.Errorf("%d addresses, want %d", len(h.index), mostHeavy)
	}
	if len(top) != 1 || top[0] != (SlowHop{addr("10.9.9.9"), 1000, large}) {
		t.Errorf("%+v, want 10.9.9.9 %d times", top, large)
	}
	for i, s := range h.least {
		if s.placed != i || h.index[s.addr] != s || i > 0 && h.least[(i-1)/2].rank > s.rank {
			t.Fatalf("the heap is wrong at %d", i)
		}
	}
}

// A system is silent if neither a target nor a router in it answers.
func TestSilent(t *testing.T) {
	as := func(name string, asn ...uint32) *record.Annotation { return &record.Annotation{ASN: asn, ASName: name} }
	c := New()
	to := func(a *record.Annotation, reached bool, hops ...*record.Annotation) {
		trace := path(make([]int64, len(hops))...)
		trace.TargetAnnotation, trace.Reached = a, reached
		for _, one := range hops {
			trace.Hops = append(trace.Hops, record.Hop{Annotation: one})
		}
		if err := c.Write(trace); err != nil {
			t.Fatal(err)
		}
	}
	transit := as("TRANSIT", 1)
	for range 3 {
		to(as("SILENT", 10), false, transit)
	}
	to(as("REACHED", 11), false, transit)
	to(as("REACHED", 11), true, transit)
	to(as("BORDER", 12), false, transit, as("BORDER", 12))
	to(as("", 13, 14), false, nil)
	to(transit, false)
	to(nil, false)
	list, silent, all := c.Silent(2)
	if want := []SilentSystem{{10, "SILENT", 3}, {13, "", 1}}; !slices.Equal(list, want) || silent != 3 || all != 6 {
		t.Errorf("%+v, %d of %d; want %+v, 3 of 6", list, silent, all, want)
	}
	var none *Counter
	if list, silent, all := none.Silent(1); list != nil || silent+all != 0 || none.SlowHops(1) != nil || none.Traces() != 0 {
		t.Error("a nil Counter has something")
	}
}

// Counting allocates nothing once an address is known.
func TestWriteAllocates(t *testing.T) {
	c, trace := New(), path(1, 2, 30, 40)
	trace.TargetAnnotation = &record.Annotation{ASN: []uint32{7}}
	_ = c.Write(trace)
	if n := testing.AllocsPerRun(100, func() { _ = c.Write(trace) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	c := New()
	traces := make([]*record.Trace, 10_000)
	for i := range traces {
		traces[i] = path(1, 2, 3, 4, 5, 6, 70, 80, 81, 82, 83, 84, 85)
		traces[i].Hops[6].Responder = addr(netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)}).String())
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		_ = c.Write(traces[i%len(traces)])
		i++
	}
}
