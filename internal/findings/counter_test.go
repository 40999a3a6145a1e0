package findings

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// hop is a hop of a test trace: its TTL, and its address as a number.
type hop struct {
	ttl  uint8
	addr uint32
}

func addr(n uint32) probe.Addr {
	return probe.AddrFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n))))
}

// newTrace returns a closed trace to a target.
func newTrace(target uint32, reason record.StopReason, end uint8, hops ...hop) *record.Trace {
	t := &record.Trace{Head: record.Head{Target: addr(target)}}
	t.StopReason, t.End, t.Reached = reason, end, reason == record.StopCompleted
	for _, h := range hops {
		r := record.Hop{}
		r.TTL, r.Responder = h.ttl, addr(h.addr)
		t.Hops = append(t.Hops, r)
	}
	return t
}

func TestFindings(t *testing.T) {
	c := New()
	c.Add(newTrace(100, record.StopCompleted, 4, hop{1, 1}, hop{2, 2}, hop{3, 3}, hop{4, 100}))
	c.Add(newTrace(101, record.StopCompleted, 6, hop{1, 1}, hop{2, 2}, hop{4, 4}, hop{6, 101})) // silence at 3
	c.Add(newTrace(102, record.StopGapLimit, 5, hop{1, 1}, hop{2, 5}, hop{2, 6}, hop{3, 7}))    // two attempts at 2
	c.Add(newTrace(103, record.StopLoop, 4, hop{1, 1}, hop{2, 2}, hop{3, 2}))                   // no link
	c.Add(newTrace(104, record.StopHopLimit, 255, hop{254, 8}, hop{255, 9}))
	touched := newTrace(105, record.StopGapLimit, 9)
	touched.Reached = true
	c.Add(touched)
	want := &record.Findings{
		Traces: 6, Reached: 3, Ends: map[string]uint64{"COMPLETED": 2, "GAPLIMIT": 2, "LOOP": 1, "HOPLIMIT": 1},
		Interfaces: 9, // 1 to 9
		Links:      7, // 1-2 2-3 1-5 1-6 5-7 6-7 8-9
		MedianPath: 4, LongestPath: 6,
	}
	got := c.Findings()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if err := got.Balance(); err != nil {
		t.Error(err)
	}
}

// The time of a trace grows with its hops, not with their pairs: 10¹⁰ would take minutes.
func TestManyHops(t *testing.T) {
	const each = 100_000
	hops := make([]hop, 0, 2*each)
	for i := range uint32(2 * each) {
		hops = append(hops, hop{uint8(1 + i/each), i + 1})
	}
	c := New()
	c.Add(newTrace(0, record.StopGapLimit, 2, hops...))
	f := c.Findings()
	if most := uint64(mostLinked * mostLinked); f.Links > most || f.Links < most*98/100 {
		t.Errorf("%d links, want %d", f.Links, most)
	}
	if off := relative(f.Interfaces, 2*each); off > 0.05 {
		t.Errorf("%d interfaces, want %d", f.Interfaces, 2*each)
	}
}

// A nil Counter counts nothing: a run without traces has no findings.
func TestNoTraces(t *testing.T) {
	for kinds, want := range map[record.Kinds]bool{record.Traces: true, record.Both: true, record.Replies: false} {
		c := CounterFor(kinds)
		c.Add(newTrace(1, record.StopLoop, 1))
		if got := c.Findings() != nil; got != want {
			t.Errorf("%v: findings %t, want %t", kinds, got, want)
		}
	}
}

