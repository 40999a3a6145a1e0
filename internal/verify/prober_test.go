package verify

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/findings"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/receiver"
)

// A prober without a network. It sends through codec and receiver, but calls the simulator
// directly. Its results are correct unless a fault is configured.
type prober struct {
	preset   string
	method   probe.Method
	targets  int // of each family; 0: 40
	only4    bool
	flows    int
	attempts int

	// Faults. Each may be nil.
	resend  func(p probe.Probe) bool               // send the probe twice
	again   func(p probe.Probe) bool               // probe once more, answered or not
	spoil   func(p probe.Probe, packet []byte)     // change a packet
	another func(p probe.Probe) bool               // build it with another destination port
	alter   func(traces []*record.Trace)           // change closed traces
	replies func(head *record.Head, h *record.Hop) // change reply records
	total   func(s *record.Summary)

	records record.Kinds

	set   func(cfg *netsim.Config)          // change the preset
	paths func(records []*record.Multipath) // not nil: a multipath scan; change its records

	// abandon simulates an earlier process that was killed and left no record.
	abandon bool
	resumed int64 // when the run was resumed

	vantage int     // number of the vantage point
	after   *prober // whose simulator and log it uses, at a later time; nil: its own
	logged  *bytes.Buffer

	sim    *netsim.Sim
	log    *netsim.LogWriter
	codec  *codec.Codec
	other  *codec.Codec
	now    int64
	frames []frame
	sent   map[probe.Probe]int64
	heard  map[probe.Probe]record.Hop
	rows   []record.Hop // all replies, in order of arrival
	count  record.Summary
	at     map[probe.Addr]map[uint16]uint8 // lowest TTL of a target's answers
}

type frame struct {
	due    int64
	octets []byte
}

const (
	testMaxTTL = 32
	testStart  = 1790000000e9
	testGap    = 10_000 // ns between probes
)

var own4 = netip.MustParseAddr("192.0.2.2")

// destinations returns targets in many prefixes.
func (p *prober) destinations() (list []probe.Addr) {
	for i := range p.targets {
		n := uint32(i+1) * 2654435761
		list = append(list, probe.Addr4From([4]byte{uint8(60 + n>>24%60), uint8(n >> 16), uint8(n >> 8), uint8(n | 1)}))
		if !p.only4 {
			list = append(list, probe.Addr{0x26, 0x00, uint8(n >> 24), uint8(n >> 16), uint8(n >> 8), uint8(n), 15: 9})
		}
	}
	return list
}

// run sends all probes and returns results and log.
func (p *prober) run(t testing.TB) (results, log []byte) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p.targets, p.flows, p.attempts = max(p.targets, 40), max(p.flows, 1), max(p.attempts, 1)
	if p.records == 0 {
		p.records = record.Traces
	}
	must(p.connect())
	own := netsim.VantagePoint(p.vantage)
	conf := codec.Config{Method: p.method, Seed: codec.Key{1}, Key: codec.Key{2, uint8(p.vantage)}, Source4: own[0], Source6: own[1],
		DstPort: 33434, Flows: p.flows, MinTTL: 1, MaxTTL: testMaxTTL, Attempts: uint8(p.attempts)}
	var err error
	p.codec, err = codec.New(conf)
	must(err)
	conf.DstPort++
	p.other, err = codec.New(conf)
	must(err)
	p.sent, p.heard = make(map[probe.Probe]int64), make(map[probe.Probe]record.Hop)
	p.at = make(map[probe.Addr]map[uint16]uint8)
	dests := p.destinations()
	if p.abandon {
		p.pass(t, dests[len(dests)/2:], 0)
		p.frames, p.sent, p.count = nil, make(map[probe.Probe]int64), record.Summary{}
		p.now += 5e9
		p.resumed = p.now
	}
	for attempt := range uint8(p.attempts) {
		p.pass(t, dests, attempt)
		must(p.receive())
		p.now += 2e9
	}
	must(p.log.Flush())
	var written bytes.Buffer
	must(p.write(&written, dests))
	return written.Bytes(), p.logged.Bytes()
}

// connect makes the simulator and the log, or takes those of another prober.
func (p *prober) connect() (err error) {
	if a := p.after; a != nil {
		p.sim, p.log, p.logged, p.now = a.sim, a.log, a.logged, a.now+5e9
		return nil
	}
	cfg, err := netsim.Preset(p.preset)
	if err != nil {
		return err
	}
	if p.set != nil {
		p.set(&cfg)
	}
	if p.sim, err = netsim.New(cfg); err != nil {
		return err
	}
	p.now, p.logged = testStart, new(bytes.Buffer)
	p.log, err = netsim.NewLogWriter(p.logged, cfg)
	return err
}

