// Package show writes results for people: traces as text or as rows, and all paths to a target as
// a drawing, from every format that can be read. Of files that hold replies alone it puts the
// replies of each target and flow together.
package show

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// Config is the request of a run.
type Config struct {
	Results string    // file, or - for Stdin
	More    []string  // the other files of the run, if it wrote several
	Stdin   io.Reader // likewise
	// Targets are those whose traces are shown; all, if there are none.
	Targets []netip.Prefix
	Writer  format.Writer
}

// damaged is an error about the content of a file.
type damaged struct{ error }

// Unwrap returns the cause.
func (e *damaged) Unwrap() error { return e.error }

// Run shows results until the file or ctx ends, and returns the number of traces shown. If a file is
// damaged or cut, Run shows the traces before that and returns an *run.Incomplete.
func Run(ctx context.Context, c Config) (traces int, err error) {
	in, err := fileset.Open(append([]string{c.Results}, c.More...), c.Stdin)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	s := show{cfg: &c}
	err = s.read(ctx, in)
	var damage *damaged
	if err == nil || errors.As(err, &damage) {
		err = errors.Join(err, s.assembled(), c.Writer.Flush())
	}
	if err != nil {
		err = fmt.Errorf("show %s: %w", c.Results, err)
	}
	if damage != nil {
		err = &run.Incomplete{Err: err}
	}
	return s.traces, err
}

// show is one run of Run.
type show struct {
	cfg    *Config
	traces int
	whole  bool // the file has traces: its replies are in them
	// replies by target and flow, until there is a trace; order is that of their first ones.
	replies map[pathKey]*record.Trace
	order   []*record.Trace
}

// pathKey is the name of a path.
type pathKey struct {
	target probe.Addr
	method probe.Method
	flow   uint16
}

// read shows the traces of the file, and keeps its replies if it has no trace.
func (s *show) read(ctx context.Context, in format.Reader) error {
	for ctx.Err() == nil {
		r, err := in.Read()
		switch {
		case err == io.EOF:
			return nil
		case err != nil && ctx.Err() != nil: // perhaps the read was interrupted
			return context.Cause(ctx)
		case err != nil:
			return &damaged{err}
		}
		switch r := r.(type) {
		case *record.Trace:
			s.whole, s.replies, s.order = true, nil, nil
			if err := s.write(r); err != nil {
				return err
			}
		case *record.Multipath:
			s.whole, s.replies, s.order = true, nil, nil
			if err := s.multipath(r); err != nil {
				return err
			}
		case *record.Run:
			if err := s.cfg.Writer.Write(r); err != nil {
				return err
			}
		case *record.Reply:
			s.keep(r)
		}
	}
	return context.Cause(ctx)
}

// wants reports whether traces to a target are to be shown.
func (s *show) wants(target probe.Addr) bool {
	addr := target.Netip()
	return len(s.cfg.Targets) == 0 || slices.ContainsFunc(s.cfg.Targets, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// multipath shows all paths to a target.
func (s *show) multipath(m *record.Multipath) error {
	if !s.wants(m.Target) {
		return nil
	}
	s.traces++
	return s.cfg.Writer.Write(m)
}

// write shows a trace.
func (s *show) write(t *record.Trace) error {
	if !s.wants(t.Target) {
		return nil
	}
	s.traces++
	return s.cfg.Writer.Write(t)
}

// keep puts a reply to those of its target and flow.
func (s *show) keep(r *record.Reply) {
	if s.whole || r.Dup > 0 || r.TTL == 0 || !s.wants(r.Target) {
		return
	}
	if s.replies == nil {
		s.replies = map[pathKey]*record.Trace{}
	}
	key := pathKey{r.Target, r.Method, r.FlowIndex}
	t := s.replies[key]
	if t == nil {
		t = &record.Trace{Head: r.Head, FirstTTL: 1, Bare: true}
		s.replies[key] = t
		s.order = append(s.order, t)
	}
	t.Hops = append(t.Hops, r.Hop)
}

// assembled shows the traces that were put together of replies.
func (s *show) assembled() error {
	for _, t := range s.order {
		slices.SortStableFunc(t.Hops, func(a, b record.Hop) int {
			return cmp.Or(cmp.Compare(a.TTL, b.TTL), cmp.Compare(a.Attempt, b.Attempt))
		})
		if err := s.write(t); err != nil {
			return err
		}
	}
	return nil
}
