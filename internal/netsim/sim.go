package netsim

import "fmt"

// Sim is a simulated Internet as seen from one place, or from several vantage points. It is not
// safe for concurrent use.
type Sim struct {
	m       *model
	packets uint64
	count   Counters

	routerLimit, hostLimit, policer limit
	wayOut                          [MaxVantagePoints]bucket // the policers'
	clock                           clock

	buckets  [bucketSlots]bucket
	halfOpen [halfOpenSlots]halfOpen
	floods   []flood // nil without the option Guesses

	packet packet
	rec    Record
	out    [maxBuffer]byte // the reply
	other  [maxBuffer]byte // noise beside it
}

// maxBuffer holds the longest reply: an echo reply, or extensions.
const maxBuffer = maxPacket + 100

// New makes the network that cfg describes.
func New(cfg Config) (*Sim, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("simulated network: %w", err)
	}
	s := &Sim{
		m:           newModel(cfg),
		routerLimit: limitOf(cfg.RouterRate, cfg.RouterBurst),
		hostLimit:   limitOf(cfg.HostRate, cfg.HostBurst),
		policer:     limitOf(cfg.Policer, cfg.PolicerBurst),
	}
	if cfg.Guesses > 0 {
		s.floods = make([]flood, floodSlots)
	}
	return s, nil
}

// Config returns the configuration of the network.
func (s *Sim) Config() Config { return s.m.cfg }

// Counters returns a copy of the counters.
func (s *Sim) Counters() Counters { return s.count }

// Truth returns the truth about this network. It may be used concurrently.
func (s *Sim) Truth() *Truth { return &Truth{m: s.m} }

// Handle judges one IP packet, without a link header, that arrives at the time now (ns, of any
// clock that does not go back). It calls emit for each packet that comes back, with the time at
// which it is due. That packet is valid during the call of emit, the record until the next call of
// Handle. Handle allocates nothing.
func (s *Sim) Handle(now int64, b []byte, emit func(due int64, packet []byte)) *Record {
	s.packets++
	s.count.Received++
	p, r := &s.packet, &s.rec
	fate := p.parse(b)
	r.begin(now, p)
	r.At = s.clock.at(now, fate)
	if fate != Answered {
		r.Size = uint16(min(len(b), 0xffff))
		return s.finish(fate)
	}
	m := s.m
	pl := m.plan(p.flow.dst)
	m.reroute(&pl, r.At)
	m.enterFrom(&pl, p.flow.src)
	h := m.hashFlow(&p.flow, r.At)
	rnd := mix(m.seed^saltPacket, s.packets)
	w := m.walk(&pl, &h, &p.flow, p.ttl, rnd)
	if w.target && w.fate == Answered {
		w.answer = m.hostAnswer(&pl, p.flow.proto, uint16(p.flow.first), p.l4[0], p.flags())
	}
	r.end(&w)
	s.attack(now, rnd, emit)
	s.provoke(now)
	var reply tcpReply
	if fate = s.decide(now, &pl, &w, rnd, &reply); fate != Answered {
		r.Answer = w.answer
		return s.finish(fate)
	}
	s.reply(now, &pl, &w, rnd, reply, emit)
	return s.finish(Answered)
}

// finish counts the fate and completes the record.
func (s *Sim) finish(f Fate) *Record {
	s.count.Fates[f]++
	s.rec.Fate = f
	return &s.rec
}

// flags returns TCP's flags, 0 for other protocols.
func (p *packet) flags() uint8 {
	if p.flow.proto == protoTCP {
		return p.tcpFlags()
	}
	return 0
}

