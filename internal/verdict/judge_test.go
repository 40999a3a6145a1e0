package verdict

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

func addr(s string) probe.Addr { return probe.AddrFrom(netip.MustParseAddr(s)) }

// hop is an answer at a TTL: to attempt 0, 1 and so on if the TTL repeats.
type hop struct {
	ttl  uint8
	from string
	kind probe.Kind
	code uint8
}

// path is a trace, written short.
type path struct {
	target  string
	hops    []hop
	silent  []uint8 // TTLs of silent probes
	stop    record.StopReason
	end     uint8
	reached bool
	change  func(*record.Trace)
}

func exceeded(ttl uint8, from string) hop { return hop{ttl, from, probe.KindTTLExceeded, 0} }

func (p path) trace() *record.Trace {
	t := &record.Trace{FirstTTL: 1, MaxTTL: 32, Attempts: 3}
	t.Target = addr(p.target)
	t.StopReason, t.End, t.Reached = p.stop, p.end, p.reached
	for _, h := range p.hops {
		var one record.Hop
		one.TTL, one.Responder, one.Kind, one.Code = h.ttl, addr(h.from), h.kind, h.code
		t.Hops = append(t.Hops, one)
	}
	for _, ttl := range p.silent {
		t.Silent = append(t.Silent, record.TTLAttempt{TTL: ttl})
	}
	t.ProbeCount, t.Answered = len(t.Hops)+len(t.Silent), len(t.Hops)
	if p.reached {
		t.Distance = p.end
	}
	if p.change != nil {
		p.change(t)
	}
	return t
}

// toHost is a trace to a host behind three routers; the last is of its own.
func toHost(target, own string) path {
	return path{
		target: target, end: 4, stop: record.StopCompleted, reached: true,
		hops: []hop{exceeded(1, "10.0.0.1"), exceeded(2, "10.0.0.2"), exceeded(3, own), {4, target, probe.KindPortUnreach, 3}},
	}
}

// until is a trace that ends in silence after some routers.
func until(target string, routers ...string) path {
	p := path{target: target, stop: record.StopGapLimit}
	for i, from := range routers {
		p.hops = append(p.hops, exceeded(uint8(i+1), from))
	}
	n := uint8(len(routers))
	p.silent, p.end = []uint8{n + 1, n + 2, n + 3, n + 4, n + 5}, n+5
	return p
}

// again is the path with a second silent probe at the TTL after its last router.
func (p path) again() path {
	p.silent = append([]uint8{p.silent[0]}, p.silent...)
	return p
}

// lostBehind is the paths, with silence at a TTL under our own losses.
func lostBehind(paths []path, ttl uint8) (list []path) {
	for _, p := range paths {
		p.hops = slices.DeleteFunc(slices.Clone(p.hops), func(h hop) bool { return h.ttl > ttl && h.kind == probe.KindTTLExceeded })
		p.silent = []uint8{2, 3}
		p.change = func(t *record.Trace) { t.UnderDrops = []uint8{2, 3} }
		list = append(list, p)
	}
	return list
}

