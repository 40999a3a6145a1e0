// Package gather puts replies to the probes that they answer where no window has a slot for
// them: in lists of probes, and in captures. A table holds the probes in flight, and
// forgets them after a time. Traces are gathered by target and flow until their last packet
// is some minutes old.
package gather

import (
	"math"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/matcher"
)

// Config has the parts that a Gatherer needs.
type Config struct {
	Writer format.Writer
	Kinds  record.Kinds
	Table  *matcher.Table
	Keep   trace.Keep // the probes of a trace that are kept, if traces are written
	// Keyed is set if tags authenticate the replies. Then the reply that proves most is the hop,
	// as in a scan. Otherwise it is the first.
	Keyed bool
	// Wait is how long replies count for; 0 is any time. Later ones are late.
	Wait time.Duration
	// Octets is how much memory traces may use. Beyond, those whose last packet is the oldest end
	// early. 0 is any memory.
	Octets int
}

// Gatherer gathers. Its results depend only on the order of the calls and on the
// timestamps. It belongs to one goroutine.
type Gatherer struct {
	// Sum counts probes, and the frames that answer them.
	Sum account.Account
	// Early counts how often traces ended early.
	Early uint64
	// LastSent is when the last probe left, ns since the Unix epoch.
	LastSent int64

	cfg       Config
	collector *trace.Collector
	swept     int64
	reply     record.Reply
}

// New returns a Gatherer that has seen nothing.
func New(c Config) *Gatherer {
	keep := trace.KeepNothing
	if c.Kinds&record.Traces != 0 {
		keep = c.Keep
	}
	return &Gatherer{cfg: c, collector: trace.NewCollector(keep)}
}

// Judge makes g withhold replies with one tag of 16 bits as a scan does. It keeps the probes of
// flows for that, even if no traces are written. It must be called before the first probe.
func (g *Gatherer) Judge() {
	g.collector = trace.NewCollector(trace.KeepFlows)
	g.collector.Judge()
}

// Sent remembers a probe. The table finds it by name; attempt may be trace.NextAttempt. It
// was sent at a time in ns, 0 if that is not known, and seen at now.
func (g *Gatherer) Sent(head *record.Head, name *probe.Header, ttl uint8, attempt int, sent, now int64) *matcher.Seen {
	flow, which := g.collector.Probe(head, ttl, attempt, sent)
	seen := g.cfg.Table.Add(name, now)
	seen.Flow, seen.Attempt, seen.TTL, seen.Sent = flow, which, ttl, sent
	g.Sum.Sent++
	g.LastSent = now
	return seen
}

// Head returns the common header fields of the probes of the flow of seen. It may be
// changed.
func (g *Gatherer) Head(seen *matcher.Seen) *record.Head { return g.collector.Head(seen.Flow) }

// Find returns the probe with that name, nil if it is not known or forgotten.
func (g *Gatherer) Find(name *probe.Header) *matcher.Seen { return g.cfg.Table.Exact(name) }

// Alone returns a stand-in for the probe of a reply that shows no hop: it belongs to a
// flow, and to no probe of it.
func (g *Gatherer) Alone(head *record.Head) *matcher.Seen {
	return &matcher.Seen{Flow: g.collector.Flow(head)}
}

// Answered takes a reply to the probe of seen, and writes its record.
func (g *Gatherer) Answered(seen *matcher.Seen, hop *record.Hop) error {
	rtt := hop.Stamp - seen.Sent
	switch {
	case seen.Sent > 0 && g.cfg.Wait > 0 && rtt > int64(g.cfg.Wait):
		g.Sum.Late++
		hop.Late = true
		return g.write(g.Head(seen), hop)
	case !hop.HasHop():
		if hop.Kind == probe.KindUDPReply {
			g.Sum.UDPReplies++
		} else {
			g.Sum.PureACKs++
		}
		g.believe(hop)
		g.collector.Reply(seen.Flow, seen.Sent, hop)
		return g.write(g.Head(seen), hop)
	}
	if seen.Sent > 0 {
		hop.Sent, hop.RTT = seen.Sent, max(rtt, 0)
	}
	if seen.Answers++; seen.Answers > 1 {
		return g.again(seen, hop)
	}
	g.Sum.Answered++
	g.believe(hop)
	seen.Best = bestOf(hop)
	g.collector.Reply(seen.Flow, seen.Sent, hop)
	return g.judge(seen, hop)
}