// pass sends an attempt for each hop that is still open.
func (p *prober) pass(t testing.TB, dests []probe.Addr, attempt uint8) {
	for ttl := uint8(1); ttl <= testMaxTTL; ttl++ {
		for _, dst := range dests {
			for flow := range uint16(p.flows) {
				pr := probe.Probe{Target: dst, Flow: flow, TTL: ttl, Attempt: attempt}
				if attempt == 0 || p.open(pr) || p.again != nil && p.again(pr) {
					p.send(t, pr)
				}
			}
		}
	}
}

// open reports whether no earlier attempt was answered.
func (p *prober) open(pr probe.Probe) bool {
	if end := p.at[pr.Target][pr.Flow]; end != 0 && pr.TTL > end {
		return false
	}
	for a := range pr.Attempt {
		old := pr
		old.Attempt = a
		if _, ok := p.heard[old]; ok {
			return false
		}
	}
	return true
}

func (p *prober) send(t testing.TB, pr probe.Probe) {
	c := p.codec
	if p.another != nil && p.another(pr) {
		c = p.other
	}
	var prepared codec.Prepared
	buf := make([]byte, codec.MaxSize)
	c.Prepare(&prepared, pr.Target, pr.Flow)
	packet := buf[:c.Encode(buf, &prepared, pr.TTL, pr.Attempt)]
	if p.spoil != nil {
		p.spoil(pr, packet)
	}
	times := 1
	if p.resend != nil && p.resend(pr) {
		times = 2
	}
	for range times {
		p.now += testGap
		p.sent[pr] = p.now
		p.count.Sent++
		p.log.Write(p.sim.Handle(p.now, packet, func(due int64, b []byte) {
			p.frames = append(p.frames, frame{due, bytes.Clone(b)})
		}))
	}
}

// receive runs the receiver on the frames that came back so far.
func (p *prober) receive() error {
	slices.SortStableFunc(p.frames, func(a, b frame) int { return int(a.due - b.due) })
	r, err := receiver.New(p, p.codec, p)
	if err != nil {
		return err
	}
	if err := r.Run(context.Background(), p); err != nil {
		return err
	}
	heard := account.Load(&r.Heard)
	p.count.Hear(&heard)
	return nil
}

// Next, LinkType and Shift make the prober a source and a clock.
func (p *prober) Next() ([]byte, int64, error) {
	if len(p.frames) == 0 {
		return nil, 0, io.EOF
	}
	f := p.frames[0]
	p.frames = p.frames[1:]
	return f.octets, f.due, nil
}

func (p *prober) LinkType() int             { return int(layers.LinkTypeRaw) }
func (p *prober) Shift() (shift, now int64) { return 0, math.MaxInt64 / 2 }

// Replies takes the replies that the receiver decoded.
func (p *prober) Replies(batch []probe.Reply, _ int64) {
	for _, r := range batch {
		if r.Valid == probe.Garbled {
			continue // counted as rejected
		}
		r.Ext = bytes.Clone(r.Ext)
		h := record.Hop{Reply: r}
		sent, ok := p.sent[r.Probe]
		if !r.HasHop() {
			p.count.UDPReplies++
			p.count.Weak++
			p.rows = append(p.rows, h)
			p.learn(&h)
			continue
		}
		if !ok {
			p.count.Rejected.Unsent++
			continue
		}
		h.Sent, h.RTT = sent, r.Stamp-sent
		if _, again := p.heard[r.Probe]; again {
			p.count.Duplicates++
			h.Dup = 1
			p.rows = append(p.rows, h)
			continue
		}
		p.rows = append(p.rows, h)
		p.count.Answered++
		if r.Valid == probe.Strong {
			p.count.Strong++
		} else {
			p.count.Weak++
		}
		p.heard[r.Probe] = h
		p.learn(&h)
	}
}

// learn records the TTL of the target.
func (p *prober) learn(h *record.Hop) {
	if h.Responder != h.Target {
		return
	}
	flows := p.at[h.Target]
	if flows == nil {
		flows = make(map[uint16]uint8)
		p.at[h.Target] = flows
	}
	if old := flows[h.Flow]; h.HasHop() && (old == 0 || h.TTL < old) {
		flows[h.Flow] = h.TTL
	}
}

