package trace

import (
	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// paths makes the records of strategy multipath.
type paths struct {
	describer    multipath.Describer
	record       record.Multipath
	observations []multipath.Observation
	prefix       multipath.Prefix // of the target
	ignored      account.Account  // the counts of traces whose probes observe has counted
}

// allPaths calls yield for traces of some flows of every target of w, which show every link, and then
// for the multipath record of the target.
func (a *Assembler) allPaths(w *window.Window, yield func(record.Record) error) error {
	n := uint32(w.Len())
	for target := uint32(0); target < n; {
		end := a.prefixEnd(w, target)
		a.comparePrefix(w, target, end)
		for ; target < end; target++ {
			if err := a.pathsTo(w, target, yield); err != nil {
				return err
			}
		}
	}
	return nil
}

// pathsTo calls yield for the traces and the record of one target.
func (a *Assembler) pathsTo(w *window.Window, target uint32, yield func(record.Record) error) error {
	p := &a.paths
	a.observe(w, target)
	a.describe(w, target)
	p.prefix.Complete(&p.record)
	first := a.traceOf(w, target, 0) // counts the probes of its flow
	for _, flow := range p.describer.Cover() {
		t := first
		if flow != 0 {
			a.sum = &p.ignored
			t = a.traceOf(w, target, flow)
			a.sum = &a.Account
		}
		if t == nil {
			continue
		}
		if err := yield(t); err != nil {
			return err
		}
	}
	return yield(&p.record)
}

// prefixEnd returns the end of the targets from first on that are next to each other and in one
// prefix. If no prefix has several targets, it returns the next one.
func (a *Assembler) prefixEnd(w *window.Window, first uint32) uint32 {
	end := first + 1
	if a.cfg.Prefix4 == 0 {
		return end
	}
	addr := w.Target(int(first)).Netip()
	bits := a.cfg.Prefix6
	if addr.Is4() {
		bits = a.cfg.Prefix4
	}
	prefix, err := addr.Prefix(bits)
	for err == nil && end < uint32(w.Len()) && prefix.Contains(w.Target(int(end)).Netip()) {
		end++
	}
	return end
}

// comparePrefix compares the targets of one prefix.
func (a *Assembler) comparePrefix(w *window.Window, first, end uint32) {
	p := &a.paths
	p.prefix.Reset(a.cfg.Multipath)
	if end-first < 2 {
		return
	}
	for target := first; target < end; target++ {
		p.observations = p.observations[:0]
		for slot, sent := range w.Probes(target) {
			p.take(slot, &sent)
		}
		a.describe(w, target)
		p.prefix.Add(&p.record, &p.describer)
	}
	p.prefix.Join()
}

// describe makes the record of a target from the observations.
func (a *Assembler) describe(w *window.Window, target uint32) {
	p := &a.paths
	p.record.Reset()
	head := a.head(w.Target(int(target)), 0)
	p.record.Target, p.record.Source, p.record.Method = head.Target, head.Source, head.Method
	p.describer.Describe(&p.record, a.cfg.Multipath, p.observations, w.Halted())
}

// observe collects the probes of a target with their answers, and counts those of further flows.
func (a *Assembler) observe(w *window.Window, target uint32) {
	p := &a.paths
	p.observations = p.observations[:0]
	for slot, sent := range w.Probes(target) {
		if slot.Flow != 0 {
			a.countFurther(slot, &sent, isAnswered(&sent))
		}
		p.take(slot, &sent)
	}
}

func isAnswered(sent *window.Sent) bool { return sent.Best != nil && sent.Standing != window.Withheld }

// take takes a probe that was sent or answered.
func (p *paths) take(slot window.Slot, sent *window.Sent) {
	answered := isAnswered(sent)
	if sent.Stamp <= 0 && !answered {
		return
	}
	o := multipath.Observation{
		Probe: multipath.Probe{Flow: slot.Flow, TTL: slot.TTL, Attempt: slot.Attempt}, Sent: sent.Stamp, Answered: answered,
	}
	if answered {
		o.Answer = multipath.AnswerOf(&sent.Best.Facts, sent.Standing == window.Steers)
	}
	p.observations = append(p.observations, o)
}

// countFurther counts a probe of a flow that was chosen while the target was probed.
func (a *Assembler) countFurther(slot window.Slot, sent *window.Sent, answered bool) {
	sum, at := &a.Account, &a.Account.ByTTL[slot.TTL]
	if sent.Best != nil && !answered {
		rejectConflict(sum, sent.Best.Valid)
	}
	if slot.Attempt == 0 {
		sum.Further++
		a.first(slot.TTL, sent.Stamp, answered, false)
	}
	switch {
	case answered:
		sum.Sent, at.Sent = sum.Sent+1, at.Sent+1
		sum.Answered, at.Answered = sum.Answered+1, at.Answered+1
	case sent.Stamp > 0:
		sum.Sent, at.Sent = sum.Sent+1, at.Sent+1
		sum.Silent, at.Silent = sum.Silent+1, at.Silent+1
		a.blame(sent.Stamp, slot.TTL, false)
	case window.IsFailed(sent.Stamp):
		sum.TxErrors, at.TxErrors = sum.TxErrors+1, at.TxErrors+1
		window.CountFailed(&sum.TxErrorsBy, sent.Stamp)
	}
}