// Implied takes a reply whose probe is not in the capture: it was sent and answered.
func (g *Gatherer) Implied(head *record.Head, hop *record.Hop) error {
	g.Sum.Sent++
	g.Sum.Answered++
	g.believe(hop)
	return g.write(head, hop)
}

// Aside takes an ICMP message that answers no probe: it is counted elsewhere, and has a record.
func (g *Gatherer) Aside(head *record.Head, hop *record.Hop) error { return g.write(head, hop) }

// Late takes a reply whose probe is forgotten.
func (g *Gatherer) Late() { g.Sum.Late++ }

// believe counts a first reply by how sure it is.
func (g *Gatherer) believe(hop *record.Hop) {
	switch hop.Valid {
	case probe.Strong:
		g.Sum.Strong++
	case probe.Weak:
		g.Sum.Weak++
	default:
		g.Sum.Unverified++
	}
}

func (g *Gatherer) write(head *record.Head, hop *record.Hop) error {
	if g.cfg.Kinds&record.Replies == 0 {
		return nil
	}
	g.reply.Head, g.reply.Hop = *head, *hop
	g.reply.Hop.Flow = head.FlowIndex
	return g.cfg.Writer.Write(&g.reply)
}

// Sweep writes, now and then, the traces to which nothing comes any more at now, and
// reports whether it did.
func (g *Gatherer) Sweep(now int64) (swept bool, err error) {
	if g.swept == 0 {
		g.swept = now
	}
	full := g.cfg.Octets > 0 && (g.collector.Octets() > g.cfg.Octets || g.collector.Long())
	if now-g.swept <= matcher.Forgotten/2 && !full {
		return false, nil
	}
	g.swept = now
	since := now - 2*matcher.Forgotten
	if full {
		since = g.collector.Middle() + 1
		g.Early++
	}
	g.cfg.Table.Forget(since) // no flow in it is given up
	return true, g.collector.Expire(since, g.trace)
}

// Finish writes the traces that are left.
func (g *Gatherer) Finish() error { return g.collector.Expire(math.MaxInt64, g.trace) }

// trace takes a trace that is over. Its replies that are no hops move to another count.
func (g *Gatherer) trace(t *record.Trace) error {
	n := g.collector.Withheld()
	g.Sum.Answered -= n.Strong + n.Weak
	g.Sum.Strong -= n.Strong
	g.Sum.Weak -= n.Weak
	g.Sum.Rejected.Conflict += n.Strong + n.Weak
	if g.cfg.Kinds&record.Traces == 0 {
		return nil
	}
	return g.cfg.Writer.Write(t)
}

// Summary returns the sums over all probes and frames. heard are the frames that answer no
// probe.
func (g *Gatherer) Summary(heard account.Heard[uint64]) *record.Summary {
	sum := &record.Summary{Account: g.Sum, Complete: true, Reason: record.ReasonDone}
	sum.Hear(&heard)
	sum.Targets = g.collector.Groups()
	sum.Silent = sum.Sent - sum.Answered
	sum.SilentBy.Unknown = sum.Silent
	return sum
}

// NameOf returns a header by which an exact table finds a probe of a run of ours.
func NameOf(p *probe.Probe) probe.Header {
	return probe.Header{Dst: p.Target, SrcPort: p.Flow, Seq: uint32(p.TTL)<<8 | uint32(p.Attempt)}
}