func (p *prober) head(dst probe.Addr, flow uint16) record.Head {
	return record.Head{Target: dst, Source: p.codec.Source(dst.Is4()), Method: p.method, FlowIndex: flow,
		Flow: p.codec.Flow(dst, flow), DstPort: 33434, ProbeSize: p.codec.Size(dst.Is4())}
}

// traceOf assembles and closes a trace.
func (p *prober) traceOf(dst probe.Addr, flow uint16) *record.Trace {
	t := &record.Trace{Head: p.head(dst, flow), FirstTTL: 1, MaxTTL: testMaxTTL, Attempts: uint8(p.attempts),
		Wait: 2 * time.Second, Start: testStart}
	for i := range p.rows {
		t.Touched = t.Touched || !p.rows[i].HasHop() && p.rows[i].Target == dst && p.rows[i].Flow == flow
	}
	for ttl := uint8(1); ttl <= testMaxTTL; ttl++ {
		for attempt := range uint8(p.attempts) {
			pr := probe.Probe{Target: dst, Flow: flow, TTL: ttl, Attempt: attempt}
			if _, ok := p.sent[pr]; !ok {
				continue
			}
			t.ProbeCount++
			if h, ok := p.heard[pr]; ok {
				t.Answered++
				t.Hops = append(t.Hops, h)
			} else {
				t.Silent = append(t.Silent, record.TTLAttempt{TTL: ttl, Attempt: attempt})
			}
		}
	}
	trace.Close(t)
	return t
}

// write writes the results.
func (p *prober) write(w io.Writer, dests []probe.Addr) error {
	out := ndjson.NewWriter(w, ndjson.Config{Kinds: p.records, Run: fmt.Sprintf("test%d", p.vantage), Hostname: "vp"})
	out.Write(&record.CycleStart{Cycle: record.Cycle{Time: testStart / 1e9}})
	run := &record.Run{Tool: "prober", Flows: p.flows, Attempts: p.attempts, TTL: [2]uint8{1, testMaxTTL},
		Protocol: p.method.String(), DstPort: 33434, WaitS: 2, RatePPS: 1e9 / testGap,
		Source: netsim.VantagePoint(p.vantage)[0].String(), Source6: netsim.VantagePoint(p.vantage)[1].String()}
	if p.paths != nil {
		run.Strategy.Strategy = "multipath"
	}
	out.Write(run)
	if p.resumed != 0 {
		out.Write(&record.Resume{TimeUs: p.resumed / 1000})
	}
	for i := range p.rows {
		h := &p.rows[i]
		head := p.head(h.Target, h.Flow)
		if p.replies != nil {
			p.replies(&head, h)
		}
		out.Write(&record.Reply{Head: head, Hop: *h})
	}
	var traces []*record.Trace
	for _, dst := range dests {
		flows := uint16(p.flows)
		if p.paths != nil {
			flows = 1 // other flows are in multipath records only
		}
		for flow := range flows {
			traces = append(traces, p.traceOf(dst, flow))
		}
	}
	if p.alter != nil {
		p.alter(traces)
	}
	if p.paths != nil {
		var list []*record.Multipath
		for _, dst := range dests {
			list = append(list, p.multipathOf(dst))
		}
		p.paths(list)
		for _, m := range list {
			out.Write(m)
		}
	}
	found := findings.CounterFor(p.records)
	watched := findings.Watch(out, found)
	for _, t := range traces {
		watched.Write(t)
	}
	s := p.count
	s.Findings = found.Findings()
	s.Targets, s.TTLs, s.Flows = uint64(len(dests)), testMaxTTL, uint64(p.flows)
	s.FirstSent = s.Targets * s.TTLs * s.Flows
	s.Silent = s.Sent - s.Answered
	s.ElapsedS, s.Complete, s.Reason = 1, true, record.ReasonDone
	if p.total != nil {
		p.total(&s)
	}
	s.SilentBy.Unknown = s.Silent
	out.Write(&s)
	out.Write(&record.CycleStop{Cycle: record.Cycle{Time: testStart/1e9 + 9}})
	return out.Flush()
}

// check compares the results of p. set, if it is not nil, is the allowed addresses.
func (p *prober) check(t testing.TB, set *target.Set) *Report {
	t.Helper()
	results, log := p.run(t)
	return compareBytes(t, results, log, set)
}

func compareBytes(t testing.TB, text, log []byte, set *target.Set) *Report {
	t.Helper()
	a, err := readLog(t.Context(), bytes.NewReader(log), 0, set)
	if err != nil {
		t.Fatal(err)
	}
	in, err := all.New(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := compare(t.Context(), []results{{File: in}}, a, options{targets: set})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