// decide applies chance and state to a packet that got as far as w. It changes the state of the
// node there, and w.answer if TCP state requires it.
func (s *Sim) decide(now int64, pl *plan, w *way, rnd uint64, reply *tcpReply) Fate {
	m, p := s.m, &s.packet
	if s.policer.interval > 0 && !s.wayOut[pl.vantage].take(now, s.policer) {
		return LostForward
	}
	if w.fate != Answered {
		return w.fate
	}
	luck := mix(rnd, saltLoss)
	if m.lossForward.hit(luck) {
		return LostForward
	}
	if w.target && p.flow.proto == protoTCP {
		w.answer, *reply = s.tcp(now, p, m.listens(pl, p.dport()), mix(rnd, saltTCP))
	}
	if w.target && m.isImposter(pl) {
		w.answer = TimeExceeded
	}
	switch {
	case w.answer == NoAnswer:
		return Taken
	case w.answer == PortUnreach:
		if m.limitsItself(pl) && !s.take(pl.host, now, s.hostLimit) {
			return HostLimited
		}
	case !w.target:
		if m.limitedRouter(w.node) && !s.take(w.node.hash(m.seed), now, s.routerLimit) {
			return RouterLimited
		}
	}
	if m.loss.hit(luck) {
		return LostReply
	}
	return Answered
}

// reply emits the answer, sometimes twice, sometimes with noise.
func (s *Sim) reply(now int64, pl *plan, w *way, rnd uint64, seg tcpReply, emit func(int64, []byte)) {
	m, p, r := s.m, &s.packet, &s.rec
	e := envelope{src: p.flow.dst, dst: p.flow.src, id: uint16(rnd >> 20)}
	var t traits
	switch {
	case !w.target:
		t = m.routerTraits(w.node)
		e.src = m.routerAddr(pl, w)
	case w.answer == TimeExceeded:
		t = m.hostTraits(pl)
		e.src = m.imposed(pl, w, rnd)
	default:
		t = m.hostTraits(pl)
	}
	e.ttl = t.replyTTL(w.dist)
	var n int
	switch w.answer {
	case EchoReply:
		n = s.putEcho(s.out[:], &e)
	case SYNACK, RST, ChallengeACK:
		n = s.putTCP(s.out[:], &e, seg)
	case UDPReply:
		n = s.putUDP(s.out[:], &e)
	default:
		e.tos = t.tos
		n = s.putError(s.out[:], pl, w, &t, &e, mix(rnd, saltBox))
		if w.boxed && pl.mangle(&p.flow) != 0 {
			s.count.Mangled++
		}
	}
	wait := w.base + m.jitter(rnd)
	due := now + wait
	s.count.Answers[w.answer]++
	r.Answer, r.Wait, r.Copies = w.answer, uint32(wait), 1

	luck := mix(rnd, saltNoise)
	noisy := m.noise.hit(luck)
	before := noisy && luck>>63 == 0
	s.attackCopies(due, rnd, n, emit)
	if before {
		s.emitNoise(due-m.jitter(luck), now, n, luck, emit)
	}
	emit(due, s.out[:n])
	if m.duplicate.hit(mix(rnd, saltNoise+1)) {
		s.count.Duplicates++
		r.Copies = 2
		emit(due+m.jitter(mix(rnd, saltNoise+2)), s.out[:n])
	}
	if noisy && !before {
		s.emitNoise(due+m.jitter(luck), now, n, luck, emit)
	}
}

// emitNoise emits one packet of noise, not before now; n is the length of the
// genuine reply.
func (s *Sim) emitNoise(due, now int64, n int, luck uint64, emit func(int64, []byte)) {
	kind := Noise(pick(luck, int(numNoises)))
	size := s.putNoise(s.other[:], kind, s.out[:n], &random{luck})
	s.count.Noise[kind]++
	s.rec.Noise, s.rec.Noisy = kind, true
	emit(max(due, now), s.other[:size])
}

// jitter returns the additional time of a reply beyond the minimum.
func (m *model) jitter(rnd uint64) int64 {
	if m.cfg.Jitter == 0 && m.cfg.Spike == 0 {
		return 0
	}
	h := mix(rnd, saltJitter)
	j := uniform(mix(h, 1), int64(m.cfg.Jitter)+1) // most are small:
	j = min(j, uniform(mix(h, 2), int64(m.cfg.Jitter)+1))
	if m.spike.hit(h) {
		j += uniform(mix(h, 3), int64(m.cfg.Spike)+1)
	}
	return j
}
