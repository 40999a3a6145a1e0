package watch

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/wire"
)

// Replies implements receiver.Sink: it adds answers to the board, then the probes that waited too
// long, then the cycles that are over.
func (w *Watch) Replies(batch []probe.Reply, upTo int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range batch {
		w.reply(&batch[i])
	}
	for {
		p, sent, ok := w.cycles.expire(upTo - int64(w.cfg.Wait))
		if !ok {
			break
		}
		t, f := w.targetOf(p.path)
		s := &board.Sample{Target: t, Flow: f, Cycle: p.cycle, TTL: p.ttl, Outcome: board.Silent, Sent: sent}
		if b, ok := w.doubts.release(&w.cycles, p); ok {
			w.cycles.at(p).state = answered
			s = b.sampleOf(p, t, f, sent)
		}
		w.take(s)
	}
	for {
		cycle, ok := w.cycles.end()
		if !ok {
			break
		}
		w.endCycle(cycle)
	}
}

// endCycle ends a cycle, and the watch after the last one.
func (w *Watch) endCycle(cycle uint32) {
	for _, c := range w.board.EndCycle(cycle) {
		if w.cfg.Sink != nil {
			w.check(w.cfg.Sink.Change(&c))
		}
	}
	if w.cfg.Count != 0 && cycle+1 >= w.cfg.Count {
		w.run.Finish()
	}
}

// reply matches an answer with its probe.
func (w *Watch) reply(r *probe.Reply) {
	target, known := w.targets[r.Target]
	if !known || int(r.Flow) >= w.cfg.Flows || r.TTL >= ttls {
		return
	}
	path := target*w.cfg.Flows + int(r.Flow)
	if r.Valid == probe.Garbled {
		w.doubts.miss(w.cycles.latest, path, &r.Facts)
		return
	}
	cycle, known := w.cycles.cycleOf(r.Attempt)
	if !known {
		return
	}
	p := place{cycle: cycle, path: path, ttl: r.TTL}
	one := best{facts: r.Facts, answer: answerOf(r)}
	sent := w.cycles.at(p).sent
	s := one.sampleOf(p, target, int(r.Flow), sent)
	switch w.cycles.at(p).state {
	case waits:
		if !w.doubts.hear(p, &r.Facts, one.answer) {
			return
		}
		w.cycles.answer(p)
	case expired:
		if !r.HasHop() {
			return
		}
		w.cycles.at(p).state, s.Outcome = answered, board.Late
	default: // never sent, or a copy
		return
	}
	w.take(s)
}

// take adds a sample to the board and to the sink.
func (w *Watch) take(s *board.Sample) {
	w.board.Take(s)
	if w.cfg.Sink != nil {
		w.check(w.cfg.Sink.Sample(s))
	}
}

// check keeps the first error of the sink, and ends the watch with it.
func (w *Watch) check(err error) {
	if err != nil && w.sink == nil {
		w.sink = err
		w.run.Stop(run.ErrOutput)
		w.run.Finish()
	}
}

// answerOf returns the details of an answer.
func answerOf(r *probe.Reply) board.Answer {
	a := board.Answer{
		Kind: r.Kind, Code: r.Code, ReplyTTL: r.ReplyTTL, QuotedTTL: r.QuotedTTL,
		Rewritten: r.Mangled, Weak: r.Valid == probe.Weak, MTU: r.MTU,
	}
	if len(r.Ext) == 0 {
		return a
	}
	var x wire.Extension
	if x.Decode(r.Ext) != nil {
		return a
	}
	for objects := x.Objects(); objects.Next(); {
		if !objects.IsMPLS() {
			continue
		}
		for i := range objects.NumLabels() {
			a.MPLS = append(a.MPLS, objects.Label(i))
		}
	}
	return a
}
