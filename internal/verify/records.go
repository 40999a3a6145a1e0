package verify

import (
	"errors"
	"io"
	"strings"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// traceSums adds up what trace and trace-ext records say of their probes.
type traceSums struct {
	traces                 uint64
	exts                   uint64
	sent, answered         uint64
	wrongSent, wrongAnswer uint64 // traces whose counts are not the log's
}

// readRecords reads records of masstrace or scamper.
func (c *checker) readRecords(in io.Reader) error {
	r, err := ndjson.NewReader(in)
	if err != nil {
		return err
	}
	defer r.Close()
	for line := 0; ; line = r.Line() {
		rec, err := r.Next()
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, ndjson.ErrCut):
			c.report.Cut = true
			return nil
		case err != nil && r.Line() == line:
			return err // and again: nothing more comes
		case err != nil:
			c.bad(r.Line(), err)
			continue
		}
		c.record(rec)
	}
}

func (c *checker) record(rec any) {
	switch rec.(type) {
	case *ndjson.TraceLine, *record.CycleStart, *record.CycleStop:
	default:
		c.format = Masstrace
	}
	switch r := rec.(type) {
	case *record.Run:
		c.run = r
		c.waitNS = int64(r.WaitS * 1e9)
		c.resumes.from = 0
	case *record.Resume:
		c.resume(r)
	case *record.Summary:
		c.summary = r
	case *ndjson.TraceLine:
		c.trace(r)
	case *ndjson.ExtLine:
		c.traceExt(r)
	case *ndjson.ReplyLine:
		c.reply(r)
	}
}

// trace judges a trace record.
func (c *checker) trace(t *ndjson.TraceLine) {
	c.sums.traces++
	dst := probe.AddrFrom(t.Dst)
	c.flows = c.asked.pick(c.flows[:0], dst, c.selectorOf(t))
	if d, ok := c.asked.byAddr[dst]; ok {
		c.asked.dests[d].traces++
	}
	for _, i := range c.flows {
		f := &c.asked.flows[i]
		if f.marks&traced != 0 && c.format == Masstrace {
			c.ends.Again++
			c.example("second trace", "%s", c.asked.title(f))
		}
		f.marks |= traced
		f.end = uint8(min(max(t.HopCount, 0), 255))
		f.attempts = uint8(min(max(t.Attempts, 0), 255))
	}
	c.forget(c.flows)
	if c.format == Scamper {
		c.waitNS = int64(t.Wait * 1e9)
	}
	for i := range t.Hops {
		if t.Hops[i].Inferred {
			c.infer(c.flows, dst, &t.Hops[i])
			continue
		}
		q := c.hopClaim(dst, &t.Hops[i])
		c.judge(&c.traces, c.flows, &q)
	}
	c.end(t, c.flows)
}

// selectorOf returns which flow a trace is about.
func (c *checker) selectorOf(t *ndjson.TraceLine) *selector {
	s := &selector{strict: c.format == Masstrace, sport: t.SrcPort, dport: t.DstPort, sum: t.ICMPSum}
	is4 := probe.AddrFrom(t.Dst).Is4()
	switch {
	case strings.HasPrefix(t.Method, "udp"):
		s.proto, s.ports = probe.ProtoUDP, true
		if t.Method == "udp" {
			s.dport = 0 // only the first: it grows with every probe
		}
	case strings.HasPrefix(t.Method, "tcp"):
		s.proto, s.ports = probe.ProtoTCP, true
	case strings.HasPrefix(t.Method, "icmp"):
		s.proto, s.isSum = probe.ICMP.Protocol(is4), t.ICMPSum != 0
	}
	return s
}

func (c *checker) hopClaim(dst probe.Addr, h *ndjson.HopLine) claim {
	q := unsaid()
	q.dst, q.from, q.ttl, q.replyTTL = dst, probe.AddrFrom(h.Addr), h.ProbeTTL, h.ReplyTTL
	q.valid, q.mangled = h.Valid, h.Mangled
	if h.Kind != "" {
		q.kind, _ = probe.ParseKind(h.Kind) // one that is not known is wrong
		q.hasKind = true
	}
	if h.Tx != nil {
		q.tx = h.Tx.Sec*1e9 + h.Tx.USec*1e3
	}
	switch {
	case h.RTTNs != nil:
		q.rttNS = *h.RTTNs
	case h.RTT != nil:
		q.rttNS = int64(*h.RTT * 1e6)
	}
	if c.format == Masstrace {
		q.attempt = h.ProbeID - 1
	}
	if h.QuotedTTL != nil {
		q.quotedTTL = int(*h.QuotedTTL)
	}
	q.labels = 0
	for i := range h.Objects {
		q.labels += len(h.Objects[i].Labels)
	}
	return q
}

// reply judges a reply record.
func (c *checker) reply(r *ndjson.ReplyLine) {
	kind, _ := probe.ParseKind(r.Kind)
	if kind == probe.KindUDPReply || kind == probe.KindPureACK || r.ProbeTTL == nil {
		return // no hop
	}
	q := unsaid()
	q.dst, q.from, q.ttl, q.replyTTL = probe.AddrFrom(r.ProbeDst), probe.AddrFrom(r.ReplySrc), *r.ProbeTTL, r.ReplyTTL
	q.valid, q.mangled, q.kind, q.hasKind = r.Valid, r.Mangled, kind, true
	q.late, q.copy, q.labels = r.Late, r.Dup > 0, len(r.Labels)
	if r.TxUs != nil {
		q.tx = *r.TxUs * 1e3
	}
	if r.RTTNs != nil {
		q.rttNS = *r.RTTNs
	}
	if r.ProbeAttempt != nil {
		q.attempt = int(*r.ProbeAttempt)
	}
	if r.QuotedTTL != nil {
		q.quotedTTL = int(*r.QuotedTTL)
	}
	s := selector{proto: r.ProbeProtocol, sport: r.ProbeSrcPort, dport: r.ProbeDstPort, sum: r.ProbeSrcPort,
		ports: true, isSum: true, strict: true}
	c.row(&q, &s)
}
