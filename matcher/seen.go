package matcher

import "github.com/masstrace/masstrace/internal/probe"

// Seen is a probe found in a capture.
type Seen struct {
	probe.Header
	Sent    int64 // ns since the Unix epoch
	Flow    uint32
	Attempt uint8
	Answers int // replies so far
	Copies  int // of Answers, those that are duplicates
	Best    Best

	added  int64 // the send time, ns, that Add was called with
	before int32 // number of the previous probe with the same looks, -1 if none
}

// Best is the reply to a Seen that proves most.
type Best struct {
	From  uint32 // window.HashRouter of its source
	Proof uint8  // see probe.Facts.Proof
	Valid probe.Validity
}

// remembered is how long a Table remembers a probe at least, in ns of the capture's time.
const remembered = 60e9

// Forgotten is how long a Table remembers a probe at most, in ns of the capture's time.
const Forgotten = 2 * remembered

// Table finds the probes in a capture that replies answer. It is for probers whose identity fields
// are not known. So it compares the quoted fields with those of the probes, and finds a probe only
// if no other fits as well. It forgets old probes, so that its memory depends on the rate of
// probing and not on the length of the capture.
//
// A Table belongs to one goroutine.
type Table struct {
	now, old  generation
	turned    int64
	forgotten int64 // probes sent before it are not found
	limit     int32 // most probes of a generation; 0 is any number
}

// Limit limits the number of probes that the Table remembers to twice n, and its memory. Without
// it, the probes of two minutes may be any number.
func (t *Table) Limit(n int32) { t.limit = n }

// generation is the probes sent in one span of time.
type generation struct {
	chunks []*[seenChunk]Seen
	n      int32 // number of probes
	exact  map[exact]int32
	looks  map[looks]int32 // the last probe with these looks; nil in an exact table
}

// seenChunk is the number of probes by which a generation grows. Growing does not move the probes
// that are already there.
const seenChunk = 1 << 12

func (g *generation) at(n int32) *Seen { return &g.chunks[n/seenChunk][n%seenChunk] }

// exact is all fields that stay the same from a probe to its quotation, unless a device on the path
// rewrites them.
type exact struct {
	src, dst         probe.Addr
	seq              uint32
	srcPort, dstPort uint16
	id, sum, len     uint16
	protocol         uint8
}

// looks is the part of those fields that remains in the target's answers, and in quotations from
// after a device that rewrites the source.
type looks struct {
	dst              probe.Addr
	seq              uint16 // the low 16 bits of an ICMP probe's, else 0
	srcPort, dstPort uint16
	protocol         uint8
}

func exactOf(h *probe.Header) exact {
	return exact{h.Src, h.Dst, h.Seq, h.SrcPort, h.DstPort, h.ID, h.Sum, h.Len, h.Protocol}
}

func looksOf(h *probe.Header) looks {
	l := looks{dst: h.Dst, srcPort: h.SrcPort, dstPort: h.DstPort, protocol: h.Protocol}
	if h.Method == probe.ICMP {
		l.seq = uint16(h.Seq)
	}
	return l
}

// NewTable returns an empty table.
func NewTable() *Table {
	t := NewExactTable()
	t.now.looks, t.old.looks = map[looks]int32{}, map[looks]int32{}
	return t
}

// NewExactTable returns an empty table for probes with a known identity of their own. It finds
// probes by Exact alone, in half the time.
func NewExactTable() *Table {
	return &Table{now: generation{exact: map[exact]int32{}}, old: generation{exact: map[exact]int32{}}}
}

// Add adds a probe that was sent at a time in ns. The result is valid until the next call.
func (t *Table) Add(h *probe.Header, sent int64) *Seen {
	if sent-t.turned >= remembered || t.limit > 0 && t.now.n >= t.limit {
		if sent-t.turned >= Forgotten {
			t.now.clear()
		}
		t.now, t.old = t.old, t.now
		t.now.clear()
		t.turned = sent
	}
	g := &t.now
	n := g.n
	if int(n) == len(g.chunks)*seenChunk {
		g.chunks = append(g.chunks, new([seenChunk]Seen))
	}
	g.n++
	s := g.at(n)
	*s = Seen{Header: *h, Sent: sent, added: sent, before: -1}
	g.exact[exactOf(h)] = n
	if g.looks == nil {
		return s
	}
	look := looksOf(h)
	if before, ok := g.looks[look]; ok {
		s.before = before
	}
	g.looks[look] = n
	return s
}

// Forget stops the Table from finding probes sent before a time in ns. Add alone forgets gradually,
// and only as far as the send times advance.
func (t *Table) Forget(before int64) { t.forgotten = max(t.forgotten, before) }

func (g *generation) clear() {
	clear(g.exact)
	clear(g.looks)
	g.n = 0
}

// Exact returns the probe with the fields of h, or nil. If there are several, it returns the last.
// The result is valid until the next Add.
func (t *Table) Exact(h *probe.Header) *Seen {
	for _, g := range []*generation{&t.now, &t.old} {
		if n, ok := g.exact[exactOf(h)]; ok && g.at(n).added >= t.forgotten {
			return g.at(n)
		}
	}
	return nil
}

// Quoted returns the probe that h quotes, or nil. The result is valid until the next Add.
func (t *Table) Quoted(h *probe.Header) *Seen {
	if s := t.Exact(h); s != nil {
		return s
	}
	best, sure := t.best(h, likeness)
	if !sure {
		return nil
	}
	return best
}

// Answered returns the probe that the target's own answer h belongs to, or nil. If several look the
// same (scamper's TCP probes do), it returns the last. The result is valid until the next Add.
func (t *Table) Answered(h *probe.Header) *Seen {
	best, _ := t.best(h, answers)
	return best
}

// furthest is how many probes with the same looks are compared with a reply, per generation.
const furthest = 256

// best returns the probe with the highest positive score of like, nil if there is none. sure is
// false if a probe with another TTL has the same score.
func (t *Table) best(h *probe.Header, like func(s *Seen, h *probe.Header) int) (best *Seen, sure bool) {
	most, look := 0, looksOf(h)
	for _, g := range []*generation{&t.now, &t.old} {
		n, ok := g.looks[look]
		if !ok {
			continue
		}
		for range furthest {
			s := g.at(n)
			switch score := like(s, h); {
			case s.added < t.forgotten:
			case score > most:
				best, most, sure = s, score, true
			case score == most && score > 0 && s.TTL != best.TTL:
				sure = false
			}
			if n = s.before; n < 0 {
				break
			}
		}
	}
	return best, sure
}

// likeness returns how similar a quotation is to a probe with the same looks. It is never 0.
func likeness(s *Seen, h *probe.Header) int {
	n := 1
	for _, like := range []struct {
		same   bool
		weight int
	}{
		{s.Src == h.Src, 1},
		{s.Len == h.Len, 2},
		{s.Sum == h.Sum, 4},
		{s.ID == h.ID && h.ID != 0, 8},
		{s.Seq == h.Seq, 16},
	} {
		if like.same {
			n += like.weight
		}
	}
	return n
}

// answers returns how well h, an answer of the target, fits a probe: 0 if not at all.
func answers(s *Seen, h *probe.Header) int {
	if s.Src != h.Src {
		return 0
	}
	switch s.Method {
	case probe.TCPSYN:
		if s.Seq != h.Seq {
			return 1
		}
		return 2
	case probe.TCPACK:
		if s.Ack != h.Ack && s.Seq != h.Seq+1 {
			return 1
		}
		return 2
	}
	return 1
}
