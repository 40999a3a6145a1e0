package verify

import (
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
)

// expected is the correct classification of an answer: strong if two tags can be read, weak if one
// can, and which fields were rewritten.
type expected struct {
	valid    probe.Validity
	mangled  probe.Mangled
	optional probe.Mangled // may be listed or not
	rejected bool          // must not become a hop
}

// words maps netsim's names of fields to those of masstrace.
var words = []struct {
	is   netsim.Mangle
	says probe.Mangled
}{
	{netsim.MangledSource, probe.MangledSource},
	{netsim.MangledIPID, probe.MangledIPID},
	{netsim.MangledChecksum, probe.MangledCsum},
	{netsim.MangledTOS, probe.MangledTOS},
	{netsim.MangledLabel, probe.MangledLabel},
	{netsim.MangledLength, probe.MangledLen},
}

// Octets of the transport that a quotation must contain for the tag in the payload: the transport
// header and the seal.
const (
	headerOctets = 8
	sealOctets   = 16
)

// expect derives the classification of an answer to a probe of the flow from the way in which the
// hop changes quotations.
//
// There are two tags. The second is the IP identification in IPv4. In IPv6 it is in the payload,
// which is missing if a router quotes 8 octets of the transport. The first is the UDP checksum, or
// the ICMP sequence number, which no box rewrites. A box that rewrites the source address adjusts
// the checksum, and the receiver can undo that; but then both tags are required. TCP's sequence
// number is strong by itself.
func expect(f *flow, answer netsim.Answer, hop *netsim.Hop) (e expected) {
	e.valid = probe.Strong
	if !answer.IsError() {
		return e // no quotation, and boxes undo their changes on the way back
	}
	for _, w := range words {
		if hop.Mangled&w.is != 0 {
			e.mangled |= w.says
		}
	}
	is4 := f.proto == probe.ProtoICMP || f.proto != probe.ProtoICMPv6 && hop.Addr.Is4()
	header := 40
	if is4 {
		header = 20
	}
	quoted := min(int(hop.QuotedLen), int(f.size)) - header
	foreign := hop.Mangled&netsim.MangledSource != 0
	tags := 2
	switch {
	case f.proto == probe.ProtoTCP:
		e.optional = probe.MangledCsum // it may be after the octets that must be quoted
		e.mangled &^= probe.MangledCsum
		return e
	case is4 && hop.Mangled&netsim.MangledIPID != 0:
		tags--
	case !is4 && quoted < headerOctets+sealOctets:
		tags--
	}
	if f.proto == probe.ProtoUDP && hop.Mangled&netsim.MangledChecksum != 0 && !foreign {
		tags--
	}
	switch {
	case tags == 0, tags == 1 && foreign:
		e.rejected = true
	case tags == 1:
		e.valid = probe.Weak
	}
	return e
}

// kinds maps answers to their names in records.
var kinds = map[netsim.Answer]probe.Kind{
	netsim.TimeExceeded: probe.KindTTLExceeded,
	netsim.NetUnreach:   probe.KindNetUnreach,
	netsim.HostUnreach:  probe.KindHostUnreach,
	netsim.Prohibited:   probe.KindAdmin,
	netsim.PortUnreach:  probe.KindPortUnreach,
	netsim.EchoReply:    probe.KindEchoReply,
	netsim.SYNACK:       probe.KindSYNACK,
	netsim.RST:          probe.KindRST,
	netsim.ChallengeACK: probe.KindPureACK,
	netsim.UDPReply:     probe.KindUDPReply,
}

