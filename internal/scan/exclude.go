package scan

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

// guard makes the last decision on each target: it allows the targets of the plan, less
// those that were excluded since the run began. An exclusion stays until the run is done,
// even if the files lose it. The plan's own exclusions have no place in its order. It may
// be used from any goroutine.
type guard struct {
	list   *target.List
	since  atomic.Pointer[target.Set] // excluded since the run began
	change atomic.Uint64              // how often that grew
	turn   sync.Mutex                 // of the goroutine that excludes more
}

func newGuard(p *plan.Plan) *guard {
	g := &guard{list: p.List}
	g.since.Store(&p.ExcludedSince)
	return g
}

// Contains implements sender.Allowed.
func (g *guard) Contains(a probe.Addr) bool { return g.list.Contains(a) && !g.since.Load().Contains(a) }

// Change implements sender.Allowed.
func (g *guard) Change() uint64 { return g.change.Load() }

// reread reads the exclude files again whenever it is asked to, until ctx ends.
func (s *scan) reread(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.cfg.Reread:
		}
		if len(s.cfg.Exclude) == 0 {
			s.observe.Event(observe.Excluded{None: true})
			continue
		}
		n, err := s.excludeMore()
		if err == nil && n > 0 {
			s.awaitSenders(ctx)
		}
		s.observe.Event(observe.Excluded{Ranges: n, Err: err})
	}
}

// excludeMore reads the exclude files, and returns how many ranges are newly excluded.
func (s *scan) excludeMore() (ranges int, err error) {
	now, err := s.cfg.ReadExclude()
	if err != nil {
		return 0, err
	}
	since := *s.guard.since.Load()
	more := now.Minus(s.plan.Exclude).Minus(since)
	if err := s.keeper.SetExcluded(since.Union(more), now.Digest()); err != nil {
		return 0, err
	}
	return s.exclude(more)
}

// exclude excludes more, and returns how many ranges are newly excluded. Its goroutines take turns.
func (s *scan) exclude(more target.Set) (ranges int, err error) {
	s.guard.turn.Lock()
	defer s.guard.turn.Unlock()
	since := *s.guard.since.Load()
	more = more.Minus(since)
	since = since.Union(more)
	if !more.IsEmpty() {
		s.guard.since.Store(&since)
		s.guard.change.Add(1)
	}
	return more.Ranges(), nil
}

// awaitSenders waits until nothing leaves any more that was prepared before the last
// change, or ctx ends.
func (s *scan) awaitSenders(ctx context.Context) {
	want := s.guard.Change()
	for _, one := range s.senders {
		for one.Checked() < want && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}
}
