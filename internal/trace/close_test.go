package trace

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

var (
	target = probe.Addr4From([4]byte{198, 51, 100, 9})
	other  = probe.Addr4From([4]byte{198, 51, 100, 77}) // also the target's, or a firewall's
)

// router returns the address of the i-th router.
func router(i int) probe.Addr { return probe.Addr4From([4]byte{203, 0, 113, byte(i)}) }

// hops parses a path, one word for each hop:
//
//	TTL.attempt:responder=kind/code<quoted
//
// .attempt, /code and <quoted are optional. The responder is T, the target; O, the other address;
// or a router's number.
func hops(t testing.TB, path string) []record.Hop {
	t.Helper()
	var list []record.Hop
	for word := range strings.FieldsSeq(path) {
		var h record.Hop
		word, quoted, ok := strings.Cut(word, "<")
		if h.HasQuote = ok; ok {
			scan(t, quoted, "%d", &h.QuotedTTL)
		}
		word, code, ok := strings.Cut(word, "/")
		if ok {
			scan(t, code, "%d", &h.Code)
		}
		at, what, _ := strings.Cut(word, ":")
		ttl, attempt, ok := strings.Cut(at, ".")
		scan(t, ttl, "%d", &h.TTL)
		if ok {
			scan(t, attempt, "%d", &h.Attempt)
		}
		who, kind, _ := strings.Cut(what, "=")
		switch who {
		case "T":
			h.Responder = target
		case "O":
			h.Responder = other
		default:
			var n int
			scan(t, who, "%d", &n)
			h.Responder = router(n)
		}
		if h.Kind, ok = probe.ParseKind(kind); !ok {
			t.Fatalf("kind %q", kind)
		}
		list = append(list, h)
	}
	return list
}

func scan(t testing.TB, s, format string, v any) {
	t.Helper()
	if _, err := fmt.Sscanf(s, format, v); err != nil {
		t.Fatalf("%q: %v", s, err)
	}
}

const (
	three = "1:1=ttl_exceeded 2:2=ttl_exceeded 3:3=ttl_exceeded "
	// The last TTL of each trace below.
	lastTTL = 16
)

