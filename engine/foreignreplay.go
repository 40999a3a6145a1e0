package engine

import (
	"context"
	"errors"
	"math"
	"path/filepath"
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

// foreignReplay replays captures of whatever prober: replies are put to the probes
// in the captures whose fields they quote. With the key of a scan, those of the
// scan are told by the key instead, and nothing else is a reply. All on one
// goroutine; all captures are one run.
type foreignReplay struct {
	*replayer
	codec     *codec.Codec // nil without the key
	key       [16]byte
	name      string // of the vantage point, for want of a better one
	decoder   *receiver.Replay
	table     *matcher.Table
	collector *trace.Collector
	writer    *ndjson.Writer

	reply   probe.Reply
	header  probe.Header
	facts   probe.Facts
	answers func(*probe.Header) bool
	hop     record.Hop
	began   int64 // first stamp
	last    int64 // highest stamp
	swept   int64 // when the collector was last looked through
	count   foreignCounts
}

// foreignCounts counts what the decoder does not.
type foreignCounts struct {
	probes     uint64 // in the captures
	implied    uint64 // only seen quoted
	answered   uint64 // by a first reply that shows a hop
	udpReplies uint64
	pureACKs   uint64
	duplicates uint64
	strong     uint64
	weak       uint64
	unverified uint64
}

func newForeignReplay(r *replayer, path string) (*foreignReplay, error) {
	c := r.cfg
	f := &foreignReplay{replayer: r, name: filepath.Base(path), table: matcher.NewTable()}
	if c.Key != "" {
		var err error
		if f.key, err = keyOf(c.Key); err != nil {
			return nil, err
		}
		if c.Seed == "" || len(c.Sources) == 0 {
			return nil, usage("%s: --key alone does not authenticate: --seed and --source, and whatever else the scan was given of --method, --dport, --flows and the like, are needed", path)
		}
		cfg := codec.Config{
			Method: c.Method, Seed: seedOf(c.Seed), Key: f.key, DstPort: c.DstPort, TOS: c.TOS,
			Flows: c.Flows, MinTTL: c.MinTTL, MaxTTL: c.MaxTTL, Attempts: uint8(c.Attempts),
			PortLow: c.PortLow, PortHigh: c.PortHigh,
		}
		for _, s := range c.Sources {
			if s.Is4() {
				cfg.Source4 = s
			} else {
				cfg.Source6 = s
			}
		}
		if f.codec, err = codec.New(cfg); err != nil {
			return nil, &Error{Usage, err}
		}
	}
	if f.codec != nil {
		f.table = matcher.NewExactTable()
	}
	keep := trace.KeepNothing
	switch {
	case c.Records&record.Traces != 0 && f.codec != nil:
		keep = trace.KeepFlows
	case c.Records&record.Traces != 0:
		keep = trace.KeepPaths
	}
	f.decoder, f.collector = receiver.NewReplay(f.codec), trace.NewCollector(keep)
	f.answers = func(h *probe.Header) bool { return f.table.Answered(h) != nil }
	return f, nil
}

// run replays one file.
func (f *foreignReplay) run(ctx context.Context, file *receiver.File) error {
	return each(ctx, file, f.entry)
}

// begin writes the first records. The run is named after the first frame, so that
// the same captures give the same records.
func (f *foreignReplay) begin(stamp int64) error {
	f.began, f.swept = stamp, stamp
	id := time.Unix(0, stamp).UTC().Format("20060102T150405Z") + "-replay"
	c := f.cfg
	f.writer = ndjson.NewWriter(f.sink, ndjson.Config{Kinds: c.Records, Run: id, Hostname: f.name})
	run := record.Run{
		Tool: "masstrace/" + c.Version, Argv: c.Argv, Seed: c.Seed, Protocol: "replay",
		TTL: [2]uint8{1, math.MaxUint8}, Clock: "capture", Shard: [2]int{0, 1},
	}
	if f.codec != nil {
		run.KeyID = keyID(f.key)
		run.Protocol, run.TTL = c.Method.String(), [2]uint8{c.MinTTL, c.MaxTTL}
		run.Flows, run.Attempts, run.DstPort, run.TOS = c.Flows, c.Attempts, c.DstPort, c.TOS
		run.Source = c.Sources[0].String()
	}
	if err := errors.Join(f.writer.Write(cycleStart(time.Unix(0, stamp))), f.writer.Write(&run)); err != nil {
		return outputFailed(err)
	}
	return nil
}

// entry takes the next entry of a file.
func (f *foreignReplay) entry(e *receiver.Entry) error {
	if e.Frame == nil {
		return nil
	}
	if f.writer == nil {
		if err := f.begin(e.Stamp); err != nil {
			return err
		}
	}
	f.last = max(f.last, e.Stamp)
	if f.last-f.swept > matcher.Forgotten/2 {
		f.swept = f.last
		since := f.last - 2*matcher.Forgotten
		f.table.Forget(since) // none in it has a flow that is given up
		if err := f.collector.Expire(since, f.trace); err != nil {
			return outputFailed(err)
		}
	}
	switch {
	case f.codec != nil:
		return f.keyed(e)
	case e.Direction != receiver.Inbound && f.decoder.Header(e, &f.header) && !f.isAnswer(&f.header):
		f.probed(e.Stamp)
		return nil
	case e.Direction == receiver.Outbound:
		return nil // what a host sends besides
	case f.decoder.Foreign(e, &f.reply, &f.header, f.answers):
		return f.replied()
	}
	return nil
}

// isAnswer reports whether what may be a probe by its looks is what a target of
// another answers.
func (f *foreignReplay) isAnswer(h *probe.Header) bool {
	if h.Method == probe.ICMP {
		return false
	}
	return f.answers(&probe.Header{
		Src: h.Dst, Dst: h.Src, Protocol: h.Protocol, Method: h.Method,
		SrcPort: h.DstPort, DstPort: h.SrcPort, Seq: h.Ack - 1, Ack: h.Seq,
	})
}

// headOf returns what the probes of a flow have in common, by one of them.
func headOf(h *probe.Header) record.Head {
	return record.Head{
		Target: h.Dst, Source: h.Src, Method: h.Method,
		Flow:    probe.Flow{Value: h.SrcPort, Label: h.Label},
		DstPort: h.DstPort, TOS: h.TOS, ProbeSize: h.Size,
	}
}

// probed takes the probe in f.header.
func (f *foreignReplay) probed(stamp int64) {
	head := headOf(&f.header)
	flow, attempt := f.collector.Probe(&head, f.header.TTL, trace.NextAttempt, stamp)
	seen := f.table.Add(&f.header, stamp)
	seen.Flow, seen.Attempt = flow, attempt
	f.count.probes++
}

// replied takes the reply in f.reply, which tells of the probe in f.header.
func (f *foreignReplay) replied() error {
	f.hop = record.Hop{Reply: f.reply}
	var seen *matcher.Seen
	if f.reply.HasQuote {
		seen = f.table.Quoted(&f.header)
	} else {
		seen = f.table.Answered(&f.header)
	}
	if seen == nil {
		head := headOf(&f.header)
		f.count.implied++
		f.count.unverified++
		return f.write(&head)
	}
	f.hop.TTL, f.hop.Attempt = seen.TTL, seen.Attempt
	if f.reply.HasQuote {
		f.hop.Mangled = mangled(&seen.Header, &f.header)
	}
	f.count.unverified += f.put(seen)
	return f.write(f.collector.Head(seen.Flow))
}

// mangled says what of a quotation differs from the probe. Checksums are not
// judged: captures often have them before the hardware has filled them in.
func mangled(sent, quoted *probe.Header) (m probe.Mangled) {
	if sent.Src != quoted.Src {
		m |= probe.MangledSource
	}
	if sent.ID != quoted.ID {
		m |= probe.MangledIPID
	}
	if sent.TOS != quoted.TOS {
		m |= probe.MangledTOS
	}
	if sent.Size != quoted.Size {
		m |= probe.MangledLen
	}
	return m
}

// put puts f.hop to the probe that it answers, and returns 1 if it is its first
// reply, else 0.
func (f *foreignReplay) put(seen *matcher.Seen) (first uint64) {
	if f.hop.HasHop() {
		if seen.Sent > 0 {
			f.hop.Sent, f.hop.RTT = seen.Sent, max(f.hop.Stamp-seen.Sent, 0)
		}
		f.hop.Dup = seen.Answers
		if seen.Answers++; seen.Answers > 1 {
			f.count.duplicates++
			return 0
		}
		f.count.answered++
	} else if f.hop.Kind == probe.KindUDPReply {
		f.count.udpReplies++
	} else {
		f.count.pureACKs++
	}
	f.collector.Reply(seen.Flow, seen.Sent, &f.hop)
	return 1
}

// write writes the reply record of f.hop.
func (f *foreignReplay) write(head *record.Head) error {
	f.hop.Flow = head.FlowIndex
	if err := f.writer.Write(&record.Reply{Head: *head, Hop: f.hop}); err != nil {
		return outputFailed(err)
	}
	return nil
}

// keyed takes an entry where the key is at hand.
func (f *foreignReplay) keyed(e *receiver.Entry) error {
	if e.Direction != receiver.Inbound && f.decoder.Probe(e, &f.facts) {
		f.keyedProbe(e.Stamp, e.Stamp)
		f.count.probes++
		return nil
	}
	if e.Direction == receiver.Outbound || !f.decoder.Reply(e, &f.reply) || f.reply.Valid == probe.Garbled {
		return nil
	}
	f.hop, f.facts = record.Hop{Reply: f.reply}, f.reply.Facts
	f.header = identityOf(&f.facts.Probe)
	seen := f.table.Exact(&f.header)
	switch {
	case !f.hop.HasHop():
		head := f.keyedHead()
		seen = &matcher.Seen{Flow: f.collector.Flow(&head)}
		f.collector.Head(seen.Flow).FlowIndex = f.facts.Flow
	case seen == nil:
		seen = f.keyedProbe(0, e.Stamp)
		f.count.implied++
		f.count.answered-- // put counts it
	}
	first := f.put(seen)
	if f.hop.Valid == probe.Strong {
		f.count.strong += first
	} else {
		f.count.weak += first
	}
	return f.write(f.collector.Head(seen.Flow))
}

// keyedProbe takes the probe that f.facts names, sent at a time in ns, 0 if that
// is not known, and seen now.
func (f *foreignReplay) keyedProbe(sent, now int64) *matcher.Seen {
	p, head := f.facts.Probe, f.keyedHead()
	flow, attempt := f.collector.Probe(&head, p.TTL, int(p.Attempt), sent)
	f.collector.Head(flow).FlowIndex = p.Flow
	h := identityOf(&p)
	seen := f.table.Add(&h, now)
	seen.Flow, seen.Attempt, seen.Sent = flow, attempt, sent
	return seen
}

// keyedHead returns what the probes of the flow that f.facts names have in common.
func (f *foreignReplay) keyedHead() record.Head {
	p := f.facts.Probe
	is4 := p.Target.Is4()
	return record.Head{
		Target: p.Target, Source: f.codec.Source(is4), Method: f.cfg.Method, Flow: f.codec.Flow(p.Target, p.Flow),
		DstPort: f.cfg.DstPort, TOS: f.cfg.TOS, ProbeSize: f.codec.Size(is4),
	}
}

// identityOf returns a header that no other probe of the run has.
func identityOf(p *probe.Probe) probe.Header {
	return probe.Header{Dst: p.Target, SrcPort: p.Flow, Seq: uint32(p.TTL)<<8 | uint32(p.Attempt)}
}

// trace writes a trace.
func (f *foreignReplay) trace(t *record.Trace) error { return f.writer.Write(t) }

// finish writes what is left; whole says that all captures were read to their
// ends.
func (f *foreignReplay) finish(whole bool) error {
	if f.writer == nil {
		if err := f.begin(0); err != nil {
			return err
		}
	}
	sum := f.summary(whole)
	if err := balanced(sum); err != nil {
		return err
	}
	err := errors.Join(f.collector.Expire(math.MaxInt64, f.trace),
		f.writer.Write(sum), f.writer.Write(cycleStop(time.Unix(0, f.last))), f.writer.Flush())
	if err != nil {
		return outputFailed(err)
	}
	if n := f.decoder.NotUnderstood; n > 0 {
		f.console.say("%d frames are of link types that are not understood, the last one %d", n, f.decoder.LastLink)
	}
	f.console.summary(sum)
	return nil
}

func (f *foreignReplay) summary(whole bool) *record.Summary {
	n, d := &f.count, &f.decoder.Stats
	sum := &record.Summary{ElapsedS: float64(f.last-f.began) / 1e9, Complete: whole, Reason: record.ReasonDone}
	sum.Targets, sum.Sent, sum.Answered = f.collector.Groups(), n.probes+n.implied, n.answered+n.implied
	sum.Inbound = account.Inbound[uint64]{
		Frames: d.Frames.Load(), Malformed: d.Malformed.Load(),
		Unrelated: d.Unrelated.Load(), Fragments: d.Fragments.Load(),
		Rejected: account.Rejected[uint64]{
			Checksum: d.Checksum.Load(), Source: d.Source.Load(), Tag: d.Tag.Load(), Conflict: d.Conflict.Load(),
		},
		Duplicates: n.duplicates, Strong: n.strong, Weak: n.weak, Unverified: n.unverified,
		UDPReplies: n.udpReplies, PureACKs: n.pureACKs,
	}
	sum.Silent = sum.Sent - sum.Answered
	sum.SilentBy.Unknown = sum.Silent
	if !whole {
		sum.Reason = record.ReasonCapture
	}
	return sum
}
