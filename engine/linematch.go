package engine

import (
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/receiver"
)

// lineMatcher puts replies to the probes of a list that they answer, and writes
// records. What it does depends on the order of its calls and on stamps alone.
type lineMatcher struct {
	codec     *codec.Listed
	writer    *ndjson.Writer
	tos       uint8
	wait      int64 // ns
	table     *matcher.Table
	collector *trace.Collector
	count     lineCounts
	swept     int64
	hop       record.Hop
}

// lineCounts counts what became of probes and replies.
type lineCounts struct {
	sent, failed               uint64
	answered, duplicates, late uint64
	began, lastSent            int64 // ns since the Unix epoch
}

func newLineMatcher(c *codec.Listed, w *ndjson.Writer, records record.Kinds, tos uint8, wait time.Duration) lineMatcher {
	keep := trace.KeepNothing
	if records&record.Traces != 0 {
		keep = trace.KeepFlows
	}
	return lineMatcher{
		codec: c, writer: w, tos: tos, wait: int64(wait), table: matcher.NewExactTable(), collector: trace.NewCollector(keep),
	}
}

// sent remembers a probe.
func (m *lineMatcher) sent(v *codec.Line, attempt uint8, now int64) {
	is4 := v.Target.Is4()
	head := record.Head{
		Target: v.Target, Source: m.codec.Source(is4), Method: v.Method, Flow: v.Flow(),
		DstPort: v.DstPort, TOS: m.tos, ProbeSize: m.codec.Size(v.Method, is4),
	}
	flow, _ := m.collector.Probe(&head, v.TTL, int(attempt), now)
	h := identityOf(&probe.Probe{Target: v.Target, Flow: v.SrcPort, TTL: v.TTL, Attempt: attempt})
	seen := m.table.Add(&h, now)
	seen.Flow, seen.Attempt, seen.TTL = flow, attempt, v.TTL
	m.count.sent++
	m.count.lastSent = now
}

// reply takes an authentic reply. One that came after the wait, or to a probe that
// the table has forgotten, is late.
func (m *lineMatcher) reply(r *probe.Reply) error {
	if r.Valid == probe.Garbled { // the receiver has counted it
		return nil
	}
	m.hop = record.Hop{Reply: *r}
	h := identityOf(&r.Probe)
	seen := m.table.Exact(&h)
	if seen == nil {
		m.count.late++
		return nil
	}
	head := m.collector.Head(seen.Flow)
	m.hop.Flow = head.FlowIndex
	switch rtt := r.Stamp - seen.Sent; {
	case rtt > m.wait:
		m.count.late++
		m.hop.Late = true
	case seen.Answers > 0:
		m.count.duplicates++
		m.hop.Sent, m.hop.RTT, m.hop.Dup = seen.Sent, max(rtt, 0), seen.Answers
		seen.Answers++
	default:
		m.count.answered++
		seen.Answers++
		m.hop.Sent, m.hop.RTT = seen.Sent, max(rtt, 0)
		m.collector.Reply(seen.Flow, seen.Sent, &m.hop)
	}
	return m.writer.Write(&record.Reply{Head: *head, Hop: m.hop})
}

// sweep writes, now and then, the traces to which nothing comes any more.
func (m *lineMatcher) sweep(now int64) (swept bool, err error) {
	if now-m.swept <= matcher.Forgotten/2 {
		return false, nil
	}
	m.swept = now
	since := now - 2*matcher.Forgotten
	m.table.Forget(since) // none in it has a flow that is given up
	return true, m.collector.Expire(since, m.trace)
}

// summary sums up what was sent and came, but for times and how it ended.
func (m *lineMatcher) summary(f *receiver.Stats) *record.Summary {
	n := &m.count
	sum := &record.Summary{Complete: true, Reason: record.ReasonDone}
	sum.Targets, sum.Sent, sum.Answered, sum.Silent = m.collector.Groups(), n.sent, n.answered, n.sent-n.answered
	sum.TxErrors, sum.SilentBy.Unknown = n.failed, sum.Silent
	sum.Inbound = account.Inbound[uint64]{
		Frames: f.Frames.Load(), Malformed: f.Malformed.Load(),
		Unrelated: f.Unrelated.Load(), Fragments: f.Fragments.Load(),
		Rejected: account.Rejected[uint64]{Checksum: f.Checksum.Load(), Source: f.Source.Load(), Tag: f.Tag.Load(), Conflict: f.Conflict.Load()},
		Late:     n.late, Duplicates: n.duplicates, Strong: n.answered,
	}
	return sum
}

func (m *lineMatcher) trace(t *record.Trace) error { return m.writer.Write(t) }
