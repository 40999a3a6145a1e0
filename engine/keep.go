package engine

import (
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/matcher"
)

// beginCheckpoint writes the first checkpoint of the process: nothing is sent
// that no checkpoint knows of.
func (s *scan) beginCheckpoint() error {
	k := s.keeper
	if k == nil {
		return nil
	}
	if !k.resumed {
		k.checkpoint = s.checkpoint()
	}
	k.Tool, k.sink = "masstrace/"+s.cfg.Version, s.sink
	var none record.Summary
	none.TTLs, none.Flows = uint64(s.plan.shape.TTLs()), uint64(s.plan.shape.Flows)
	return k.mark(s.first, &none)
}

// checkpoint returns that of a run of which nothing is recorded.
func (s *scan) checkpoint() checkpoint {
	return checkpoint{
		Masstrace: checkpointVersion, Run: s.id, Seed: s.cfg.Seed, Key: s.cfg.Key,
		TargetsSHA256: s.plan.include.Digest(), ExcludeSHA256: s.plan.exclude.Digest(),
		Options: s.cfg.options(), Source4: s.paths.source4, Source6: s.paths.source6,
		Avoid: s.avoid, WindowTargets: s.plan.shape.Targets,
	}
}

// over returns what the matcher tells that a window is over.
func (s *scan) over() func(*window.Window) {
	if s.keeper == nil {
		return s.copy.over()
	}
	return func(w *window.Window) {
		live := s.matcher.Live()
		s.keeper.settled[w.ID%window.Live] = heardOf(s.cfg.Method, &s.matcher.Stats, &live, &s.receiver.Stats)
	}
}

// keep returns what the recorder calls behind the records of a window, nil
// without a checkpoint.
func (s *scan) keep(r *recorder) func(*window.Window) error {
	if s.keeper == nil {
		return nil
	}
	return func(w *window.Window) error {
		r.heard = s.keeper.settled[w.ID%window.Live]
		if r.err != nil {
			return nil
		}
		sum := sumOf(s.plan, s.first, r.done, r.assembler, r.heard, s.manners)
		sum.ElapsedS = float64(s.time.Now()-s.began) / 1e9
		if err := s.addDrops(sum); err != nil {
			return err
		}
		return s.keeper.mark(r.done, sum)
	}
}

// endCheckpoint ends the checkpoint of a run that is over. Where something
// failed it is left as it is.
func (s *scan) endCheckpoint(r *recorder, failure error) error {
	if s.keeper == nil || failure != nil {
		return nil
	}
	return s.keeper.end(r.done == s.plan.windows, r.abandoned)
}

// heardAtEnd returns what was received for the windows that are recorded.
func (s *scan) heardAtEnd(r *recorder) *heard {
	switch {
	case r.left && r.heard == nil:
		return new(heard)
	case r.left:
		return r.heard
	}
	none := new(matcher.Counts) // no window is live
	return heardOf(s.cfg.Method, &s.matcher.Stats, none, &s.receiver.Stats)
}
