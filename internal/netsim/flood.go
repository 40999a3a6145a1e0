package netsim

import "time"

// flood is the attack on one path by an attacker who knows target and flow, and sees no probe. From
// the first probe of the path on, guesses come evenly for Config.GuessTime.
type flood struct {
	key    uint64 // of the path, 0 is free
	begun  int64
	sent   int
	r      random
	first  template // the probe that began the path: all fields except the tags are right
	luck   template // the probe that the lucky guess names, once it was sent
	luckAt int64    // when the lucky guess comes; 0 is never, or no longer
	luckOf uint8    // its TTL
	before uint8    // how many probes with that TTL come before it
}

const (
	floodSlots = 512 // paths under attack
	floodWays  = 4   // slots that a path may use

	// A lucky guess names one of the first luckyTries probes with a TTL up to luckyTTLs.
	luckyTTLs  = 32
	luckyTries = 2
)

// usualGuessTime is how long guesses come if GuessTime is 0.
const usualGuessTime = 3 * time.Second

// template is a copy of a probe, as far as it is quoted.
type template struct {
	packet
	octets [128]byte
}

func (t *template) set(p *packet) {
	t.packet = *p
	n := copy(t.octets[:], p.raw)
	t.raw = t.octets[:n]
	t.l4 = t.raw[p.ip:]
}

// guessTime returns for how long guesses come, ns.
func (m *model) guessTime() int64 {
	if m.cfg.GuessTime == 0 {
		return int64(usualGuessTime)
	}
	return int64(m.cfg.GuessTime)
}

// provoke begins the attack on the path of the present packet, if it is the first of its path.
func (s *Sim) provoke(now int64) {
	p := &s.packet
	if len(s.floods) == 0 || p.flags()&flagRST != 0 {
		return
	}
	key := mix(p.flow.src.hi^p.flow.dst.hi^saltFlood, p.flow.src.lo^p.flow.dst.lo)
	ports := p.flow.first
	if p.isICMP() {
		ports = uint32(p.flow.id)
	}
	key = mix(key^uint64(p.flow.proto), uint64(ports)) | 1
	f := s.flooded(key, now)
	if f == nil {
		s.count.Spared++
		return
	}
	if f.key != key {
		f.begin(key, now, s.m)
		f.first.set(p)
	}
	if f.luckOf == p.ttl && len(f.luck.raw) == 0 {
		if f.before == 0 {
			f.luck.set(p)
		}
		f.before--
	}
}

// flooded returns the slot of a path: its own, or one that is free. It returns nil if there is none.
func (s *Sim) flooded(key uint64, now int64) (free *flood) {
	first := int(key>>32) % (floodSlots / floodWays) * floodWays
	for i := range floodWays {
		switch f := &s.floods[first+i]; {
		case f.key == key:
			return f
		case f.key == 0 || f.sent >= s.m.cfg.Guesses && now-f.begun > 2*s.m.guessTime():
			free = f
		}
	}
	return free
}

// begin makes f the attack on another path.
func (f *flood) begin(key uint64, now int64, m *model) {
	*f = flood{key: key, begun: now, r: random{mix(key, m.seed^saltFlood)}}
	h := f.r.next()
	if !m.lucky.hit(h) {
		return
	}
	f.luckAt = now + 1 + uniform(f.r.next(), m.guessTime())
	f.luckOf, f.before = uint8(1+pick(f.r.next(), luckyTTLs)), uint8(pick(f.r.next(), luckyTries))
}

// Tick emits the guesses that have come until now, each with its time. It reports whether more of
// them will come. Without the option Guesses there are none.
func (s *Sim) Tick(now int64, emit func(due int64, packet []byte)) (more bool) {
	n, span := s.m.cfg.Guesses, s.m.guessTime()
	for i := range s.floods {
		f := &s.floods[i]
		if f.key == 0 || f.sent >= n {
			continue
		}
		most := n
		if passed := now - f.begun; passed < span {
			most = int(float64(passed) / float64(span) * float64(n))
			more = true
		}
		s.packet = f.first.packet
		for ; f.sent < most; f.sent++ {
			at := f.begun + int64(float64(f.sent)/float64(n)*float64(span))
			if f.luckAt != 0 && at >= f.luckAt {
				s.emitLucky(at, f, emit)
			}
			s.emitGuess(at, f, emit)
		}
	}
	return more
}

// emitGuess emits one guess: a quotation, or for some ICMP probes an echo reply.
func (s *Sim) emitGuess(at int64, f *flood, emit func(int64, []byte)) {
	if s.packet.isICMP() && f.sent%4 == 3 {
		s.emitAttack(at, ForgedEcho, s.putForgedEcho(s.other[:], &f.r), emit)
		return
	}
	s.emitAttack(at, ForgedQuote, s.putForged(s.other[:], &f.r), emit)
}

// emitLucky emits the guess that has all tags of a probe by chance, if that probe was sent.
func (s *Sim) emitLucky(at int64, f *flood, emit func(int64, []byte)) {
	f.luckAt = 0
	if len(f.luck.raw) == 0 {
		return
	}
	s.packet = f.luck.packet
	h := f.r.next()
	s.emitAttack(at, LuckyGuess, s.putQuote(s.other[:], h, len(s.packet.raw), nil), emit)
	s.packet = f.first.packet
}
