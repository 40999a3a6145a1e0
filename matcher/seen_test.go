package matcher

import (
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

func seenAddr(s string) probe.Addr { return probe.AddrFrom(netip.MustParseAddr(s)) }

// seenProbe returns a UDP probe of a flow.
func seenProbe(ttl uint8, edit func(*probe.Header)) probe.Header {
	h := probe.Header{
		Src: seenAddr("192.0.2.1"), Dst: seenAddr("198.51.100.9"), Protocol: probe.ProtoUDP, TTL: ttl,
		SrcPort: 40000, DstPort: 33434, ID: 1000 + uint16(ttl), Sum: 0x5500 + uint16(ttl), Len: 20, Size: 40,
	}
	if edit != nil {
		edit(&h)
	}
	return h
}

func TestTableQuoted(t *testing.T) {
	table := NewTable()
	for ttl := range uint8(10) {
		h := seenProbe(ttl, nil)
		table.Add(&h, int64(ttl)+1)
	}
	tests := []struct {
		name string
		edit func(*probe.Header)
		want uint8 // TTL; 255 for no probe
	}{
		{"as it was sent", nil, 5},
		{"TTL and TOS as they arrived", func(h *probe.Header) { h.TTL, h.TOS = 1, 8 }, 5},
		{"source rewritten, and checksum adjusted", func(h *probe.Header) { h.Src, h.Sum = seenAddr("203.0.113.1"), 7 }, 5},
		{"identification zeroed", func(h *probe.Header) { h.ID = 0 }, 5},
		{"neither checksum nor identification", func(h *probe.Header) { h.ID, h.Sum = 0, 0 }, 255},
		{"two fields of different probes: the identification, which has more weight", func(h *probe.Header) { h.Sum++ }, 5},
		{"another flow", func(h *probe.Header) { h.SrcPort++ }, 255},
		{"another target", func(h *probe.Header) { h.Dst = seenAddr("198.51.100.10") }, 255},
		{"another protocol", func(h *probe.Header) { h.Protocol = probe.ProtoTCP }, 255},
	}
	for _, tt := range tests {
		h := seenProbe(5, tt.edit)
		got := uint8(255)
		if s := table.Quoted(&h); s != nil {
			got = s.TTL
		}
		if got != tt.want {
			t.Errorf("%s: TTL %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestTableAnswered(t *testing.T) {
	table := NewTable()
	add := func(method probe.Method, port uint16, ttl uint8, seq, ack uint32) {
		h := probe.Header{
			Src: seenAddr("192.0.2.1"), Dst: seenAddr("198.51.100.9"), Method: method, Protocol: method.Protocol(true),
			SrcPort: port, TTL: ttl, Seq: seq, Ack: ack,
		}
		table.Add(&h, 1)
	}
	for ttl := uint8(1); ttl < 6; ttl++ {
		n := uint32(ttl)
		add(probe.ICMP, 7, ttl, n, 0)
		add(probe.TCPSYN, 8, ttl, 100*n, 0)
		add(probe.TCPACK, 9, ttl, 200*n, 300*n)
		add(probe.TCPSYN, 10, ttl, 0, 0) // all look the same
		add(probe.UDP, 11, ttl, 0, 0)
	}
	tests := []struct {
		name     string
		method   probe.Method
		port     uint16
		seq, ack uint32
		want     uint8
	}{
		{"echo reply", probe.ICMP, 7, 3, 0, 3},
		{"echo reply of nothing", probe.ICMP, 7, 9, 0, 255},
		{"SYN-ACK", probe.TCPSYN, 8, 400, 9, 4},
		{"RST to an ACK", probe.TCPSYN, 9, 0, 600, 2},
		{"RST-ACK to an ACK", probe.TCPSYN, 9, 399, 0, 2},
		{"the last of those alike", probe.TCPSYN, 10, 0, 0, 5},
		{"UDP", probe.UDP, 11, 0, 0, 5},
		{"another port", probe.UDP, 12, 0, 0, 255},
	}
	for _, tt := range tests {
		got := uint8(255)
		if s := table.Answered(&probe.Header{
			Src: seenAddr("192.0.2.1"), Dst: seenAddr("198.51.100.9"), Method: tt.method,
			Protocol: tt.method.Protocol(true), SrcPort: tt.port, Seq: tt.seq, Ack: tt.ack,
		}); s != nil {
			got = s.TTL
		}
		if got != tt.want {
			t.Errorf("%s: TTL %d, want %d", tt.name, got, tt.want)
		}
	}
}

// A Table remembers a probe for at least one minute and at most two.
func TestTableForgets(t *testing.T) {
	table := NewTable()
	const minute = int64(remembered)
	h := seenProbe(1, nil)
	begin := int64(1_790_000_000e9)
	table.Add(&h, begin)
	for _, tt := range []struct {
		after int64
		known bool
	}{{minute - 1, true}, {minute, true}, {2*minute - 1, true}, {2 * minute, false}, {9 * minute, false}} {
		other := seenProbe(2, nil)
		table.Add(&other, begin+tt.after)
		if got := table.Exact(&h) != nil; got != tt.known {
			t.Errorf("after %d s: known %v", tt.after/1e9, got)
		}
	}
	if n := len(table.now.chunks) + len(table.old.chunks); n > 2 {
		t.Errorf("%d chunks", n)
	}
	if n := testing.AllocsPerRun(1000, func() { table.Quoted(&h); table.Answered(&h) }); n != 0 {
		t.Errorf("%v allocations for a search", n)
	}
}

// An exact table finds the last probe added under an identity, and no other.
func TestExactTable(t *testing.T) {
	table := NewExactTable()
	for i := range int64(3 * seenChunk) {
		h := probe.Header{Dst: seenAddr("198.51.100.9"), Seq: uint32(i % seenChunk)}
		table.Add(&h, i+1)
	}
	for i := range int64(seenChunk) {
		h := probe.Header{Dst: seenAddr("198.51.100.9"), Seq: uint32(i)}
		if s := table.Exact(&h); s == nil || s.Sent != 2*seenChunk+i+1 {
			t.Fatalf("probe %d: %+v", i, s)
		}
	}
	other := probe.Header{Dst: seenAddr("198.51.100.9"), Seq: seenChunk}
	if s := table.Quoted(&other); s != nil {
		t.Errorf("%+v", s)
	}
}

// Forgotten probes are not found, even if later calls have earlier times. After a long pause all
// probes are forgotten.
func TestTableForget(t *testing.T) {
	table := NewTable()
	early, late := seenProbe(1, nil), seenProbe(2, nil)
	table.Add(&early, 100)
	table.Add(&late, 200)
	table.Forget(150)
	table.Forget(90) // cannot bring probes back
	if table.Exact(&early) != nil || table.Exact(&late) == nil {
		t.Error("not the early one is forgotten")
	}
	if early.ID = 0; table.Quoted(&early) == nil || table.Quoted(&early).TTL != 2 {
		t.Error("the early one is still compared")
	}
	again := seenProbe(3, nil)
	table.Add(&again, 200+Forgotten)
	if table.Exact(&late) != nil || table.Exact(&again) == nil {
		t.Error("not forgotten after a pause")
	}
}
