package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

// guard has the last word on what may be probed: the targets of the plan, less
// what was excluded since the run began. What was once excluded stays so until the
// run is done; what the plan excludes has no place in its order, whatever the files
// say later. It may be used from any goroutine.
type guard struct {
	list   *target.List
	since  atomic.Pointer[target.Set] // excluded since the run began
	change atomic.Uint64              // how often that grew
}

func newGuard(p *plan) *guard {
	g := &guard{list: p.list}
	g.since.Store(&p.excludedSince)
	return g
}

// Contains implements sender.Allowed.
func (g *guard) Contains(a probe.Addr) bool { return g.list.Contains(a) && !g.since.Load().Contains(a) }

// Change implements sender.Allowed.
func (g *guard) Change() uint64 { return g.change.Load() }

// reread is what the exclude files came to say while a run went on.
type reread struct {
	SHA256  string `json:"exclude_sha256"` // of the exclusions that they say
	Added   string `json:"added"`          // ranges excluded since the run began
	Removed string `json:"removed"`        // ranges excluded only until then
}

// reread reads the exclude files again whenever it is asked to, until ctx ends.
func (s *scan) reread(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.cfg.Reread:
		}
		n, err := s.excludeMore()
		if err == nil && n > 0 {
			s.awaitSenders(ctx)
		}
		s.console.excluded(n, err)
	}
}

// excluded says what came of reading the exclude files again.
func (c *console) excluded(ranges int, err error) {
	switch {
	case err != nil:
		c.alert("--exclude is not read again, and stays as it was: %v", err)
	case ranges == 0:
		c.say("--exclude read again: nothing is newly excluded")
	default:
		c.say("--exclude read again: %d range(s) newly excluded, and not probed any more", ranges)
	}
}

// readExcludes reads what is to be excluded while a run goes on.
func (c *Config) readExcludes() (target.Set, error) {
	if slices.Contains(c.Exclude, "-") {
		return target.Set{}, errors.New("standard input cannot be read again")
	}
	lines, err := target.ParseArgs(c.Exclude, strings.NewReader(""))
	if err != nil {
		return target.Set{}, err
	}
	return withReserved(lines.Set(), c), nil
}

// excludeMore reads the exclude files, and returns how many ranges are newly
// excluded.
func (s *scan) excludeMore() (ranges int, err error) {
	now, err := s.cfg.readExcludes()
	if err != nil {
		return 0, err
	}
	since := *s.guard.since.Load()
	more := now.Minus(s.plan.exclude).Minus(since)
	since = since.Union(more)
	if err := s.keeper.setReread(now, since, s.plan.exclude); err != nil {
		return 0, err
	}
	if !more.IsEmpty() {
		s.guard.since.Store(&since)
		s.guard.change.Add(1)
	}
	return more.Ranges(), nil
}

// awaitSenders waits until nothing leaves any more that was prepared before the
// last change, or ctx ends.
func (s *scan) awaitSenders(ctx context.Context) {
	want := s.guard.Change()
	for _, one := range s.senders {
		for one.Checked() < want && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}
}

// setReread notes in the checkpoint what the exclude files say now.
func (k *keeper) setReread(now, since, began target.Set) error {
	if k == nil {
		return nil
	}
	r := &reread{SHA256: now.Digest()}
	for _, part := range []struct {
		text *string
		set  target.Set
	}{{&r.Added, since}, {&r.Removed, began.Minus(now)}} {
		text, err := part.set.AppendText(nil)
		if err != nil {
			return err
		}
		*part.text = string(text)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.Reread = r
	return k.save(k.path)
}

// excludes returns what the run excluded when it began, and since, given what the
// exclude files say now.
func (k *keeper) excludes(now target.Set) (began, since target.Set, err error) {
	if !k.resumes() || k.Reread == nil {
		return now, target.Set{}, nil
	}
	added, err := setOf(k.Reread.Added)
	if err != nil {
		return now, added, err
	}
	if now.Digest() != k.Reread.SHA256 {
		return now, added, nil // they are as at the beginning, or what differs
	}
	removed, err := setOf(k.Reread.Removed)
	return now.Minus(added).Union(removed), added, err
}

// setOf reads the text of a set.
func setOf(text string) (target.Set, error) {
	lines := new(target.Lines)
	if err := lines.Read("checkpoint", strings.NewReader(text)); err != nil {
		return target.Set{}, environment(fmt.Errorf("%w: no checkpoint", err))
	}
	return lines.Set(), nil
}
