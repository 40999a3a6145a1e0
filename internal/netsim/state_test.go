package netsim

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// portOf returns a port of dst that listens, or one that does not.
func portOf(m *model, dst netip.Addr, listens bool) uint16 {
	p := m.plan(addrOf(dst))
	for port := uint16(1); ; port++ {
		if m.listens(&p, port) == listens {
			return port
		}
	}
}

// TestTCP walks through the states of RFC 9293 that a prober can reach.
func TestTCP(t *testing.T) {
	type step struct {
		method   string
		seq, ack uint32 // ack 1 stands for the right one
		after    int64  // ns since the last step
		want     Answer
		fate     Fate
	}
	tests := []struct {
		name   string
		listen bool
		steps  []step
	}{
		{"SYN to a closed port", false, []step{{method: "syn", seq: 9, want: RST}, {method: "syn", seq: 9, want: RST}}},
		{"ACK to a closed port", false, []step{{method: "ack", seq: 9, ack: 77, want: RST}}},
		{"ACK to an open port", true, []step{{method: "ack", seq: 9, ack: 77, want: RST}}},
		{"RST to an open port", true, []step{{method: "rst", seq: 9, fate: Taken}}},
		{"SYN twice", true, []step{{method: "syn", seq: 9, want: SYNACK}, {method: "syn", seq: 9, want: SYNACK}}},
		{"SYN with another number", true, []step{{method: "syn", seq: 1 << 30, want: SYNACK},
			{method: "syn", seq: 9, want: ChallengeACK}, {method: "syn", seq: 10, want: ChallengeACK}}},
		{"RST between", true, []step{{method: "syn", seq: 1 << 30, want: SYNACK},
			{method: "rst", seq: 1<<30 + 1, fate: Taken}, {method: "syn", seq: 9, want: SYNACK}}},
		{"RST out of the window", true, []step{{method: "syn", seq: 1 << 30, want: SYNACK},
			{method: "rst", seq: 5, fate: Taken}, {method: "syn", seq: 9, want: ChallengeACK}}},
		{"SYN in the window", true, []step{{method: "syn", seq: 100, want: SYNACK},
			{method: "syn", seq: 200, want: RST}, {method: "syn", seq: 9, want: SYNACK}}},
		{"wrong ACK", true, []step{{method: "syn", seq: 100, want: SYNACK},
			{method: "ack", seq: 101, ack: 5, want: RST}, {method: "syn", seq: 9, want: ChallengeACK}}},
		{"right ACK", true, []step{{method: "syn", seq: 100, want: SYNACK}, {method: "ack", seq: 101, ack: 1, fate: Taken}}},
		{"given up", true, []step{{method: "syn", seq: 1 << 30, want: SYNACK},
			{method: "syn", seq: 9, after: halfOpenTime, want: SYNACK}}},
	}
	for _, six := range []family{ip4, ip6} {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				s := newSim(t, preset(t, "clean"))
				p := testProbe{dst: netip.MustParseAddr("193.5.6.7"), ttl: 64, sport: 40000, id: 1}
				if six {
					p.dst = netip.MustParseAddr("2a03::5")
				}
				p.dport = portOf(s.m, p.dst, tt.listen)
				now, iss := int64(1), uint32(0)
				for i, st := range tt.steps {
					now += st.after
					p.method, p.seq, p.ack = st.method, st.seq, st.ack
					if st.ack == 1 {
						p.ack = iss + 1
					}
					rec, out := send(s, now, p.build(t))
					if rec.Fate != st.fate || rec.Answer != st.want {
						t.Fatalf("step %d: %v, %v; want %v, %v", i, rec.Fate, rec.Answer, st.fate, st.want)
					}
					if st.fate != Answered {
						continue
					}
					w, err := decode(out[0].b)
					must(t, err)
					checkSegment(t, p, st.want, w.tcp)
					if st.want == SYNACK {
						iss = w.tcp.Seq
					}
				}
			})
		}
	}
}

