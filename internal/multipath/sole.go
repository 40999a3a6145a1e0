package multipath

// In front of a per-packet balancer, or where its branches join, all flows must certainly meet one
// node. If the rarest branch led to another node, n flows would all miss that one by chance. So the
// rarest node that flows have shown decides how many are enough.

const (
	// soleBits is the evidence of so many flows: they would miss another node with a probability below
	// 2⁻¹⁰.
	soleBits = 10
	// mostSole is how many flows are enough in any case.
	mostSole = 128
)

// sole returns how many flows must have met the same node, if no share is known. If a second node had
// a fifth of the packets, all of them would miss it with a probability below 2⁻¹⁰, at 95 %.
func (c *Config) sole() int { return c.rule.Flows(6) }

// soleFor returns how many flows must have met the same node, if rare of some flows took the rarest
// branch. The share p of that branch has the Beta distribution with the parameters a = rare and
// b = flows − rare + 1 then, and n more flows miss it with the mean probability
//
//	E (1−p)ⁿ = b/(a+b) · (b+1)/(a+b+1) · … · (b+n−1)/(a+b+n−1)
func (c *Config) soleFor(rare, flows int) int {
	n, least := 0, c.sole()
	if rare == flows {
		return least
	}
	for miss, b := 1.0, flows-rare+1; miss*(1<<soleBits) > 1 && n < mostSole; n++ {
		miss *= float64(b+n) / float64(rare+b+n)
	}
	return max(n, least)
}

// soleFlows returns how many flows must meet the same node beside the diamond of the row at ttl: in
// front of it, or after it.
func (s *Search) soleFlows(ttl uint8) (need int) {
	v := s.cfg.views.get()
	defer s.cfg.views.put(v)
	for t := s.front(ttl); t < ttl || s.has(t) && s.row(t).parts(); t++ {
		s.share(&v.shares, t, 0)
		need = max(need, s.cfg.soleFor(fewest(v.shares.counts[:len(s.addrs)+1], v.shares.total), v.shares.total))
	}
	return max(need, s.cfg.sole())
}

// settleSole settles the rows beside the diamond of the row at ttl again, if they need another number of
// flows, because they depend on the shares in it. packet is set if a per-packet balancer lies before the
// TTL in front of it.
func (s *Search) settleSole(ttl uint8, packet bool) {
	if packet {
		s.settleAgain(ttl+1, s.soleFlows(ttl+1))
	}
	if packet || s.has(ttl) && s.row(ttl).flags&rowPacket != 0 {
		if f := s.front(ttl); f > s.first && s.row(f-1).flags&rowSole != 0 {
			s.settleAgain(f-1, s.soleFlows(f))
		}
	}
}

// settleAgain settles a row again if it needed another number of flows before. Two diamonds in a row would
// settle the row between them for ever otherwise.
func (s *Search) settleAgain(ttl uint8, need int) {
	if !s.has(ttl) {
		s.dirty |= 1 << ttl
		return
	}
	if row := s.row(ttl); int(row.sole) != need {
		row.sole = uint16(need)
		s.dirty |= 1 << ttl
	}
}

// soleFlows is Search.soleFlows for the row at t after a balancer whose branches begin at from.
func (d *Describer) soleFlows(from, t int) int {
	need := d.cfg.sole()
	for ; from < t; from++ {
		counts, flows, row := d.counts[:len(d.addrs)+1], 0, d.row(from)
		clear(counts)
		for i := range row {
			if node := row[i].node; node != 0 {
				counts[node]++
				flows++
			}
		}
		need = max(need, d.cfg.soleFor(fewest(counts, flows), flows))
	}
	return need
}

// fewest returns how many of some flows met the rarest of their nodes.
func fewest(counts []uint16, flows int) int {
	for _, n := range counts {
		if n > 0 {
			flows = min(flows, int(n))
		}
	}
	return flows
}
