package matcher

import (
	"encoding/binary"
	"testing"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// order is an IndexOf: the target at position i is addrOf(i), for all i below order.
type order uint64

func addrOf(i uint64) probe.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(i)+0x0b000000)
	return probe.Addr4From(b)
}

func (o order) PositionOf(a probe.Addr) (uint64, bool) {
	if !a.Is4() {
		return 0, false
	}
	i := uint64(binary.BigEndian.Uint32(a[12:]) - 0x0b000000)
	return i, i < uint64(o)
}

var routerAddr = probe.Addr4From([4]byte{203, 0, 113, 1})

// bench is a matcher with windows of two targets. Windows 0 and 1 are open.
type bench struct {
	*Matcher
	set     *window.Set
	retired chan *window.Window
	windows map[uint64]*window.Window
}

func newBench(t testing.TB, s window.Shape, targets order) *bench {
	t.Helper()
	b := &bench{set: window.NewSet(s), retired: make(chan *window.Window, window.Live), windows: map[uint64]*window.Window{}}
	b.Matcher = New(Config{Index: targets, Set: b.set, Retired: b.retired})
	return b
}

func (b *bench) open(id uint64) *window.Window {
	w := window.New(b.set.Shape())
	w.Open(id)
	for i := range uint64(b.set.Shape().Targets) {
		w.Append(addrOf(w.Position + i))
	}
	b.set.Put(w)
	b.windows[id] = w
	return w
}

// to returns a reply of a kind to a probe.
func to(position uint64, ttl uint8, kind probe.Kind) probe.Reply {
	return probe.Reply{Facts: probe.Facts{
		Probe: probe.Probe{Target: addrOf(position), TTL: ttl}, Kind: kind, Responder: routerAddr, Valid: probe.Strong,
	}}
}

// counts are the counters of the matcher.
type counts struct {
	foreign, unsent, denied, late, duplicates, superseded, weak, strong, hopless, overflow uint64
}

func (m *Matcher) counts() counts {
	h := account.Load(m.cfg.Heard)
	return counts{
		h.Unrelated, h.Rejected.Unsent, h.Rejected.Conflict, h.Late, h.Duplicates, h.Superseded,
		h.Weak, h.Strong, h.UDPReplies + h.PureACKs, h.Drops.Extensions,
	}
}

func TestMatch(t *testing.T) {
	shape := window.Shape{Targets: 2, FirstTTL: 1, LastTTL: 9, Flows: 1, Attempts: 1, Unlinked: 6, ExtensionOctets: 8}
	b := newBench(t, shape, 1000)
	w0, w1 := b.open(0), b.open(1)
	w0.Stamp(window.Slot{Target: 1, TTL: 5}, 100)
	w1.Stamp(window.Slot{Target: 0, TTL: 5}, 100)
	w1.Stamp(window.Slot{Target: 0, TTL: 6}, window.Failed)
	w1.Stamp(window.Slot{Target: 0, TTL: 7}, 100)
	weak := to(2, 5, probe.KindEchoReply)
	weak.Valid = probe.Weak
	weak7 := weak
	weak7.TTL = 7
	extended := to(1, 5, probe.KindTTLExceeded)
	extended.Ext = make([]byte, 9)
	v6 := to(0, 5, probe.KindTTLExceeded)
	v6.Target = probe.Addr{0: 0x20, 15: 1}
	hopless := func(position uint64) probe.Reply {
		r := to(position, 0, probe.KindUDPReply)
		r.Valid = probe.Weak
		return r
	}
	alone := func(from probe.Addr) probe.Reply {
		r := to(1, 5, probe.KindTTLExceeded)
		r.Valid, r.HasQuote, r.Responder = probe.Weak, true, from
		return r
	}
	for _, tt := range []struct {
		name  string
		reply probe.Reply
		want  counts
	}{
		{"first, its extension too long", extended, counts{strong: 1, overflow: 1}},
		{"duplicate", to(1, 5, probe.KindTTLExceeded), counts{duplicates: 1}},
		{"one tag, from the same router", alone(routerAddr), counts{duplicates: 1}},
		{"one tag, from elsewhere", alone(addrOf(0)), counts{denied: 1}},
		{"weak", weak, counts{weak: 1}},
		{"another that speaks for it", weak7, counts{weak: 1}},
		{"never sent", to(0, 5, probe.KindTTLExceeded), counts{unsent: 1}},
		{"failed", to(2, 6, probe.KindTTLExceeded), counts{unsent: 1}},
		{"window not begun", to(4, 5, probe.KindTTLExceeded), counts{unsent: 1}},
		{"window far ahead", to(999, 5, probe.KindTTLExceeded), counts{unsent: 1}},
		{"beyond the order", to(1000, 5, probe.KindTTLExceeded), counts{foreign: 1}},
		{"IPv6", v6, counts{foreign: 1}},
		{"udp reply", hopless(1), counts{weak: 1, hopless: 1}},
		{"udp reply again", hopless(1), counts{weak: 1, hopless: 1}},
		{"udp reply, no room", hopless(1), counts{weak: 1, hopless: 1}},
		{"udp reply from a target not probed", hopless(0), counts{unsent: 1}},
	} {
		before := b.counts()
		b.Replies([]probe.Reply{tt.reply}, 0)
		if got, want := b.counts(), tt.want.plus(before); got != want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, want)
		}
	}
	if s := w0.State(1, 0); s.Exceeded() != 5 || !s.Alive() || s.End() != 0 {
		t.Errorf("state %x of the first target", s)
	}
	if s := w1.State(0, 0); s.End() != 5 {
		t.Errorf("state %x of the second", s)
	}
}