func checkSegment(t *testing.T, p testProbe, a Answer, c *layers.TCP) {
	t.Helper()
	ok := uint16(c.SrcPort) == p.dport && uint16(c.DstPort) == p.sport
	switch a {
	case SYNACK:
		ok = ok && c.SYN && c.ACK && !c.RST && c.Ack == p.seq+1
	case ChallengeACK:
		ok = ok && !c.SYN && c.ACK && !c.RST
	case RST:
		if p.method == "ack" {
			ok = ok && c.RST && !c.ACK && c.Seq == p.ack
		} else {
			ok = ok && c.RST && c.ACK && c.Ack == p.seq+1 && c.Seq == 0
		}
	}
	if !ok {
		t.Fatalf("%v to %+v is %+v", a, p, *c)
	}
}

// TestRouterLimit probes one limited router over virtual time.
func TestRouterLimit(t *testing.T) {
	cfg := preset(t, "clean")
	cfg.LimitedRouters, cfg.RouterRate, cfg.RouterBurst = 1, 100, 50
	s := newSim(t, cfg)
	p := testProbe{dst: netip.MustParseAddr("193.5.6.7"), method: "udp", ttl: 3, sport: 40000, dport: 33434, id: 1}
	b := p.build(t)
	answered := 0
	count := func(now int64) {
		if rec, _ := send(s, now, b); rec.Fate == Answered {
			answered++
		} else if rec.Fate != RouterLimited {
			t.Fatalf("fate %v", rec.Fate)
		}
	}
	for range 200 { // all at once: the burst
		count(1e9)
	}
	if answered != 50 {
		t.Errorf("burst of %d, want 50", answered)
	}
	answered = 0
	for i := range int64(10000) { // 1000 a second for 10 s: the rate
		count(1e9 + (i+1)*1e6)
	}
	if answered != 1000 {
		t.Errorf("%d answers in 10 s at 100 a second", answered)
	}
	answered = 0
	for range 200 { // a minute later the bucket is full
		count(100e9)
	}
	if answered != 50 {
		t.Errorf("burst of %d after a pause, want 50", answered)
	}
}

func TestHostLimit(t *testing.T) {
	cfg := preset(t, "clean")
	cfg.LimitedHosts = 1
	s := newSim(t, cfg)
	p := testProbe{dst: netip.MustParseAddr("193.5.6.7"), method: "udp", ttl: 40, sport: 40000, dport: 33434, id: 1}
	got := map[Fate]int{}
	for range 20 {
		rec, _ := send(s, 5, p.build(t))
		got[rec.Fate]++
	}
	if got[Answered] != cfg.HostBurst || got[HostLimited] != 20-cfg.HostBurst {
		t.Errorf("fates %v", got)
	}
	p.method = "icmp" // echo replies are not limited
	for range 20 {
		if rec, _ := send(s, 5, p.build(t)); rec.Fate != Answered {
			t.Errorf("ping: %v", rec.Fate)
		}
	}
}

// TestBuckets compares the shared array with one bucket for each key.
func TestBuckets(t *testing.T) {
	s := newSim(t, Default())
	l := limitOf(1000, 5)
	r := rand.New(rand.NewPCG(6, 6))
	slow := map[uint64]float64{} // tokens
	last := map[uint64]int64{}
	for now := int64(0); now < 2e9; now += 20e3 {
		key := mix(uint64(r.IntN(100)), 7) | 1
		if _, ok := slow[key]; !ok {
			slow[key] = 5
		}
		slow[key] = min(5, slow[key]+float64(now-last[key])/1e6)
		last[key] = now
		want := slow[key] >= 1-1e-6
		if want {
			slow[key]--
		}
		if got := s.take(key, now, l); got != want {
			t.Fatalf("at %d: %v, want %v", now, got, want)
		}
	}
	if n := s.Counters().EvictedBuckets; n != 0 {
		t.Errorf("%d evicted", n)
	}
}