func TestCloseEnd(t *testing.T) {
	tests := []struct {
		name string
		path string
		set  func(*record.Trace)
		want string // stop reason/data end distance reached hops
	}{
		{name: "nothing answered", want: "HOPLIMIT/0 end 16, distance 0, reached false, 0 hops"},
		{name: "routers only", path: three, want: "HOPLIMIT/0 end 16, distance 0, reached false, 3 hops"},

		{name: "routers repeat, and all is probed", path: three + "4:2=ttl_exceeded 5:3=ttl_exceeded 6:2=ttl_exceeded 7:3=ttl_exceeded",
			want: "HOPLIMIT/0 end 16, distance 0, reached false, 7 hops"},
		{name: "routers repeat", path: three + "4:2=ttl_exceeded 5:3=ttl_exceeded 6:2=ttl_exceeded 7:3=ttl_exceeded",
			set:  func(t *record.Trace) { t.GapLimit = 5 },
			want: "LOOP/0 end 4, distance 0, reached false, 4 hops"},
		{name: "given up before", path: three, set: func(t *record.Trace) {
			t.GapLimit, t.Silent = 2, []record.TTLAttempt{{TTL: 4, Attempt: 0}, {TTL: 5, Attempt: 0}}
		},
			want: "GAPLIMIT/0 end 5, distance 0, reached false, 3 hops"},
		{name: "one TTL probed beyond the silence", path: three, set: func(t *record.Trace) {
			t.GapLimit, t.Silent = 2, []record.TTLAttempt{{TTL: 4, Attempt: 0}, {TTL: 5, Attempt: 0}, {TTL: 9, Attempt: 0}}
		},
			want: "GAPLIMIT/0 end 5, distance 0, reached false, 3 hops"},
		{name: "given up at the last TTL", path: three, set: func(t *record.Trace) {
			t.GapLimit, t.MaxTTL, t.Silent = 2, 5, []record.TTLAttempt{{TTL: 4, Attempt: 0}, {TTL: 5, Attempt: 0}}
		},
			want: "HOPLIMIT/0 end 5, distance 0, reached false, 3 hops"},

		// The distance that a port unreachable gives.
		{name: "port unreachable at its distance", path: three + "4:T=port_unreach/3<1",
			want: "COMPLETED/0 end 4, distance 4, reached true, 4 hops"},
		{name: "port unreachable beyond, nearer ones silent", path: three + "9:T=port_unreach/3<4",
			want: "COMPLETED/0 end 6, distance 6, reached true, 3 hops"},
		{name: "port unreachables at and beyond", path: three + "6:T=port_unreach/3<1 9:T=port_unreach/3<4",
			want: "COMPLETED/0 end 6, distance 6, reached true, 4 hops"},
		{name: "from another address", path: three + "6:O=port_unreach/3<3",
			want: "COMPLETED/0 end 4, distance 4, reached true, 3 hops"},
		{name: "quoted TTL 0", path: three + "6:T=port_unreach/3<0",
			want: "COMPLETED/0 end 6, distance 6, reached true, 4 hops"},
		{name: "quoted TTL above the sent one", path: three + "6:T=port_unreach/3<7",
			want: "COMPLETED/0 end 6, distance 6, reached true, 4 hops"},
		{name: "quoted TTL as sent, routers nearer", path: three + "6:T=port_unreach/3<6",
			want: "COMPLETED/0 end 6, distance 6, reached true, 4 hops"},
		{name: "quoted TTL as sent, no routers", path: "6:T=port_unreach/3<6",
			want: "COMPLETED/0 end 1, distance 1, reached true, 0 hops"},
		{name: "a router at that distance", path: three + "6:T=port_unreach/3<4",
			want: "COMPLETED/0 end 6, distance 6, reached true, 4 hops"},
		{name: "a router above that distance", path: three + "5:5=ttl_exceeded 6:T=port_unreach/3<3",
			want: "COMPLETED/0 end 6, distance 6, reached true, 5 hops"},
		{name: "a router one below it", path: three + "6:T=port_unreach/3<3",
			want: "COMPLETED/0 end 4, distance 4, reached true, 3 hops"},
		{name: "not above where the target answered", path: three + "5:T=echo_reply 9:T=port_unreach/3<2",
			want: "COMPLETED/0 end 5, distance 5, reached true, 4 hops"},
		{name: "first makes no sense, second does", path: three + "8:T=port_unreach/3<8 9:T=port_unreach/3<4",
			want: "COMPLETED/0 end 6, distance 6, reached true, 3 hops"},
		{name: "no quotation", path: three + "6:T=port_unreach/3",
			want: "COMPLETED/0 end 6, distance 6, reached true, 4 hops"},

		// The lowest TTL at which the target answered.
		{name: "echo replies", path: three + "5:T=echo_reply 6:T=echo_reply",
			want: "COMPLETED/0 end 5, distance 5, reached true, 4 hops"},
		{name: "SYN-ACK", path: three + "5:T=syn_ack", want: "COMPLETED/0 end 5, distance 5, reached true, 4 hops"},
		{name: "RST", path: three + "5:T=rst", want: "COMPLETED/0 end 5, distance 5, reached true, 4 hops"},
		{name: "time exceeded from the target", path: three + "5:T=ttl_exceeded",
			want: "HOPLIMIT/0 end 16, distance 0, reached false, 4 hops"},
		{name: "and routers beyond", path: three + "5:T=ttl_exceeded 6:6=ttl_exceeded",
			want: "HOPLIMIT/0 end 16, distance 0, reached false, 5 hops"},
		{name: "and the target beyond", path: three + "5:T=ttl_exceeded 6:6=ttl_exceeded 9:T=port_unreach/3<2",
			want: "COMPLETED/0 end 8, distance 8, reached true, 5 hops"},
		{name: "protocol unreachable from the target", path: three + "5:T=proto_unreach/2<1",
			want: "COMPLETED/0 end 5, distance 5, reached true, 4 hops"},
		{name: "reassembly exceeded from the target", path: three + "5:T=reassembly_exceeded/1",
			want: "COMPLETED/0 end 5, distance 5, reached true, 4 hops"},
		{name: "answers beyond an unreachable", path: three + "4:4=host_unreach/1 6:T=echo_reply",
			want: "COMPLETED/0 end 6, distance 6, reached true, 5 hops"},
		{name: "second attempt answers lower", path: three + "4.1:T=echo_reply 5:T=echo_reply",
			want: "COMPLETED/0 end 4, distance 4, reached true, 4 hops"},
		{name: "two attempts at the end", path: three + "4:T=echo_reply 4.1:T=echo_reply",
			want: "COMPLETED/0 end 4, distance 4, reached true, 5 hops"},

		// Unreachable.
		{name: "host unreachable", path: three + "4:3=host_unreach/1", want: "UNREACH/1 end 4, distance 0, reached false, 4 hops"},
		{name: "net unreachable", path: three + "4:3=net_unreach/0", want: "UNREACH/0 end 4, distance 0, reached false, 4 hops"},
		{name: "administratively", path: three + "4:3=admin/13", want: "UNREACH/13 end 4, distance 0, reached false, 4 hops"},
		{name: "protocol, by a router", path: three + "4:3=proto_unreach/2", want: "UNREACH/2 end 4, distance 0, reached false, 4 hops"},
		{name: "other unreachable", path: three + "4:3=unreach/12", want: "UNREACH/12 end 4, distance 0, reached false, 4 hops"},
		{name: "first of several", path: three + "4:3=host_unreach/1 5:3=admin/13",
			want: "UNREACH/1 end 4, distance 0, reached false, 4 hops"},
		{name: "routers beyond", path: three + "4:3=host_unreach/1 5:5=ttl_exceeded",
			want: "UNREACH/1 end 4, distance 0, reached false, 4 hops"},
		{name: "from the target itself", path: three + "4:T=admin/10",
			want: "UNREACH/10 end 4, distance 4, reached true, 4 hops"},
		{name: "packet too big does not end the path", path: three + "4:4=packet_too_big/0",
			want: "HOPLIMIT/0 end 16, distance 0, reached false, 4 hops"},
		{name: "fragmentation needed does not end the path", path: three + "4:4=frag_needed/4",
			want: "HOPLIMIT/0 end 16, distance 0, reached false, 4 hops"},

		// Answers without a hop.
		{name: "a datagram from the target", path: three, set: func(t *record.Trace) { t.Touched = true },
			want: "HOPLIMIT/0 end 16, distance 0, reached true, 3 hops"},
		{name: "among the hops by mistake", path: three + "5:T=udp_reply",
			want: "HOPLIMIT/0 end 16, distance 0, reached true, 3 hops"},

		// Stopped runs.
		{name: "halted", path: three, set: halt, want: "HALTED/0 end 9, distance 0, reached false, 3 hops"},
		{name: "halted, complete", path: three + "4:T=echo_reply", set: halt,
			want: "COMPLETED/0 end 4, distance 4, reached true, 4 hops"},
		{name: "halted, unreachable", path: three + "4:3=host_unreach/1", set: halt,
			want: "UNREACH/1 end 4, distance 0, reached false, 4 hops"},
		{name: "halted before anything", set: func(t *record.Trace) { t.Halted = true },
			want: "HALTED/0 end 0, distance 0, reached false, 0 hops"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := record.Trace{Head: record.Head{Target: target}, FirstTTL: 1, MaxTTL: lastTTL, Hops: hops(t, tt.path)}
			// The result is dirty on purpose.
			tr.Result = record.Result{StopReason: record.StopLoop, End: 99, Distance: 99}
			if tt.set != nil {
				tt.set(&tr)
			}
			Close(&tr)
			got := fmt.Sprintf("%v/%d end %d, distance %d, reached %v, %d hops",
				tr.StopReason, tr.StopData, tr.End, tr.Distance, tr.Reached, len(tr.Hops))
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// halt stops the trace after a silent TTL 9.
func halt(t *record.Trace) {
	t.Halted = true
	t.Silent = append(t.Silent, record.TTLAttempt{TTL: 9, Attempt: 0})
}

func TestCloseLoops(t *testing.T) {
	tests := []struct {
		name, path string
		want       []record.Loop
	}{
		{"none", three, nil},
		{"next to each other", "1:1=ttl_exceeded 2:1=ttl_exceeded 3:1=ttl_exceeded", nil},
		{"two routers", "1:1=ttl_exceeded 2:2=ttl_exceeded 3:1=ttl_exceeded 4:2=ttl_exceeded",
			[]record.Loop{{First: 1, Again: 3}, {First: 2, Again: 4}}},
		{"silence between", "1:1=ttl_exceeded 3:1=ttl_exceeded", []record.Loop{{First: 1, Again: 3}}},
		{"nearest counts", "1:1=ttl_exceeded 3:1=ttl_exceeded 5:1=ttl_exceeded", []record.Loop{{First: 1, Again: 3}, {First: 3, Again: 5}}},
		{"attempts count once", "1:1=ttl_exceeded 1.1:1=ttl_exceeded 3:1=ttl_exceeded 3.1:1=ttl_exceeded",
			[]record.Loop{{First: 1, Again: 3}}},
		{"unreachable passed on", "1:1=ttl_exceeded 2:2=ttl_exceeded 3:1=host_unreach", nil},
		{"beyond the end", "1:1=ttl_exceeded 2:2=host_unreach 3:1=ttl_exceeded", nil},
	}
	for _, tt := range tests {
		tr := record.Trace{Head: record.Head{Target: target}, MaxTTL: lastTTL, Hops: hops(t, tt.path)}
		Close(&tr)
		if !slices.Equal(tr.Loops, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, tr.Loops, tt.want)
		}
	}
}

func TestCloseNAT(t *testing.T) {
	tests := []struct {
		mangled probe.Mangled
		want    uint8
	}{
		{0, 0}, {probe.MangledLen, 0}, {probe.MangledTOS, 0}, {probe.MangledLabel, 0},
		{probe.MangledSource, 2}, {probe.MangledCsum, 2}, {probe.MangledIPID, 2}, {probe.MangledID, 2},
		{probe.MangledTOS | probe.MangledCsum, 2},
	}
	for _, tt := range tests {
		tr := record.Trace{Head: record.Head{Target: target}, MaxTTL: lastTTL, Hops: hops(t, three)}
		tr.Hops[1].Mangled, tr.Hops[2].Mangled = tt.mangled, tt.mangled
		Close(&tr)
		if tr.NATFirstTTL != tt.want {
			t.Errorf("mangled %b: first TTL %d, want %d", tt.mangled, tr.NATFirstTTL, tt.want)
		}
	}
}

func TestPathHash(t *testing.T) {
	hash := func(path string) uint64 {
		tr := record.Trace{Head: record.Head{Target: target}, MaxTTL: lastTTL, Hops: hops(t, path)}
		Close(&tr)
		return tr.PathHash
	}
	base := hash(three)
	same := map[string]string{
		"another kind":      "1:1=ttl_exceeded 2:2=ttl_exceeded 3:3=parameter_problem",
		"repeated attempts": "1:1=ttl_exceeded 1.1:1=ttl_exceeded 2:2=ttl_exceeded 3:3=ttl_exceeded 3.2:3=ttl_exceeded",
	}
	for name, path := range same {
		if hash(path) != base {
			t.Errorf("%s: hash differs", name)
		}
	}
	differ := map[string]string{
		"another router": "1:1=ttl_exceeded 2:2=ttl_exceeded 3:4=ttl_exceeded",
		"another TTL":    "1:1=ttl_exceeded 2:2=ttl_exceeded 4:3=ttl_exceeded",
		"one more":       three + "4:4=ttl_exceeded",
		"one less":       "1:1=ttl_exceeded 2:2=ttl_exceeded",
		"other order":    "1:2=ttl_exceeded 2:1=ttl_exceeded 3:3=ttl_exceeded",
	}
	for name, path := range differ {
		if hash(path) == base {
			t.Errorf("%s: hash is the same", name)
		}
	}
	if got := hash(""); got != fnvOffset {
		t.Errorf("hash of nothing = %#x", got)
	}
}

// long fills t with a path of 15 routers and the target's answers after them.
func long(t *record.Trace) {
	t.Reset()
	t.Target, t.FirstTTL, t.MaxTTL = target, 1, 32
	for ttl := uint8(1); ttl <= 20; ttl++ {
		h := record.Hop{Sent: 1, RTT: 1}
		h.TTL, h.Kind, h.Responder = ttl, probe.KindTTLExceeded, router(int(ttl))
		if ttl > 15 {
			h.Kind, h.Responder = probe.KindPortUnreach, target
			h.HasQuote, h.QuotedTTL = true, ttl-15
		}
		t.Hops = append(t.Hops, h)
	}
	t.Hops[9].Responder = router(3) // a loop
}

func TestCloseAllocs(t *testing.T) {
	var tr record.Trace
	long(&tr)
	Close(&tr)
	if tr.End != 16 || len(tr.Loops) != 1 {
		t.Fatalf("end %d, loops %v", tr.End, tr.Loops)
	}
	if n := testing.AllocsPerRun(100, func() { long(&tr); Close(&tr) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClose(b *testing.B) {
	var tr record.Trace
	b.ReportAllocs()
	for b.Loop() {
		long(&tr)
		Close(&tr)
	}
}

func TestStopReasonNames(t *testing.T) {
	for s := record.StopNone; s <= record.StopHalted; s++ {
		if got, ok := record.ParseStopReason(s.String()); !ok || got != s {
			t.Errorf("ParseStopReason(%q) = %v, %v", s.String(), got, ok)
		}
	}
	if _, ok := record.ParseStopReason("INPROGRESS"); ok {
		t.Error("INPROGRESS is known")
	}
}
