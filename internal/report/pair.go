package report

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/masstrace/masstrace/internal/compare"
	"github.com/masstrace/masstrace/internal/inputs"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/run"
)

// Pair is the request of a page that compares two results.
type Pair struct {
	// Old and New are files, folders or patterns of results. They are read twice: to compare them, and
	// then to gather the paths that the page shows.
	Old, New string
	By       compare.By
	// Paths is the number of traces that the page has, at most about that many. Those to targets
	// that changed come first.
	Paths int
}

// Compare returns the page of a comparison, and its result. If an input is damaged, both are of the
// traces that could be read, and the error is an *run.Incomplete. The page is nil after other
// errors.
func Compare(ctx context.Context, p Pair) (page []byte, result *compare.Result, fault error) {
	for _, path := range []string{p.Old, p.New} {
		if path == "-" {
			return nil, nil, &outfile.RefusedError{Name: "Inputs", Err: errors.New("a page needs its results twice: standard input (-) cannot be read again")}
		}
	}
	results, fault := compare.Run(ctx, compare.Config{Old: p.Old, New: p.New, By: p.By, Targets: true})
	if results == nil {
		return nil, nil, fault
	}
	if result = results.List[0]; result.Point != "" {
		return nil, nil, &outfile.RefusedError{Name: "Inputs", Err: fmt.Errorf("several vantage points are in the results, and a page compares one: "+
			"compare the folder %s=NAME of one of them, or write text or JSON", inputs.Point)}
	}
	g := newGathering(max(p.Paths, 1))
	g.compared = newCompared(result)
	for _, path := range []string{p.Old, p.New} {
		if err := g.side(ctx, path); err != nil {
			return nil, nil, err
		}
	}
	g.finish()
	g.compared.number(g)
	page, err := Page(g.encode(), Changes)
	if err != nil {
		return nil, nil, err
	}
	return page, result, fault
}

// side reads one of the two results. It is one file of the page, also if it is several.
func (g *gathering) side(ctx context.Context, path string) error {
	sets, err := inputs.Sets(inputs.Matching(path))
	if err != nil {
		return err
	}
	g.begin(path)
	for _, set := range sets {
		in, err := set.Open(nil)
		if err != nil {
			return err
		}
		g.assemble()
		g.whole = true // only traces are compared
		err = errors.Join(g.read(ctx, in), in.Close())
		if ctx.Err() != nil {
			return &run.Incomplete{Err: fmt.Errorf("%w: nothing is written", run.ErrInterrupted)}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			g.note(fmt.Sprintf("%s: %v", set.Paths[0], err))
		}
	}
	return nil
}

// compared is the comparison that a page shows.
type compared struct {
	result *compare.Result
	kinds  map[probe.Addr]compare.Kind
	ends   map[probe.Addr]bool // targets with another end
}

func newCompared(r *compare.Result) *compared {
	c := &compared{result: r, kinds: make(map[probe.Addr]compare.Kind, len(r.Targets)), ends: map[probe.Addr]bool{}}
	for _, t := range r.Targets {
		c.kinds[t.Addr] = t.Kind
	}
	for i := range r.Verdicts {
		c.ends[probe.AddrFrom(r.Verdicts[i].Target)] = true
	}
	return c
}

// leave reports whether a target is left out: one scan alone asked it.
func (c *compared) leave(target probe.Addr) bool {
	_, ok := c.kinds[target]
	return !ok
}

// rank halves a hash, and makes the hashes of targets that changed lower than all others. So a page
// that has not all paths has theirs first.
func (c *compared) rank(target probe.Addr, hash uint64) uint64 {
	switch c.kinds[target] {
	case compare.Changed, compare.Appeared, compare.Vanished:
		return hash >> 1
	}
	if c.ends[target] {
		return hash >> 1
	}
	return hash>>1 | 1<<62
}