func (c counts) plus(d counts) counts {
	return counts{
		c.foreign + d.foreign, c.unsent + d.unsent, c.denied + d.denied, c.late + d.late, c.duplicates + d.duplicates,
		c.superseded + d.superseded,
		c.weak + d.weak, c.strong + d.strong, c.hopless + d.hopless, c.overflow + d.overflow,
	}
}

// A quotation without a valid tag marks the path to its target. The matcher does not count it.
func TestGarbled(t *testing.T) {
	shape := window.Shape{Targets: 2, FirstTTL: 1, LastTTL: 9, Flows: 1, Attempts: 1, Unlinked: 4}
	b := newBench(t, shape, 1000)
	w := b.open(0)
	w.Stamp(window.Slot{Target: 1, TTL: 5}, 100)
	var batch []probe.Reply
	for _, position := range []uint64{1, 999, 1000} { // live, not opened, not in the order
		r := to(position, 0, probe.KindTTLExceeded)
		r.Valid, r.HasQuote = probe.Garbled, true
		batch = append(batch, r)
	}
	b.Replies(batch, 200)
	if w.Misses(1, 0) != 1 || w.Misses(0, 0) != 0 {
		t.Errorf("misses %d, %d", w.Misses(0, 0), w.Misses(1, 0))
	}
	if c := b.counts(); c != (counts{}) {
		t.Errorf("counts %+v", c)
	}
	for e := range w.Entries {
		t.Errorf("kept %+v", e)
	}
}

// Windows retire in order, each when the watermark reaches its deadline.
func TestRetire(t *testing.T) {
	b := newBench(t, window.Shape{Targets: 2, FirstTTL: 1, LastTTL: 9, Flows: 1, Attempts: 1, Unlinked: 1}, 1000)
	for id := range uint64(4) {
		b.open(id)
	}
	retired := func() (ids []uint64) {
		for len(b.retired) > 0 {
			ids = append(ids, (<-b.retired).ID)
		}
		return ids
	}
	b.windows[1].Close(50, false)
	for i, step := range []struct {
		do   func()
		upTo int64
		want int
	}{
		{func() {}, 100, 0}, // window 1 waits for window 0, which is open
		{func() { b.windows[0].Close(120, false) }, 119, 0},
		{func() {}, 120, 2},
		{func() {}, 1 << 60, 0},
		{func() { b.windows[3].Close(1, true) }, 1 << 60, 0},
		{func() { b.windows[2].Close(1, true) }, 1 << 60, 2},
		{func() {}, 1 << 60, 0},
	} {
		step.do()
		b.Replies(nil, step.upTo)
		if ids := retired(); len(ids) != step.want {
			t.Errorf("step %d: %v retired, want %d", i, ids, step.want)
		}
		if b.set.Matched() != step.upTo {
			t.Errorf("step %d: Matched = %d", i, b.set.Matched())
		}
	}
	b.Replies([]probe.Reply{to(3, 5, probe.KindTTLExceeded)}, 1<<60)
	if got := b.counts(); got != (counts{late: 1, overflow: 1}) {
		t.Errorf("a late reply and no window to keep it: %+v", got)
	}
	w := b.open(4)
	b.Replies([]probe.Reply{to(3, 5, probe.KindTTLExceeded)}, 1<<60)
	if got := b.counts(); got != (counts{late: 2, overflow: 1}) {
		t.Errorf("a late reply: %+v", got)
	}
	for e := range w.Entries {
		if e.Role != window.Late || e.Probe.Target != addrOf(3) {
			t.Errorf("kept as %+v", e)
		}
	}
}

