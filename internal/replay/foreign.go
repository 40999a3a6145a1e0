package replay

import (
	"math"
	"path/filepath"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/gather"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/receiver"
)

// runName names a replay after its first stamp.
func runName(stamp int64) string {
	return time.Unix(0, stamp).UTC().Format("20060102T150405Z") + "-replay"
}

// newOthers returns the replay of captures that are not of our own, of which the first is
// at path.
func newOthers(p *replay, path string) (*table, error) {
	t := &table{replay: p, name: filepath.Base(path)}
	t.writer = ndjson.NewWriter(p.file, ndjson.Config{Kinds: p.cfg.Records, Hostname: t.name})
	c := gather.Config{Writer: t.writer, Kinds: p.cfg.Records}
	if p.cfg.Key == "" {
		f := &foreign{table: matcher.NewTable(), decoder: receiver.NewReplay(nil)}
		c.Table, c.Keep = f.table, trace.KeepPaths
		f.answers = func(h *probe.Header) bool { return f.table.Answered(h) != nil }
		f.gather = gather.New(c)
		t.identity, t.decoder, t.gather = f, f.decoder, f.gather
		return t, nil
	}
	k, err := newKeyed(p, path)
	if err != nil {
		return nil, err
	}
	c.Table, c.Keep = matcher.NewExactTable(), trace.KeepFlows
	k.gather = gather.New(c)
	t.identity, t.decoder, t.gather = k, k.decoder, k.gather
	return t, nil
}

// foreign is the identity of captures without a key: replies are put to the probes in the
// captures whose fields they quote.
type foreign struct {
	table   *matcher.Table
	decoder *receiver.Replay
	gather  *gather.Gatherer
	answers func(*probe.Header) bool

	reply  probe.Reply
	header probe.Header
	hop    record.Hop
}

func (f *foreign) describe(r *record.Run) { r.Protocol, r.TTL = "replay", [2]uint8{1, math.MaxUint8} }

func (f *foreign) heard() account.Heard[uint64] { return account.Load(&f.decoder.Heard) }

func (f *foreign) entry(e *pcapng.Entry) error {
	switch {
	case e.Direction != pcapng.Inbound && f.decoder.Header(e, &f.header) && !f.isAnswer(&f.header):
		head := headOf(&f.header)
		f.gather.Sent(&head, &f.header, f.header.TTL, trace.NextAttempt, e.Stamp, e.Stamp)
		return nil
	case e.Direction == pcapng.Outbound:
		return nil // other packets of a host
	case f.decoder.Foreign(e, &f.reply, &f.header, f.answers):
		return f.replied()
	}
	return nil
}

// isAnswer reports whether a packet that looks like a probe is in fact a target's answer
// to another prober.
func (f *foreign) isAnswer(h *probe.Header) bool {
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

// replied takes the reply in f.reply, to the probe whose header is f.header.
func (f *foreign) replied() error {
	f.hop = record.Hop{Reply: f.reply}
	var seen *matcher.Seen
	if f.reply.HasQuote {
		seen = f.table.Quoted(&f.header)
	} else {
		seen = f.table.Answered(&f.header)
	}
	if seen == nil {
		head := headOf(&f.header)
		return f.gather.Implied(&head, &f.hop)
	}
	f.hop.TTL, f.hop.Attempt = seen.TTL, seen.Attempt
	if f.reply.HasQuote {
		f.hop.Mangled = mangled(&seen.Header, &f.header)
	}
	return f.gather.Answered(seen, &f.hop)
}

// mangled returns the fields in which a quotation differs from the probe. Checksums are
// not judged: captures often have them before the hardware has filled them in.
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

// keyed is the identity of captures of a scan of ours by other programs: the key finds its
// probes and replies, and nothing else is one.
type keyed struct {
	cfg     *Config
	key     [16]byte
	codec   *codec.Codec
	decoder *receiver.Replay
	gather  *gather.Gatherer

	reply probe.Reply
	facts probe.Facts
	hop   record.Hop
}

func newKeyed(p *replay, path string) (*keyed, error) {
	c := p.cfg
	k := &keyed{cfg: c}
	var err error
	if k.key, err = plan.KeyOf(c.Key); err != nil {
		return nil, err
	}
	if c.Seed == "" || len(c.Sources) == 0 {
		return nil, plan.Refuse("Key", "%s: a key alone does not authenticate: the seed and the source are needed, and all other options of the scan that shape its probes", path)
	}
	cfg := codec.Config{
		Method: c.Method, Seed: plan.SeedOf(c.Seed), Key: k.key, DstPort: c.DstPort, TOS: c.TOS,
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
	if k.codec, err = codec.New(cfg); err != nil {
		return nil, &plan.ConfigError{Err: err}
	}
	k.decoder = receiver.NewReplay(k.codec)
	return k, nil
}

func (k *keyed) describe(r *record.Run) {
	c := k.cfg
	r.KeyID = plan.KeyID(k.key)
	r.Protocol, r.TTL = c.Method.String(), [2]uint8{c.MinTTL, c.MaxTTL}
	r.Flows, r.Attempts, r.DstPort, r.TOS = c.Flows, c.Attempts, c.DstPort, c.TOS
	r.Source = c.Sources[0].String()
}

func (k *keyed) heard() account.Heard[uint64] { return account.Load(&k.decoder.Heard) }

func (k *keyed) entry(e *pcapng.Entry) error {
	if e.Direction != pcapng.Inbound && k.decoder.Probe(e, &k.facts) {
		k.probe(e.Stamp, e.Stamp)
		return nil
	}
	if e.Direction == pcapng.Outbound || !k.decoder.Reply(e, &k.reply) || k.reply.Valid == probe.Garbled {
		return nil
	}
	k.hop, k.facts = record.Hop{Reply: k.reply}, k.reply.Facts
	name := gather.NameOf(&k.facts.Probe)
	seen := k.gather.Find(&name)
	switch {
	case !k.hop.HasHop():
		head := k.head()
		seen = k.gather.Alone(&head)
		k.gather.Head(seen).FlowIndex = k.facts.Flow
	case seen == nil: // nobody saw it leave
		seen = k.probe(0, e.Stamp)
	}
	return k.gather.Answered(seen, &k.hop)
}

// probe remembers the probe that k.facts names, sent at a time in ns, 0 if that is not
// known, and seen at now.
func (k *keyed) probe(sent, now int64) *matcher.Seen {
	p, head := k.facts.Probe, k.head()
	name := gather.NameOf(&p)
	seen := k.gather.Sent(&head, &name, p.TTL, int(p.Attempt), sent, now)
	k.gather.Head(seen).FlowIndex = p.Flow
	return seen
}

// head returns what the probes of the flow that k.facts names have in common.
func (k *keyed) head() record.Head {
	p := k.facts.Probe
	is4 := p.Target.Is4()
	return record.Head{
		Target: p.Target, Source: k.codec.Source(is4), Method: k.cfg.Method, Flow: k.codec.Flow(p.Target, p.Flow),
		DstPort: k.cfg.DstPort, TOS: k.cfg.TOS, ProbeSize: k.codec.Size(is4),
	}
}
