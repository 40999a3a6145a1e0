package netsim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// An attacked path gets its guesses evenly, from its first probe on. A lucky guess quotes a probe
// that was sent before.
func TestFlood(t *testing.T) {
	const n = 1000
	cfg := preset(t, "clean")
	cfg.Guesses, cfg.GuessTime, cfg.Lucky = n, 2*time.Second, 1
	ignore := func(int64, []byte) {}
	for _, six := range []family{ip4, ip6} {
		for _, method := range methods {
			t.Run(fmt.Sprint(method, " IPv6 ", six), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, 7))
				lucky, begin, s := 0, int64(1e18), newSim(t, cfg)
				for range 100 {
					begin += 10e9
					p := testProbe{dst: randomDst(r, six), method: method, sport: 40000, dport: 33434, payload: 20}
					sent := map[string]int64{} // the parts of probes that are quoted, and when they left
					got, last := 0, begin
					take := func(due int64, b []byte) {
						checkPacket(t, b, bool(six))
						if due < last || due > begin+int64(cfg.GuessTime) {
							t.Fatalf("a guess at %d ns after one at %d ns", due-begin, last-begin)
						}
						last = due
						quoted := b[headerLen(six)+8:]
						if at, ok := sent[string(quotedPart(quoted, six))]; ok {
							if lucky++; at > due {
								t.Error("a lucky guess before its probe")
							}
						} else {
							got++
						}
					}
					for ttl := uint8(1); ttl <= LuckyTTLs; ttl++ {
						now := begin + int64(ttl-1)*50e6
						more := s.Tick(now, take)
						if more != (ttl > 1) {
							t.Fatalf("more guesses %t at TTL %d", more, ttl)
						}
						if want := n * int(ttl-1) * 50 / 2000; got < want-1 || got > want+1 {
							t.Fatalf("%d guesses after %d ms, want %d", got, int(ttl-1)*50, want)
						}
						p.ttl, p.id, p.seq, p.ack = ttl, uint16(r.Uint32()), r.Uint32(), r.Uint32()
						b := p.build(t)
						sent[string(quotedPart(b, six))] = now
						s.Handle(now, b, ignore)
					}
					if s.Tick(begin+3e9, take) || got != n {
						t.Fatalf("%d guesses, want %d", got, n)
					}
					s.Tick(begin+4e9, func(int64, []byte) { t.Error("a guess after the last") })
				}
				// A probe is the first with its TTL, and was sent before the guess, on 30 % of the
				// paths. The limits are 5 standard deviations away.
				if lucky < 7 || lucky > 53 {
					t.Errorf("%d lucky guesses on 100 paths", lucky)
				}
			})
		}
	}
}

// quotedPart returns the part of a probe that its quotation repeats: neither TTL nor checksum.
func quotedPart(b []byte, six family) []byte {
	off := headerLen(six)
	if len(b) < off {
		return nil
	}
	part := bytes.Clone(b[off:])
	if six == ip4 {
		part = append(part, b[4], b[5])
	}
	return part
}

// Every path has an attacker of its own. Without room for one, the probes are counted.
func TestFloodRoom(t *testing.T) {
	cfg := preset(t, "clean")
	cfg.Guesses = 10
	s, r := newSim(t, cfg), rand.New(rand.NewPCG(1, 8))
	ignore := func(int64, []byte) {}
	now := int64(1e18)
	paths := func(n int) uint64 {
		for range n {
			p := testProbe{dst: randomDst(r, ip4), method: "udp", ttl: 3, sport: 40000, dport: 33434}
			for range 2 {
				s.Handle(now, p.build(t), ignore)
			}
		}
		for s.Tick(now, ignore) {
			now += 1e9
		}
		return s.count.Attacks[ForgedQuote]
	}
	if got := paths(50); got != 500 || s.count.Spared != 0 {
		t.Errorf("%d guesses for 50 paths, %d probes spared", got, s.count.Spared)
	}
	paths(5000)
	c := s.Counters()
	if c.Spared%2 != 0 || c.Attacks[ForgedQuote] != 10*(5050-c.Spared/2) || c.Spared < 2*(5000-floodSlots) {
		t.Errorf("%d guesses for 5050 paths, %d probes spared", c.Attacks[ForgedQuote], c.Spared)
	}
	now += 10e9
	if before := c.Spared; paths(20) != c.Attacks[ForgedQuote]+200 || s.count.Spared != before {
		t.Error("an attacker that has finished has no time for another path")
	}
	if n := testing.AllocsPerRun(100, func() { now += 1e9; s.Tick(now, ignore) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