// Class is whether the properties of hops in the results are correct. An answer that was sent
// together with a copy with wrong bits is not judged: the copy may have arrived first.
type Class struct {
	Judged        uint64 `json:"judged"`
	Strong        uint64 `json:"strong"` // judged hops that the results call strong
	Weak          uint64 `json:"weak"`
	Mangled       uint64 `json:"mangled"`        // with rewritten fields
	WrongValid    uint64 `json:"wrong_valid"`    // strong and weak confused
	WrongMangled  uint64 `json:"wrong_mangled"`  // the listed fields are not the rewritten ones
	WrongKind     uint64 `json:"wrong_kind"`     // another kind of answer
	WrongDetail   uint64 `json:"wrong_detail"`   // TTL of the reply, quoted TTL, labels
	Unexplained   uint64 `json:"unexplained"`    // the truth has no such hop
	ShouldBeGone  uint64 `json:"should_be_gone"` // accepted with too few tags
	BesideFlipped uint64 `json:"beside_flipped"` // not judged
}

// classify judges the properties of a claim besides its address.
func (c *checker) classify(t *tally, q *claim, s *sent) {
	hop, ok := c.met(s)
	switch {
	case !ok:
		t.class.Unexplained++
		c.example("log and truth differ", "%s TTL %d from %s", q.dst, q.ttl, q.from)
		return
	case s.marks&flipped != 0:
		t.class.BesideFlipped++
		return
	case s.marks&unreadable != 0:
		return
	}
	t.class.Judged++
	if q.hasKind && kinds[s.answer] != q.kind {
		t.class.WrongKind++
		c.example("kind", "%s TTL %d: %s, not %s", q.dst, q.ttl, q.kind, kinds[s.answer])
	}
	wrong := q.replyTTL != 0 && q.replyTTL != hop.ReplyTTL ||
		q.quotedTTL >= 0 && s.answer.IsError() && q.quotedTTL != int(hop.QuotedTTL) ||
		q.labels >= 0 && q.labels != int(hop.Labels) && s.answer.IsError()
	if wrong {
		t.class.WrongDetail++
		c.example("detail", "%s TTL %d: reply TTL %d, quoted %d, %d labels; not %d, %d, %d",
			q.dst, q.ttl, q.replyTTL, q.quotedTTL, q.labels, hop.ReplyTTL, hop.QuotedTTL, hop.Labels)
	}
	if q.hasValid {
		c.classifyTags(t, q, s, &hop)
	}
}

// classifyTags judges valid and mangled.
func (c *checker) classifyTags(t *tally, q *claim, s *sent, hop *netsim.Hop) {
	switch q.valid {
	case probe.Strong:
		t.class.Strong++
	case probe.Weak:
		t.class.Weak++
	}
	if q.mangled != 0 {
		t.class.Mangled++
	}
	e := expect(&c.asked.flows[s.flow], s.answer, hop)
	if e.mangled&probe.MangledIPID != 0 && s.ipID>>8 == s.ipID&0xff {
		return // the swapped value equals the old one
	}
	switch {
	case e.rejected:
		t.class.ShouldBeGone++
		c.example("too few tags", "%s TTL %d: %s %v", q.dst, q.ttl, q.valid, q.mangled.AppendNames(nil))
	case q.mangled&^e.optional != e.mangled:
		t.class.WrongMangled++
		c.example("mangled", "%s TTL %d: %v, not %v", q.dst, q.ttl, q.mangled.AppendNames(nil), e.mangled.AppendNames(nil))
	case q.valid != e.valid:
		t.class.WrongValid++
		c.example("valid", "%s TTL %d: %s %v, not %s", q.dst, q.ttl, q.valid, q.mangled.AppendNames(nil), e.valid)
	}
}

// met returns the truth about the hop that a probe met.
func (c *checker) met(s *sent) (netsim.Hop, bool) {
	f := &c.asked.flows[s.flow]
	in, addr := c.asked.netsimFlowAt(f, s.time), c.asked.from(s).Netip()
	c.hops = c.truth.AppendHops(c.hops[:0], &in, s.ttl)
	for _, h := range c.hops {
		if h.Addr == addr && h.Dist == s.dist && h.Target == (s.marks&atTarget != 0) {
			return h, true
		}
	}
	return netsim.Hop{}, false
}