// TestExtensions checks RFC 4884 structures of both forms by hand.
func TestExtensions(t *testing.T) {
	cfg := preset(t, "clean")
	cfg.QuoteShort, cfg.QuoteNew, cfg.QuoteOld, cfg.Interfaces = 0, 0.5, 0.5, 0.5
	s := newSim(t, cfg)
	r := rand.New(rand.NewPCG(8, 8))
	var news, olds, stacks, interfaces int
	for range 3000 {
		p := randomProbe(r, 4)
		_, out := send(s, 0, p.build(t))
		b := out[0].b
		msg := b[headerLen(family(p.dst.Is6())):]
		length, unit := int(msg[5]), 4
		if p.dst.Is6() {
			length, unit = int(msg[4]), 8
		}
		switch length * unit {
		case 0:
			olds++
		case 128:
			news++
		default:
			t.Fatalf("length field %d", length)
		}
		x := msg[8+128:]
		if x[0] != 0x20 || fold(sum(0, x)) != 0 {
			t.Fatalf("extension structure % x", x)
		}
		for x = x[4:]; len(x) > 0; {
			n := int(binary.BigEndian.Uint16(x))
			switch {
			case x[2] == 1 && x[3] == 1:
				stacks++
				if last := x[n-4 : n]; last[2]&1 != 1 {
					t.Fatalf("no bottom of stack: % x", x[:n])
				}
			case x[2] == 2 && x[3] == 0x0f && n%4 == 0:
				interfaces++
			default:
				t.Fatalf("object % x", x)
			}
			x = x[n:]
		}
	}
	if min(news, olds, stacks, interfaces) < 300 {
		t.Errorf("new %d, old %d, stacks %d, interfaces %d", news, olds, stacks, interfaces)
	}
}

// TestEcho checks that a ping comes back unchanged.
func TestEcho(t *testing.T) {
	s := newSim(t, preset(t, "clean"))
	for _, dst := range []string{"193.5.6.7", "2a03::5"} {
		p := testProbe{dst: netip.MustParseAddr(dst), method: "icmp", ttl: 40, sport: 123, seq: 45, payload: 900}
		rec, out := send(s, 0, p.build(t))
		w, err := decode(out[0].b)
		must(t, err)
		if rec.Answer != EchoReply || w.id != 123 || w.seq != 45 || len(out[0].b) != len(p.build(t)) || w.src != p.dst {
			t.Errorf("%v: %+v", rec.Answer, w)
		}
	}
}

// TestExtensionHeaders checks that probes with IPv6 extension headers are answered.
func TestExtensionHeaders(t *testing.T) {
	s := newSim(t, preset(t, "clean"))
	ip := &layers.IPv6{Version: 6, HopLimit: 3, NextHeader: layers.IPProtocolIPv6Destination,
		SrcIP: vantage6.AsSlice(), DstIP: netip.MustParseAddr("2a03::5").AsSlice()}
	u := &layers.UDP{SrcPort: 1, DstPort: 2}
	must(t, u.SetNetworkLayerForChecksum(ip))
	buf := gopacket.NewSerializeBuffer()
	must(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		ip, gopacket.Payload([]byte{17, 0, 1, 4, 0, 0, 0, 0}), u))
	// gopacket sums the UDP header alone, as it is the last layer.
	if rec, out := send(s, 0, buf.Bytes()); rec.Fate != Answered || len(out) != 1 {
		t.Errorf("fate %v", rec.Fate)
	}
}

// TestPolicer checks the limit of the way out. It does not depend on the later fate of the packets,
// and packets above the limit are lost.
func TestPolicer(t *testing.T) {
	cfg := preset(t, "clean")
	cfg.Policer, cfg.PolicerBurst, cfg.BlackHoles = 1000, 20, 0.3
	s := newSim(t, cfg)
	rng := rand.New(rand.NewPCG(9, 9))
	lost, passed := 0, 0
	for i := range int64(20_000) { // 4000 a second
		p := testProbe{dst: randomDst(rng, ip4), method: "udp", ttl: uint8(1 + i%30), sport: 40000, dport: 33434, id: 1}
		if rec, _ := send(s, 1e9+i*250e3, p.build(t)); rec.Fate == LostForward {
			lost++
		} else {
			passed++
		}
	}
	if want := 5*1000 + 20; passed < want-1 || passed > want+1 {
		t.Errorf("%d passed and %d were lost in 5 s at 1000 a second", passed, lost)
	}
}
