package replay

import (
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/gather"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/receiver"
)

// keyed is the identity of captures by other programs of a scan of masstrace. The key finds
// probes and replies, and no other frame is one.
type keyed struct {
	cfg     *Config
	codec   *codec.Codec
	decoder *receiver.Replay
	gather  *gather.Gatherer

	reply probe.Reply
	facts probe.Facts
	hop   record.Hop
}

// setKeyed makes t a replay with the key and the options of a scan, for captures of which
// the first is at path.
func (t *table) setKeyed(path string) (err error) {
	c := t.cfg
	k := &keyed{cfg: c}
	key, err := plan.KeyOf(c.Key)
	if err != nil {
		return err
	}
	if c.Seed == "" || len(c.Sources) == 0 {
		return plan.Refuse("Key", "%s: the key is not enough: give the seed, the source and the other options of the scan that decide its probes", path)
	}
	cfg := codec.Config{
		Method: c.Method, Seed: plan.SeedOf(c.Seed), Key: key, DstPort: c.DstPort, TOS: c.TOS,
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
		return &plan.ConfigError{Err: err}
	}
	k.decoder = receiver.NewOthers(k.codec)
	known := matcher.NewExactTable()
	known.Limit(mostProbes)
	k.gather = gather.New(gather.Config{
		Writer: t.writer, Kinds: c.Records, Table: known, Keyed: true, Octets: traceOctets,
	})
	k.gather.Judge()
	t.identity, t.decoder, t.gather = k, k.decoder, k.gather
	r := t.about
	r.KeyID, r.Source = plan.KeyID(key), c.Sources[0].String()
	r.Protocol, r.TTL = c.Method.String(), [2]uint8{c.MinTTL, c.MaxTTL}
	r.Flows, r.Attempts, r.DstPort, r.TOS = c.Flows, c.Attempts, c.DstPort, c.TOS
	return nil
}

func (k *keyed) entry(e *pcapng.Entry) (stray bool, err error) {
	if e.Direction != pcapng.Inbound && k.decoder.Probe(e, &k.facts) {
		k.probe(e.Stamp, e.Stamp)
		return false, nil
	}
	if e.Direction == pcapng.Outbound {
		return true, nil
	}
	if !k.decoder.Reply(e, &k.reply) {
		return false, nil
	}
	k.hop, k.facts = record.Hop{Reply: k.reply}, k.reply.Facts
	if k.reply.Valid == probe.Garbled { // the decoder has counted it
		head := k.head()
		k.gather.Missed(&head, &k.facts)
		return false, nil
	}
	name := gather.NameOf(&k.facts.Probe)
	seen := k.gather.Find(&name)
	switch {
	case !k.hop.HasHop():
		head := k.head()
		seen = k.gather.Alone(&head)
		k.gather.Head(seen).FlowIndex = k.facts.Flow
	case seen == nil: // the capture does not have it
		seen = k.probe(0, e.Stamp)
	}
	return false, k.gather.Answered(seen, &k.hop)
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

// head returns the common header fields of the probes of the flow that k.facts names.
func (k *keyed) head() record.Head {
	p := k.facts.Probe
	is4 := p.Target.Is4()
	return record.Head{
		Target: p.Target, Source: k.codec.Source(is4), Method: k.cfg.Method, Flow: k.codec.Flow(p.Target, p.Flow),
		DstPort: k.cfg.DstPort, TOS: k.cfg.TOS, ProbeSize: k.codec.Size(is4),
	}
}
