package trace

import (
	"math/bits"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// FlowOf returns the flow values of a target's probes.
type FlowOf interface {
	Flow(target probe.Addr, index uint16) probe.Flow
}

// AssemblerConfig is the information that an assembler cannot read from a window.
type AssemblerConfig struct {
	Method           probe.Method
	Source4, Source6 probe.Addr
	Size4, Size6     int // octets of a probe
	DstPort          uint16
	TOS              uint8
	Wait             time.Duration
	Flows            FlowOf
	// Faults, if it is not nil, holds the times in which this machine was at fault.
	Faults *window.Faults
	// GapLimit is the gap limit of the strategy, 0 if silent hops end no trace.
	GapLimit int
	// Backward is set if the strategy begins traces near their ends and follows them back to a
	// known interface.
	Backward bool
	// Tree, if it is not nil, completes such traces.
	Tree *Tree
	// Multipath is the configuration of strategy multipath, nil for other strategies.
	Multipath *multipath.Config
	// Prefix4 and Prefix6 are the lengths of prefixes with several targets, which Multipath
	// compares; 0 if each has one.
	Prefix4, Prefix6 int
}

// Assembler builds the traces and replies of retired windows. It belongs to one goroutine.
type Assembler struct {
	// Account counts the probes of the windows that Traces processed since the caller last
	// emptied it. If a reply is not believed, the assembler moves its frame to another count.
	Account account.Account

	cfg     AssemblerConfig
	sum     *account.Account // that probes are counted in: Account, or one that nobody reads
	limits  limits
	limited limitedRouters
	trace   record.Trace
	reply   record.Reply
	seen    map[window.Slot]int // further copies of a reply, by slot
	unsent  uint64              // TTLs with a skipped first attempt, one bit each
	path    []record.Interface  // the path that learnPath works on
	paths   paths
}

// NewAssembler returns an assembler.
func NewAssembler(cfg AssemblerConfig) *Assembler {
	a := &Assembler{cfg: cfg, seen: make(map[window.Slot]int)}
	a.sum = &a.Account
	return a
}

// Records calls yield for the records of w, and counts all its probes. A record is valid until yield
// returns. It is a closed trace of every (target, flow) that was probed. With strategy multipath it
// is a record of every target, and traces that show its links.
func (a *Assembler) Records(w *window.Window, yield func(record.Record) error) error {
	sum, shape := &a.Account, w.Shape()
	sum.Targets += uint64(w.Len())
	sum.TTLs, sum.Flows = uint64(shape.TTLs()), uint64(shape.RequestedFlows())
	if a.cfg.Multipath != nil {
		return a.allPaths(w, yield)
	}
	// With a gap limit, the next TTL depends on the answer to the last one. Then silent hops
	// come in patterns that look like rate limits.
	if a.cfg.GapLimit == 0 {
		a.limits.scan(w, a.isLost())
		a.limited.add(a.limits.responders)
	}
	if a.cfg.Tree != nil {
		a.learn(w)
	}
	for target := range uint32(w.Len()) {
		for flow := range uint16(shape.Flows) {
			t := a.traceOf(w, target, flow)
			if t == nil {
				continue
			}
			if err := yield(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// traceOf returns the closed trace of a (target, flow), or nil if it was not probed.
func (a *Assembler) traceOf(w *window.Window, target uint32, flow uint16) *record.Trace {
	t := a.assemble(w, target, flow)
	if t.ProbeCount == 0 {
		// Reached by a datagram that answers no probe.
		a.sum.Skipped.Reached += uint64(bits.OnesCount64(a.unsent))
		return nil
	}
	t.RateLimited = a.limits.appendLimited(t.RateLimited, t)
	a.explain(t, w, target)
	Close(t)
	if a.cfg.Tree != nil {
		a.stitch(t)
	}
	a.skipped(t, w.State(target, flow).End())
	return t
}

func (a *Assembler) assemble(w *window.Window, target uint32, flow uint16) *record.Trace {
	t, s := &a.trace, w.Shape()
	t.Reset()
	t.Head = a.head(w.Target(int(target)), flow)
	t.FirstTTL, t.MaxTTL, t.Attempts = s.FirstTTL, s.LastTTL, uint8(s.Attempts)
	t.Wait, t.GapLimit = a.cfg.Wait, a.cfg.GapLimit
	state := w.State(target, flow)
	a.contested(t, w.Contested(target, flow))
	t.Touched = state.Alive()
	slot := window.Slot{Target: target, Flow: flow}
	a.unsent = 0
	for slot.TTL = s.FirstTTL; slot.TTL <= s.LastTTL; slot.TTL++ {
		// wanted: a run that was not stopped would have sent the probe.
		wanted := w.Halted() && (state.End() == 0 || slot.TTL <= state.End())
		for slot.Attempt = 0; slot.Attempt < uint8(s.Attempts); slot.Attempt++ {
			sent := w.Sent(slot)
			e, standing := w.Best(slot)
			if e != nil && standing == window.Withheld {
				a.withhold(t, e)
				e = nil
			}
			switch {
			case sent > 0 || e != nil:
				a.probed(t, w, slot, sent, e)
				if n := len(t.Hops); e != nil {
					t.Hops[n-1].Alone = standing == window.IsHop
				}
			case window.IsFailed(sent):
				a.sum.TxErrors++
				window.CountFailed(&a.sum.TxErrorsBy, sent)
				a.sum.ByTTL[slot.TTL].TxErrors++
			case sent == 0 && wanted:
				t.Halted = true
			}
			if slot.Attempt == 0 {
				a.first(slot.TTL, sent, e != nil, wanted)
			}
			t.CutOff = t.CutOff || sent == window.Excluded
			wanted = wanted && sent != window.Excluded && e == nil
		}
	}
	if t.CutOff {
		a.sum.Skipped.Excluded += uint64(bits.OnesCount64(a.unsent))
		a.unsent = 0
	}
	if a.cfg.Backward && t.ProbeCount > 0 {
		a.back(t, w, slot)
	}
	return t
}

// contested fills Contested from a set of TTLs.
func (a *Assembler) contested(t *record.Trace, ttls uint64) {
	for ; ttls != 0; ttls &= ttls - 1 {
		t.Contested = append(t.Contested, uint8(bits.TrailingZeros64(ttls)))
	}
}

// withhold takes a reply that is no hop because too little speaks for it.
func (a *Assembler) withhold(t *record.Trace, e *window.Entry) {
	rejectConflict(a.sum, e.Valid)
	if n := len(t.Withheld); n == 0 || t.Withheld[n-1] != e.TTL {
		t.Withheld = append(t.Withheld, e.TTL)
	}
}

// rejectConflict moves the frame of a reply that is no hop. The window counted it as a reply.
func rejectConflict(sum *account.Account, v probe.Validity) {
	if v == probe.Strong {
		sum.Strong--
	} else {
		sum.Weak--
	}
	sum.Rejected.Conflict++
}

// first counts a first attempt. It adds a skipped one to unsent, to be counted later.
func (a *Assembler) first(ttl uint8, sent int64, answered, wanted bool) {
	switch {
	case sent > 0 || answered:
		a.sum.FirstSent++
	case window.IsFailed(sent):
		a.sum.Skipped.TxError++
	case sent == window.Excluded:
		a.sum.Skipped.Excluded++
	case wanted:
		a.sum.Skipped.Interrupted++
	default:
		a.unsent |= 1 << ttl
	}
}

// probed adds a probe that was sent, with its first reply e, or nil. As in the matcher, a reply
// counts even if the kernel reported that the probe Failed. Then its RTT is not known.
func (a *Assembler) probed(t *record.Trace, w *window.Window, slot window.Slot, sent int64, e *window.Entry) {
	a.sum.Sent++
	a.sum.ByTTL[slot.TTL].Sent++
	t.ProbeCount++
	if sent > 0 && (t.Start == 0 || sent < t.Start) {
		t.Start = sent
	}
	if e == nil {
		a.sum.Silent++
		t.Silent = append(t.Silent, record.TTLAttempt{TTL: slot.TTL, Attempt: slot.Attempt})
		return
	}
	a.sum.Answered++
	a.sum.ByTTL[slot.TTL].Answered++
	t.Answered++
	t.Hops = append(t.Hops, a.hopOf(w, e, sent))
}

// hopOf is HopOf, plus the faults of this machine.
func (a *Assembler) hopOf(w *window.Window, e *window.Entry, sent int64) record.Hop {
	h := HopOf(w, e, sent)
	h.Lagged = h.Sent > 0 && a.cfg.Faults != nil && a.cfg.Faults.Lagged(h.Sent, h.Stamp)
	return h
}

// HopOf returns the hop of the reply e to a probe of w. The probe left at sent, ns since the Unix
// epoch; 0 or less means that the time is not known.
func HopOf(w *window.Window, e *window.Entry, sent int64) record.Hop {
	h := record.Hop{Reply: probe.Reply{Facts: e.Facts, Ext: w.Extension(e)}}
	if sent > 0 {
		h.Sent, h.RTT = sent, max(e.Stamp-sent, 0)
	}
	return h
}

// Replies calls yield for every reply stored in w, in the order of arrival. Those that are no
// hops are marked. The reply is valid until yield returns.
func (a *Assembler) Replies(w *window.Window, yield func(*record.Reply) error) error {
	clear(a.seen)
	for e := range w.Entries {
		slot := window.Slot{Target: e.Target, Flow: e.Flow, TTL: e.TTL, Attempt: e.Attempt}
		sent := int64(0)
		if e.Role == window.First || e.Role == window.Duplicate || e.Role == window.Denied {
			sent = w.Sent(slot)
		}
		a.reply.Hop = a.hopOf(w, e, sent)
		switch e.Role {
		case window.First:
			best, standing := w.Best(slot)
			a.reply.Superseded = best != e
			a.reply.Withheld = best == e && standing == window.Withheld
		case window.Denied:
			a.reply.Withheld = true
		case window.Duplicate:
			a.seen[slot]++
			a.reply.Dup = a.seen[slot]
		case window.Late:
			a.reply.Late = true
		}
		a.reply.Head = a.head(e.Probe.Target, e.Flow)
		if err := yield(&a.reply); err != nil {
			return err
		}
	}
	return nil
}

func (a *Assembler) head(target probe.Addr, flow uint16) record.Head {
	h := record.Head{
		Target: target, Source: a.cfg.Source4, ProbeSize: a.cfg.Size4,
		Method: a.cfg.Method, FlowIndex: flow, Flow: a.cfg.Flows.Flow(target, flow),
		DstPort: a.cfg.DstPort, TOS: a.cfg.TOS,
	}
	if !target.Is4() {
		h.Source, h.ProbeSize = a.cfg.Source6, a.cfg.Size6
	}
	return h
}
