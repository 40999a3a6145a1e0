package netsim

import (
	"math/rand/v2"
	"testing"
)

// Each attack emits well-formed packets beside the genuine answers. None of them changes the truth.
func TestAttacks(t *testing.T) {
	cfg := preset(t, "clean")
	cfg.Garbled, cfg.Nobodies, cfg.ForgedQuotes, cfg.ForgedEchoes = 1, 1, 3, 2
	cfg.Imposters, cfg.ViaTarget = 0.2, 0.2
	s := newSim(t, cfg)
	truth, err := NewTruth(cfg)
	must(t, err)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 4000 {
		p := randomProbe(r, 36)
		b := p.build(t)
		before := s.Counters()
		var packets [][]byte
		rec := s.Handle(int64(1e18+i*1e6), b, func(_ int64, packet []byte) { packets = append(packets, append([]byte{}, packet...)) })
		after := s.Counters()
		if uint64(len(packets)) != after.Emitted()-before.Emitted() {
			t.Fatalf("%d packets, counted %d", len(packets), after.Emitted()-before.Emitted())
		}
		if !rec.Fate.Valid() {
			continue
		}
		for _, packet := range packets {
			checkPacket(t, packet, b[0]>>4 == 6)
		}
		if _, ok := truth.Met(rec); !ok {
			t.Fatal("the truth has no such hop")
		}
	}
	c := s.Counters()
	for a, n := range c.Attacks {
		if n == 0 && Attack(a) != LuckyGuess { // see TestFlood
			t.Errorf("no %v", Attack(a))
		}
	}
	b, ignore := randomProbe(r, 36).build(t), func(int64, []byte) {}
	if n := testing.AllocsPerRun(1000, func() { s.Handle(1e18, b, ignore) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// checkPacket checks lengths and checksums of a packet that came back.
func checkPacket(t *testing.T, b []byte, six bool) {
	t.Helper()
	off, n := 20, int(b[2])<<8|int(b[3])
	if six {
		off, n = 40, 40+int(b[4])<<8+int(b[5])
	} else if fold(sum(0, b[:20])) != 0 {
		t.Fatalf("IP checksum of % x", b)
	}
	if n != len(b) {
		t.Fatalf("length %d of %d octets: % x", n, len(b), b)
	}
	var acc uint64
	proto := b[9]
	if six {
		proto = b[6]
		acc = pseudo(addrFrom((*[16]byte)(b[8:])), addrFrom((*[16]byte)(b[24:])), proto, len(b)-off)
	} else if proto != protoICMP {
		acc = pseudo(own4Of(b[12:]), own4Of(b[16:]), proto, len(b)-off)
	}
	if fold(sum(acc, b[off:])) != 0 {
		t.Fatalf("checksum of % x", b)
	}
}

func own4Of(b []byte) addr {
	return addr4(uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]))
}