func TestVerdicts(t *testing.T) {
	neighbours := []path{toHost("192.0.0.9", "10.0.1.1"), toHost("192.0.1.9", "10.0.1.2")}
	far := []path{toHost("198.51.100.9", "10.0.1.1"), toHost("203.0.113.9", "10.0.1.2")}
	loops := func(t *record.Trace) { t.Loops = []record.Loop{{First: 2, Again: 4}} }
	for _, tt := range []struct {
		name   string
		before []path
		path   path
		want   string // verdict, basis, TTL and address
	}{
		{"the target answers", nil, toHost("192.0.2.9", "10.0.2.1"), "reached answer 4 192.0.2.9"},
		{"the target answers without a TTL", nil, path{target: "192.0.2.9", reached: true, stop: record.StopHopLimit, end: 32}, "reached answer 0 192.0.2.9"},
		{"a firewall reports it", nil, path{
			target: "192.0.2.9", stop: record.StopUnreach, end: 2,
			hops: []hop{exceeded(1, "10.0.0.1"), {2, "10.0.0.2", probe.KindAdmin, 13}},
		}, "filtered report 2 10.0.0.2"},
		{"the target refuses it", nil, path{
			target: "192.0.2.9", stop: record.StopUnreach, end: 2, reached: true,
			hops: []hop{exceeded(1, "10.0.0.1"), {2, "192.0.2.9", probe.KindAdmin, 10}},
		}, "filtered report 2 192.0.2.9"},
		{"a router reports it", nil, path{
			target: "192.0.2.9", stop: record.StopUnreach, end: 2,
			hops: []hop{exceeded(1, "10.0.0.1"), {2, "10.0.0.2", probe.KindNetUnreach, 0}},
		}, "unreachable report 2 10.0.0.2"},
		{"a loop up to the last TTL", nil, path{
			target: "192.0.2.9", stop: record.StopHopLimit, end: 6, change: loops,
			hops: []hop{exceeded(1, "10.0.0.1"), exceeded(2, "10.0.0.2"), exceeded(4, "10.0.0.2"), exceeded(6, "10.0.0.2")},
		}, "loop repeat 2 10.0.0.2"},
		{"a loop at the gap limit", nil, path{
			target: "192.0.2.9", stop: record.StopLoop, end: 4, change: loops,
			hops: []hop{exceeded(1, "10.0.0.1"), exceeded(2, "10.0.0.2"), exceeded(3, "10.0.0.3"), exceeded(4, "10.0.0.2")},
		}, "loop repeat 2 10.0.0.2"},
		{"a balancer is no loop", neighbours, path{
			target: "192.0.2.9", stop: record.StopGapLimit, end: 9, change: loops, silent: []uint8{5, 5, 6, 7, 8, 9},
			hops: []hop{exceeded(1, "10.0.0.1"), exceeded(2, "10.0.0.2"), exceeded(3, "10.0.0.3"), exceeded(4, "10.0.0.2")},
		}, "no_path shared_router 4 10.0.0.2"},
		{"a router of the prefix", neighbours, until("192.0.2.9", "10.0.0.1", "10.0.0.2", "10.0.2.1"), "host_silent own_router 3 10.0.2.1"},
		{"neighbours are far away", far, until("192.0.2.9", "10.0.0.1", "10.0.0.2", "10.0.2.1"), "undecided unknown_router 3 10.0.2.1"},
		{"one neighbour is too few", neighbours[:1], until("192.0.2.9", "10.0.0.1", "10.0.0.2", "10.0.2.1"), "undecided unknown_router 3 10.0.2.1"},
		{"the last router before another target", []path{toHost("192.0.2.1", "10.0.2.1")}, until("192.0.2.9", "10.0.0.1", "10.0.0.2", "10.0.2.1"), "host_silent last_router 3 10.0.2.1"},
		{"the last router reports other hosts", []path{{
			target: "192.0.2.1", stop: record.StopUnreach, end: 3,
			hops: []hop{exceeded(1, "10.0.0.1"), exceeded(2, "10.0.0.2"), {3, "10.0.2.1", probe.KindHostUnreach, 1}},
		}}, until("192.0.2.9", "10.0.0.1", "10.0.0.2", "10.0.2.1"), "host_silent last_router 3 10.0.2.1"},
		{"a router of other prefixes", far[:1], until("192.0.2.9", "10.0.0.1", "10.0.0.2").again(), "no_path shared_router 2 10.0.0.2"},
		{"one reply may be lost", far[:1], until("192.0.2.9", "10.0.0.1", "10.0.0.2"), "undecided few_probes 2 10.0.0.2"},
		{"no answer", nil, until("192.0.2.9"), "no_path no_router 1 0"},
		{"no answer to two probes", nil, path{target: "192.0.2.9", stop: record.StopGapLimit, end: 2, silent: []uint8{1, 2}}, "undecided few_probes 1 0"},
		{"silence under our own losses", far, path{
			target: "192.0.2.9", stop: record.StopGapLimit, end: 5, silent: []uint8{2, 3, 4, 5}, hops: []hop{exceeded(1, "10.0.0.1")},
			change: func(t *record.Trace) { t.UnderDrops = []uint8{2, 3} },
		}, "undecided our_loss 1 10.0.0.1"},
		{"our own loss right after the last router", far, path{
			target: "192.0.2.9", stop: record.StopGapLimit, end: 6, silent: []uint8{2, 2, 3, 4, 5, 6}, hops: []hop{exceeded(1, "10.0.0.1")},
			change: func(t *record.Trace) { t.UnderDrops = []uint8{2} },
		}, "undecided our_loss 1 10.0.0.1"},
		{"our own loss of every router", far, path{
			target: "192.0.2.9", stop: record.StopGapLimit, end: 6, silent: []uint8{1, 2, 3, 4, 5, 6},
			change: func(t *record.Trace) { t.UnderDrops = []uint8{1, 2} },
		}, "undecided our_loss 1 0"},
		{"our own loss before a router of the prefix", neighbours, path{
			target: "192.0.2.9", stop: record.StopGapLimit, end: 7, silent: []uint8{1, 4, 5, 6, 7}, hops: []hop{exceeded(2, "10.0.0.2"), exceeded(3, "10.0.2.1")},
			change: func(t *record.Trace) { t.UnderDrops = []uint8{1} },
		}, "host_silent own_router 3 10.0.2.1"},
		{"our own loss of the neighbours' routers", lostBehind(neighbours, 1), until("192.0.2.9", "10.0.0.1", "10.0.0.2", "10.0.2.1"), "undecided unknown_router 3 10.0.2.1"},
		{"a doubtful reply beyond", far, path{
			target: "192.0.2.9", stop: record.StopGapLimit, end: 5, silent: []uint8{2, 3, 4, 5}, hops: []hop{exceeded(1, "10.0.0.1")},
			change: func(t *record.Trace) { t.Withheld = []uint8{3} },
		}, "undecided withheld 1 10.0.0.1"},
		{"stopped", far, path{target: "192.0.2.9", stop: record.StopHalted, end: 1, hops: []hop{exceeded(1, "10.0.0.1")}}, "undecided stopped 0 0"},
		{"routers up to the last TTL", nil, path{
			target: "192.0.2.9", stop: record.StopHopLimit, end: 2, hops: []hop{exceeded(1, "10.0.0.1"), exceeded(2, "10.0.0.2")},
			change: func(t *record.Trace) { t.MaxTTL = 2 },
		}, "undecided last_ttl 2 10.0.0.2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var j Judge
			for _, p := range tt.before {
				j.Trace(p.trace())
			}
			got := tt.path.trace()
			j.Trace(got)
			v := &got.Judged
			from := "0"
			if !v.Addr.IsZero() {
				from = v.Addr.String()
			}
			if text := fmt.Sprint(v.Verdict, " ", v.Basis, " ", v.TTL, " ", from); text != tt.want {
				t.Errorf("%s, want %s", text, tt.want)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	host := toHost("192.0.2.9", "10.0.2.1")
	with := func(silent []uint8, change func(*record.Trace)) path {
		p := host
		p.silent, p.change = silent, change
		return p
	}
	for _, tt := range []struct {
		name string
		path path
		want string // each condition: kind, TTLs, address, silent of probes
	}{
		{"none", host, ""},
		{"a limit that later TTLs do not share", with([]uint8{2, 2}, nil), "rate_limited 2-2 10.0.0.2 2/3;"},
		{"a limit that other traces show", with([]uint8{2}, func(t *record.Trace) { t.RateLimited = []uint8{2} }), "rate_limited 2-2 10.0.0.2 1/2;"},
		{"a lost probe", with([]uint8{2}, nil), ""},
		{"loss up to the target", with([]uint8{2, 3, 4, 4}, nil), "lossy 2-4 invalid IP 4/7;"},
		{"loss at two TTLs only", with([]uint8{3, 4, 4, 4}, nil), ""},
		{"our own losses", with([]uint8{2, 3, 4, 4}, func(t *record.Trace) { t.UnderDrops = []uint8{2, 3, 4} }), "our_loss 2-4 invalid IP 4/7;"},
		{"our own losses are no limit", with([]uint8{2, 2}, func(t *record.Trace) { t.UnderDrops = []uint8{2} }), "our_loss 2-2 invalid IP 2/3;"},
		{"a small link", path{
			target: "192.0.2.9", stop: record.StopGapLimit, end: 2, silent: []uint8{3, 4, 5},
			hops:   []hop{exceeded(1, "10.0.0.1"), {2, "10.0.0.2", probe.KindFragNeeded, 4}},
			change: func(t *record.Trace) { t.Hops[1].MTU = 576 },
		}, "path_mtu 2-2 10.0.0.2 0/1 576;"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var j Judge
			got := tt.path.trace()
			j.Trace(got)
			text := ""
			for _, c := range got.Judged.Conditions {
				text += fmt.Sprintf("%s %d-%d %s %d/%d", c.Kind, c.FirstTTL, c.LastTTL, c.Addr, c.Silent, c.Probes)
				if c.MTU != 0 {
					text += fmt.Sprint(" ", c.MTU)
				}
				text += ";"
			}
			if text != tt.want {
				t.Errorf("%q, want %q", text, tt.want)
			}
		})
	}
}

// A scan of a million prefixes stays within the table, and a full table costs no allocation.
func TestBounded(t *testing.T) {
	var j Judge
	for i := range 4 * mostRouters {
		j.routers.add(keyOf(probe.AddrFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))), prefixOf(addr("192.0.2.1")), 0)
	}
	if n := len(j.routers.places); n != mostRouters {
		t.Fatalf("%d places", n)
	}
	silent := until("192.0.2.9", "10.0.0.1", "10.0.0.2", "10.0.2.1").trace()
	if n := testing.AllocsPerRun(100, func() { j.Trace(silent) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPrefixes(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		near bool
	}{
		{"192.0.2.1", "192.0.2.200", false}, {"192.0.2.1", "192.0.3.1", true}, {"192.0.2.1", "192.0.15.1", true},
		{"192.0.2.1", "192.0.16.1", false}, {"2001:db8:1::1", "2001:db8:1:2::1", false}, {"2001:db8:1::1", "2001:db8:ff::1", true},
		{"2001:db8:1::1", "2001:db8:101::1", false}, {"192.0.2.1", "2001:db8::1", false},
	} {
		if got := prefixOf(addr(tt.a)).isNear(prefixOf(addr(tt.b)) | goesOn); got != tt.near {
			t.Errorf("%s and %s are near: %t", tt.a, tt.b, got)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	var j Judge
	trace := until("192.0.2.9", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.2.1").trace()
	b.ReportAllocs()
	for b.Loop() {
		j.Trace(trace)
	}
}
