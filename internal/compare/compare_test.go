package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// traceOf returns a trace by the addresses of its hops, from TTL 1; - is silence. The round-trip
// time of a hop is its TTL in ms, and more.
func traceOf(target, text string, more int64) *record.Trace {
	t := &record.Trace{Head: record.Head{Target: probe.AddrFrom(netip.MustParseAddr(target))}, FirstTTL: 1}
	for i, field := range strings.Fields(text) {
		if field == "-" {
			continue
		}
		h := record.Hop{Sent: 1, RTT: int64(i+1)*1e6 + more}
		h.TTL, h.Responder = uint8(i+1), probe.AddrFrom(netip.MustParseAddr(field))
		t.Hops = append(t.Hops, h)
		if field == target {
			t.StopReason, t.Reached, t.End = record.StopCompleted, true, h.TTL
		}
	}
	return t
}

// Old and new paths of the targets of one prefix, and the number of changes.
func TestChanges(t *testing.T) {
	all := func(text string) func(int) string { return func(int) string { return text } }
	branch := func(texts ...string) func(int) string { return func(i int) string { return texts[i%len(texts)] } }
	for _, tt := range []struct {
		name     string
		n        int
		old, new func(int) string
		want     int
	}{
		{"the same", 20, all("10.0.0.1 10.0.0.2 10.0.0.3"), all("10.0.0.1 10.0.0.2 10.0.0.3"), 0},
		{"another router", 20, all("10.0.0.1 10.0.0.2 10.0.0.3"), all("10.0.0.1 10.0.0.9 10.0.0.3"), 20},
		{"too few targets to tell", 4, all("10.0.0.1 10.0.0.2 10.0.0.3"), all("10.0.0.1 10.0.0.9 10.0.0.3"), 0},
		{"silence", 20, all("10.0.0.1 10.0.0.2 10.0.0.3"), all("10.0.0.1 - 10.0.0.3"), 0},
		{"silence at the end", 20, all("10.0.0.1 10.0.0.2 10.0.0.3"), all("10.0.0.1"), 0},
		{"branches of one diamond", 20, branch("10.0.0.1 10.0.0.2 10.0.0.4", "10.0.0.1 10.0.0.3 10.0.0.4"),
			branch("10.0.0.1 10.0.0.3 10.0.0.4", "10.0.0.1 10.0.0.2 10.0.0.4"), 0},
		{"a diamond moves to other routers", 20, branch("10.0.0.1 10.0.0.2 10.0.0.4", "10.0.0.1 10.0.0.3 10.0.0.4"),
			branch("10.0.0.1 10.0.0.7 10.0.0.4", "10.0.0.1 10.0.0.8 10.0.0.4", "10.0.0.1 10.0.0.9 10.0.0.4"), 20},
		{"each target alone", 20, func(i int) string { return fmt.Sprint("10.0.0.1 10.1.0.", i) }, func(i int) string { return fmt.Sprint("10.0.0.1 10.2.0.", i) }, 0},
	} {
		b := NewBuilder(ByTarget)
		for i := range tt.n {
			target := fmt.Sprintf("192.0.2.%d", 2*i)
			b.AddOld(traceOf(target, tt.old(i), 0))
			b.AddNew(traceOf(target, tt.new(i), 0))
		}
		r := b.Result()
		if len(r.Changes) != tt.want {
			t.Errorf("%s: %d changes, want %d: %+v", tt.name, len(r.Changes), tt.want, r.Changes)
		}
		if sum := r.Same + r.OtherBranch + len(r.Changes) + r.Appeared + r.Vanished + r.NoAnswer; sum != r.Compared {
			t.Errorf("%s: the kinds of targets are %d, of %d", tt.name, sum, r.Compared)
		}
	}
}

// Several flows of one target show a change as several targets do.
func TestFlowsOfOneTarget(t *testing.T) {
	b := NewBuilder(ByTarget)
	for i := range 16 {
		x, y := traceOf("192.0.2.1", "10.0.0.1 10.0.0.2", 0), traceOf("192.0.2.1", "10.0.0.1 10.0.0.3", 0)
		x.FlowIndex, y.FlowIndex = uint16(i), uint16(i)
		b.AddOld(x)
		b.AddNew(y)
	}
	if r := b.Result(); len(r.Changes) != 1 || r.Changes[0].TTL != 2 || r.Changes[0].After != netip.MustParseAddr("10.0.0.1") {
		t.Errorf("%+v", r.Changes)
	}
}