// A count that is saved and continued after every part is that of all traces, in bounded room.
func TestContinued(t *testing.T) {
	whole, parts := New(), New()
	random := rand.New(rand.NewPCG(1, 2))
	for part := range 20 {
		for range 500 {
			n := random.Uint32()
			trace := newTrace(n, record.StopReason(1+n%3), uint8(3+n%17), hop{1, 1}, hop{2, n % 100}, hop{3, n})
			whole.Add(trace)
			parts.Add(trace)
		}
		text, err := json.Marshal(parts)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 64<<10 {
			t.Fatalf("after %d parts: %d octets", part+1, len(text))
		}
		parts = new(Counter)
		if err := json.Unmarshal(text, parts); err != nil {
			t.Fatal(err)
		}
	}
	got, want := parts.Findings(), whole.Findings()
	if off := relative(got.Interfaces, want.Interfaces); off > 0.02 {
		t.Errorf("interfaces %d, want %d", got.Interfaces, want.Interfaces)
	}
	got.Interfaces, got.Links = want.Interfaces, want.Links
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestBadJSON(t *testing.T) {
	for _, text := range []string{"[]", "{}", `{"ends":[0],"paths":[0]}`} {
		if err := json.Unmarshal([]byte(text), new(Counter)); err == nil {
			t.Errorf("took %s", text)
		}
	}
	c, _ := json.Marshal(New())
	var fields map[string]any
	_ = json.Unmarshal(c, &fields)
	for _, name := range []string{"interfaces", "links"} {
		was := fields[name]
		fields[name] = []byte{9, 9}
		text, _ := json.Marshal(fields)
		if err := json.Unmarshal(text, new(Counter)); err == nil {
			t.Errorf("took bad %s", name)
		}
		fields[name] = was
	}
}

func relative(got, want uint64) float64 { return math.Abs(float64(got)/float64(want) - 1) }

// The counts of distinct values have the documented errors: almost none for few values, 5 standard
// errors at most for many.
func TestEstimates(t *testing.T) {
	c, random, n := New(), rand.New(rand.NewPCG(3, 4)), uint64(0)
	seen := map[uint32]bool{}
	for _, upTo := range []uint64{1, 10, 100, 1000, 3000, 10_000, 100_000, 300_000} {
		for n < upTo {
			if v := random.Uint32(); !seen[v] && v != 7 {
				seen[v] = true
				c.Add(newTrace(7, record.StopGapLimit, 1, hop{1, v}))
				n++
			}
		}
		most := 5 * 0.0081
		if n <= 3000 {
			most = 0.002
		}
		if off := relative(c.Findings().Interfaces, n); off > most {
			t.Errorf("%d interfaces: %d, off by %.2f %%", n, c.Findings().Interfaces, 100*off)
		}
	}
}

// faulty is a Writer that fails after some records.
type faulty struct{ left int }

func (f *faulty) Write(record.Record) error {
	if f.left--; f.left < 0 {
		return format.ErrCut
	}
	return nil
}
func (f *faulty) Flush() error { return nil }

// Traces count when they are written.
func TestWatch(t *testing.T) {
	c := New()
	w := Watch(&faulty{left: 3}, c)
	for range 4 {
		_ = w.Write(newTrace(1, record.StopLoop, 2))
	}
	_ = w.Write(&record.Reply{})
	if got := c.Findings().Traces; got != 3 {
		t.Errorf("%d traces, want 3", got)
	}
}

// Counting costs a scan nothing to speak of: no allocation once the sketches are dense.
func BenchmarkAdd(b *testing.B) {
	c := New()
	for i := range uint32(50_000) {
		c.Add(newTrace(7, record.StopGapLimit, 2, hop{1, i}, hop{2, i + 1}))
	}
	var hops []hop
	for ttl := range uint8(16) {
		hops = append(hops, hop{ttl + 1, uint32(ttl) * 977})
	}
	trace := newTrace(7, record.StopGapLimit, 16, hops...)
	b.ReportAllocs()
	for b.Loop() {
		c.Add(trace)
	}
}

func TestAddAllocates(t *testing.T) {
	c := New()
	for i := range uint32(50_000) {
		c.Add(newTrace(7, record.StopGapLimit, 2, hop{1, i}, hop{2, i + 1}))
	}
	trace := newTrace(7, record.StopGapLimit, 2, hop{1, 1}, hop{2, 2})
	if n := testing.AllocsPerRun(100, func() { c.Add(trace) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
