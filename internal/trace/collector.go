package trace

import (
	"cmp"
	"maps"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// Collector assembles traces from probes and replies in the order of a capture, without windows.
// Probes from one source to one target over one flow form a trace. Some probers change the ports
// with every probe, as the first traceroutes did. So if no flow to a target has more than one TTL,
// all probes to that target form one trace.
//
// A Collector belongs to one goroutine.
type Collector struct {
	groups  map[groupHead]*collected
	room    int // most groups since the map was made
	flows   map[flowHead]uint32
	byIndex []*flowOf
	free    []uint32
	sources map[probe.Addr]bool // sources of answered probes
	trace   record.Trace
	keep    Keep
	opened  uint64
	octets  int // of memory
	long    bool

	judge    *window.Judge // nil if the first reply to a probe is the hop
	withheld Withheld
}

// groupHead identifies probes that may form one trace.
type groupHead struct {
	source, target probe.Addr
	method         probe.Method
}

type flowHead struct {
	groupHead
	value, dstPort uint16
	label          uint32
}

type collected struct {
	flows    []uint32
	last     int64 // time of the last probe or reply
	answered bool
}

// NewCollector returns an empty collector. With KeepNothing it only numbers flows and attempts.
func NewCollector(keep Keep) *Collector {
	return &Collector{
		groups: map[groupHead]*collected{}, flows: map[flowHead]uint32{},
		sources: map[probe.Addr]bool{}, keep: keep,
	}
}

// Keep selects how a collector groups probes into traces.
type Keep uint8

// The ways to group probes.
const (
	KeepNothing Keep = iota
	KeepFlows        // each flow is a trace
	KeepPaths        // flows with one TTL each are one trace together
)

// NextAttempt is for probes whose attempt number is not known.
const NextAttempt = -1

// Groups returns how many groups were opened, one for each source, target and method. A group that
// opens again after Expire counts again.
func (c *Collector) Groups() uint64 { return c.opened }

// Probe adds a probe. It returns the number of the probe's flow, which is valid until Expire
// removes the flow, and its attempt number at its TTL, from 0. head lacks the index of the flow.
// sent is in ns, 0 if not known.
func (c *Collector) Probe(head *record.Head, ttl uint8, which int, sent int64) (flow uint32, attempt uint8) {
	flow = c.Flow(head)
	f := c.byIndex[flow]
	f.group.last = max(f.group.last, sent)
	attempt = f.attempts[ttl]
	if which != NextAttempt {
		attempt = uint8(which)
	}
	f.attempts[ttl] = min(attempt, 254) + 1
	if c.keep != KeepNothing {
		f.probes = append(f.probes, collectedProbe{ttl: ttl, attempt: attempt, sent: sent})
		c.octets += probeOctets
		c.long = c.long || len(f.probes)%longFlow == 0
	}
	return flow, attempt
}

// Flow returns the number of a flow.
func (c *Collector) Flow(head *record.Head) uint32 {
	key := keyOf(head)
	flow, ok := c.flows[key]
	if !ok {
		flow = c.open(key, head)
	}
	return flow
}

func keyOf(head *record.Head) flowHead {
	return flowHead{groupHead{head.Source, head.Target, head.Method}, head.Flow.Value, head.DstPort, head.Flow.Label}
}

func (c *Collector) open(key flowHead, head *record.Head) uint32 {
	g := c.groups[key.groupHead]
	if g == nil {
		g = new(collected)
		c.opened++
		c.groups[key.groupHead] = g
	}
	f := &flowOf{Head: *head, key: key, group: g}
	f.FlowIndex = uint16(min(len(g.flows), 0xffff))
	n := len(c.free)
	var flow uint32
	if n > 0 {
		flow, c.free = c.free[n-1], c.free[:n-1]
		c.byIndex[flow] = f
	} else {
		flow = uint32(len(c.byIndex))
		c.byIndex = append(c.byIndex, f)
	}
	c.octets += flowOctets
	g.flows = append(g.flows, flow)
	c.flows[key] = flow
	return flow
}

// Head returns the fields that all probes of a flow share.
func (c *Collector) Head(flow uint32) *record.Head { return &c.byIndex[flow].Head }

// Reply adds the first reply to the probe that left at sent, at the TTL and attempt of hop. It
// keeps a copy of hop.
func (c *Collector) Reply(flow uint32, sent int64, hop *record.Hop) {
	f := c.byIndex[flow]
	f.group.last = max(f.group.last, hop.Stamp)
	f.group.answered = true
	c.answer(f)
	if !hop.HasHop() {
		f.touched = true
		return
	}
	if c.keep == KeepNothing {
		return
	}
	if p := f.unanswered(probeKey{sent, hop.TTL, hop.Attempt}); p != nil {
		c.put(f, p, hop)
	}
}

// put makes a copy of hop the best reply to a probe.
func (c *Collector) put(f *flowOf, p *collectedProbe, hop *record.Hop) {
	kept := *hop
	kept.Ext = slices.Clone(hop.Ext)
	p.hop = &kept
	c.octets += hopOctets + len(kept.Ext)
	c.hear(f, &hop.Facts)
}

// Expire removes the groups that had no probe and no reply since a time. It calls yield for their
// traces, which are closed and valid until yield returns. A source that never got a reply is not a
// prober: its probes are dropped without a trace.
func (c *Collector) Expire(since int64, yield func(*record.Trace) error) error {
	c.room = max(c.room, len(c.groups))
	defer c.shrink()
	var over []groupHead
	for head, g := range c.groups {
		if g.last < since {
			over = append(over, head)
		}
	}
	slices.SortFunc(over, func(a, b groupHead) int {
		return cmp.Or(cmp.Compare(c.groups[a].last, c.groups[b].last), slices.Compare(a.target[:], b.target[:]),
			slices.Compare(a.source[:], b.source[:]), cmp.Compare(a.method, b.method))
	})
	for _, head := range over {
		g := c.groups[head]
		delete(c.groups, head)
		c.release(g)
		if err := c.emit(g, yield); err != nil {
			return err
		}
		for _, flow := range g.flows {
			delete(c.flows, c.byIndex[flow].key)
			c.byIndex[flow] = nil
		}
		c.free = append(c.free, g.flows...)
	}
	return nil
}

// shrink makes groups anew when few are left, because iterating over a map takes time in proportion
// to its largest size.
func (c *Collector) shrink() {
	if len(c.groups) > c.room/8 {
		return
	}
	fresh := make(map[groupHead]*collected)
	maps.Copy(fresh, c.groups)
	c.groups, c.room = fresh, len(fresh)
}

// emit makes the traces of a group.
func (c *Collector) emit(g *collected, yield func(*record.Trace) error) error {
	first := c.byIndex[g.flows[0]]
	if c.keep == KeepNothing || !g.answered && !c.isProber(first) {
		return nil
	}
	if c.keep == KeepPaths && c.isOneTrace(g) {
		var all []collectedProbe
		touched := false
		for _, flow := range g.flows {
			all = append(all, c.byIndex[flow].probes...)
			touched = touched || c.byIndex[flow].touched
		}
		slices.SortStableFunc(all, func(a, b collectedProbe) int { return cmp.Compare(a.sent, b.sent) })
		var attempts [256]uint8
		for i := range all {
			p := &all[i]
			p.attempt = attempts[p.ttl]
			attempts[p.ttl] = min(p.attempt, 254) + 1
			if p.hop != nil {
				p.hop.Attempt, p.hop.Flow = p.attempt, 0
			}
		}
		return c.one(&first.Head, all, touched, nil, yield)
	}
	for _, flow := range g.flows {
		f := c.byIndex[flow]
		if err := c.one(&f.Head, f.probes, f.touched, f, yield); err != nil {
			return err
		}
	}
	return nil
}

// isOneTrace reports whether there are several flows and none has two TTLs.
func (c *Collector) isOneTrace(g *collected) bool {
	for _, flow := range g.flows {
		probes := c.byIndex[flow].probes
		for i := range probes {
			if probes[i].ttl != probes[0].ttl {
				return false
			}
		}
	}
	return len(g.flows) > 1
}

// one makes the trace of some probes. f is their flow, or nil if they are of several.
func (c *Collector) one(head *record.Head, probes []collectedProbe, touched bool, f *flowOf, yield func(*record.Trace) error) error {
	if len(probes) == 0 {
		return nil
	}
	t := &c.trace
	t.Reset()
	t.Head, t.Touched = *head, touched
	slices.SortStableFunc(probes, func(a, b collectedProbe) int {
		return cmp.Or(cmp.Compare(a.ttl, b.ttl), cmp.Compare(a.attempt, b.attempt))
	})
	t.FirstTTL, t.MaxTTL = probes[0].ttl, probes[len(probes)-1].ttl
	t.ProbeCount = len(probes)
	for i := range probes {
		p := &probes[i]
		if t.Start == 0 || p.sent != 0 && p.sent < t.Start {
			t.Start = p.sent
		}
		t.Attempts = max(t.Attempts, p.attempt+1)
		if p.hop == nil {
			t.Silent = append(t.Silent, record.TTLAttempt{TTL: p.ttl, Attempt: p.attempt})
			continue
		}
		t.Answered++
		t.Hops = append(t.Hops, *p.hop)
	}
	if f != nil {
		c.withhold(t, f)
	}
	Close(t)
	return yield(t)
}