// A node of a multipath record is known, if the traces of the other scan took its branch.
func TestMultipathRecord(t *testing.T) {
	b := NewBuilder(ByTarget)
	for i := range 20 {
		target := fmt.Sprintf("192.0.2.%d", i)
		b.AddOld(traceOf(target, "10.0.0.1 10.0.0.2", 0))
		m := &record.Multipath{Target: probe.AddrFrom(netip.MustParseAddr(target))}
		for _, last := range []string{"10.0.0.2", "10.0.0.3"} {
			m.Nodes = append(m.Nodes, record.Node{TTL: 2, Addr: probe.AddrFrom(netip.MustParseAddr(last))})
		}
		b.AddOld(m)
		b.AddNew(traceOf(target, "10.0.0.1 10.0.0.3", 0))
	}
	if r := b.Result(); len(r.Changes) != 0 {
		t.Errorf("%+v", r.Changes)
	}
}

// Targets of one scan are counted, and ends and times that changed are listed.
func TestOtherChanges(t *testing.T) {
	b := NewBuilder(ByPrefix)
	b.AddOld(traceOf("198.51.100.1", "10.0.0.1", 0))
	b.AddNew(traceOf("198.51.100.2", "10.0.0.1", 0))
	b.AddNew(traceOf("198.51.100.3", "10.0.0.1", 0))
	r := random(b, 40, 5e6)
	if r.OnlyOld != 1 || r.OnlyNew != 2 || r.Compared != 141 {
		t.Errorf("%d, %d, %d", r.OnlyOld, r.OnlyNew, r.Compared)
	}
	if len(r.Verdicts) != 1 || r.Verdicts[0].Old != "COMPLETED" || r.Verdicts[0].New != "UNREACH 13" {
		t.Errorf("ends %+v", r.Verdicts)
	}
	if len(r.Shifts) != 1 || !r.Shifts[0].Prefix.Contains(netip.MustParseAddr("192.0.2.9")) || r.Shifts[0].Targets < 40 {
		t.Errorf("shifts %+v", r.Shifts)
	}
	if r = random(NewBuilder(ByAS), 40, 0.2e6); len(r.Shifts) != 0 {
		t.Errorf("shifts of 0.2 ms: %+v", r.Shifts)
	}
	var text, object bytes.Buffer
	if err := r.Text(&text); err != nil || !strings.Contains(text.String(), "end of 203.0.113.1: UNREACH 13, was COMPLETED") {
		t.Errorf("%v: %s", err, &text)
	}
	if err := r.JSON(&object); err != nil || !json.Valid(object.Bytes()) {
		t.Errorf("%v: %s", err, &object)
	}
}

// random adds 100 targets whose times are as before, n whose times are more by shift, and one
// whose end is another one.
func random(b *Builder, n int, shift int64) *Result {
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 100 + n {
		target, more := fmt.Sprintf("10.9.0.%d", i), int64(0)
		if i >= 100 {
			target, more = fmt.Sprintf("192.0.2.%d", i-100), shift
		}
		b.AddOld(traceOf(target, "10.0.0.1 10.0.0.2", r.Int64N(300_000)))
		b.AddNew(traceOf(target, "10.0.0.1 10.0.0.2", r.Int64N(300_000)+more))
	}
	b.AddOld(traceOf("203.0.113.1", "10.0.0.1 203.0.113.1", 0))
	refused := traceOf("203.0.113.1", "10.0.0.1", 0)
	refused.StopReason, refused.StopData = record.StopUnreach, 13
	b.AddNew(refused)
	return b.Result()
}

// The order of records does not matter.
func TestOrder(t *testing.T) {
	text := func(seed uint64) string {
		var pairs [][2]*record.Trace
		for i := range 60 {
			target := fmt.Sprintf("192.0.2.%d", i)
			pairs = append(pairs, [2]*record.Trace{traceOf(target, fmt.Sprint("10.0.0.1 10.0.0.", 2+i%3), 0),
				traceOf(target, fmt.Sprint("10.0.0.1 10.0.1.", 2+i%2), 0)})
		}
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		b := NewBuilder(ByTarget)
		for _, p := range pairs {
			b.AddOld(p[0])
			b.AddNew(p[1])
		}
		var out strings.Builder
		if err := b.Result().Text(&out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if first := text(1); first != text(2) || !strings.Contains(first, "60   changed") {
		t.Errorf("%s\nand\n%s", first, text(2))
	}
}

// A trace of 16 hops takes at most 200 octets.
func TestMemory(t *testing.T) {
	const n = 50_000
	b := NewBuilder(ByTarget)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	tr := traceOf("192.0.2.1", strings.Repeat("10.0.0.1 10.0.0.2 ", 8), 0)
	b.AddOld(tr) // the addresses
	before := heap()
	for range n {
		b.AddOld(tr)
	}
	if each := (heap() - before) / n; each > 200 {
		t.Errorf("%d octets a trace", each)
	}
	runtime.KeepAlive(b)
}

// A time is kept to 0.05 %.
func TestShrink(t *testing.T) {
	for ns := int64(1000); ns < 3.6e12; ns = ns*7/5 + 1 {
		if got := grow(shrink(ns)); float64(got-ns) > 1e-3*float64(ns) || float64(ns-got) > 1e-3*float64(ns) {
			t.Errorf("%d becomes %d", ns, got)
		}
	}
}
