package netsim

import "time"

// flood is the attack on one path by an attacker who knows target and flow, and sees no probe. From
// the first probe of the path on, guesses come evenly for Config.GuessTime.
type flood struct {
	key   uint64 // of the path, 0 is free
	begun int64
	sent  int
	r     random
	first template // the probe that began the path: all fields except the tags are right
	lucky [MostLucky]luck
}

// luck is a lucky guess.
type luck struct {
	probe  template // the probe that it names, once that was sent
	at     int64    // when it comes; 0 is never, or no longer
	ttl    uint8    // of the probe
	before uint8    // how many probes with that TTL come before it
}

const (
	floodSlots = 512 // paths under attack
	floodWays  = 4   // slots that a path may use

	// MostLucky is how many lucky guesses a path may get. Each of them names one of the first
	// LuckyTries probes with a TTL up to LuckyTTLs.
	MostLucky  = 8
	LuckyTTLs  = 32
	LuckyTries = 2
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
	for i := range f.lucky {
		if l := &f.lucky[i]; l.ttl == p.ttl {
			if l.before == 0 {
				l.probe.set(p)
			}
			l.before--
		}
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
	for i := range m.cfg.Lucky {
		f.lucky[i] = luck{
			at:  now + 1 + uniform(f.r.next(), m.guessTime()),
			ttl: uint8(1 + pick(f.r.next(), LuckyTTLs)), before: uint8(pick(f.r.next(), LuckyTries)),
		}
	}
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
			s.emitLucky(at, f, emit)
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

// emitLucky emits the lucky guesses that have come until now and whose probes were sent.
func (s *Sim) emitLucky(now int64, f *flood, emit func(int64, []byte)) {
	for i := range s.m.cfg.Lucky {
		l := &f.lucky[i]
		if l.at == 0 || now < l.at {
			continue
		}
		if len(l.probe.raw) > 0 {
			s.packet = l.probe.packet
			s.emitAttack(now, LuckyGuess, s.putQuote(s.other[:], f.r.next(), len(s.packet.raw), nil), emit)
			s.packet = f.first.packet
		}
		l.at = 0
	}
}