// Windows that are over together retire one after another, as long as one is open. Not many of them
// are kept, and none at the end of a scan.
func TestSpread(t *testing.T) {
	const many = window.Live/4 + 2
	for _, tt := range []struct {
		name     string
		over     int
		lastOpen bool
		want     []int // windows retired at 100, 110, 120 …
	}{
		{"three", 3, true, []int{1, 0, 0, 1, 0, 0, 0, 0, 0, 1}},
		{"three, then the end", 3, false, []int{3}},
		{"many", many, true, []int{2, 1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, window.Shape{Targets: 2, FirstTTL: 1, LastTTL: 9, Flows: 1, Attempts: 1}, 1000)
			b.Matcher.cfg.Spread = 60
			for id := range uint64(tt.over) {
				b.open(id).Close(1, false)
			}
			if tt.lastOpen {
				b.open(uint64(tt.over))
			}
			for i, want := range tt.want {
				b.Replies(nil, int64(100+10*i))
				if got := len(b.retired); got != want {
					t.Errorf("at %d: %d retired, want %d", 100+10*i, got, want)
				}
				for len(b.retired) > 0 {
					<-b.retired
				}
			}
		})
	}
}

// filled returns a matcher over one window whose probes are all sent, and a reply to each probe, in
// random order.
func filled(t testing.TB, targets int) (*bench, []probe.Reply) {
	const ttls = 32
	b := newBench(t, window.Shape{
		Targets: targets, FirstTTL: 1, LastTTL: ttls, Flows: 1, Attempts: 1, ExtensionOctets: 1 << 20,
	}, order(targets))
	w := b.open(0)
	replies := make([]probe.Reply, 0, targets*ttls)
	for i := range targets * ttls {
		x := i * 7919 % (targets * ttls)
		w.Stamp(window.Slot{Target: uint32(i / ttls), TTL: uint8(1 + i%ttls)}, 1)
		replies = append(replies, to(uint64(x/ttls), uint8(1+x%ttls), probe.KindTTLExceeded))
	}
	return b, replies
}

func TestMatchAllocs(t *testing.T) {
	b, replies := filled(t, 1000)
	i := 0
	if n := testing.AllocsPerRun(len(replies), func() {
		b.Replies(replies[i%len(replies):][:1], 0)
		i++
	}); n != 0 {
		t.Errorf("%v allocations per reply", n)
	}
	if got := b.counts(); got.strong != uint64(len(replies)) || got.duplicates != 1 {
		t.Errorf("%+v", got)
	}
}

func BenchmarkMatch(b *testing.B) {
	for name, targets := range map[string]int{"1k targets": 1000, "10k targets": 10_000} {
		b.Run(name, func(b *testing.B) {
			m, replies := filled(b, targets)
			m.Replies(replies, 0) // allocates the arena's chunks
			w := m.windows[0]
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(replies) == 0 {
					b.StopTimer()
					w.Reset()
					for i := range targets * 32 {
						w.Stamp(window.Slot{Target: uint32(i / 32), TTL: uint8(1 + i%32)}, 1)
					}
					b.StartTimer()
				}
				var p location
				r := &replies[i%len(replies)]
				m.locate(&p, r)
				m.match(&p, r)
			}
		})
	}
}
