// Package report writes results as one page of HTML. The page shows paths, ends, faults and the
// topology of the network. It opens from a file, without any network.
//
//	gathering    reads results of any format and keeps the paths of some targets
//	topology     groups their addresses by AS, prefix and router, and lays the groups out
//	encode       writes everything as columns, compressed
//	page         puts columns, code and styles into one file
//
// The page computes every number and drawing from the columns, so that a filter changes all of them.
// Text from the network is in the compressed columns alone and never in the markup.
package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/inputs"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/run"
)

// DefaultPaths is the number of traces that a page has by default.
const DefaultPaths = 100_000

// Config is the request of a report.
type Config struct {
	// Inputs are folders, or files in any format, compressed or not; - is Stdin. The files of a set are read as
	// one.
	Inputs []string
	// Paths is the number of traces that the page has, at most about that many. Of more, it has
	// those of some targets, which a hash of the address chooses.
	Paths int

	Output   string // file, or - for Stdout
	Existing outfile.Existing

	Stdin  io.Reader
	Stdout io.Writer

	// grows is set if another process may still write the inputs: the cut end of one is no fault.
	grows bool
}

// Size is how large a report is.
type Size struct {
	Traces uint64 // in the inputs
	Kept   int    // in the page
	Octets int    // of the page
}

// Check refuses a request that makes no sense. Write calls it, too.
func (c *Config) Check() error {
	if len(c.Inputs) == 0 {
		return &outfile.RefusedError{Name: "Inputs", Err: errors.New("no file of results")}
	}
	if i := slices.Index(c.Inputs, "-"); i >= 0 && slices.Contains(c.Inputs[i+1:], "-") {
		return &outfile.RefusedError{Name: "Inputs", Err: errors.New("standard input (-) is named twice")}
	}
	if c.Output == "" {
		return nil // a server
	}
	return outfile.Collide(append(outfile.Reads("Inputs", c.Inputs...), outfile.Use{Name: "Output", Path: c.Output, Writes: true}), c.Stdin, c.Stdout)
}

// Write writes the page of c. It returns an *run.Incomplete if an input is damaged. The page then has
// all readable records of that input, and the fault.
func Write(ctx context.Context, c Config) (Size, error) {
	if err := c.Check(); err != nil {
		return Size{}, err
	}
	if c.Output != "-" {
		if err := outfile.Absent(c.Output, c.Existing); err != nil {
			return Size{}, err
		}
	}
	g, fault := gather(ctx, &c)
	if g == nil {
		return Size{}, fault
	}
	page, err := Page(g.encode(), File)
	if err != nil {
		return Size{}, err
	}
	out, err := outfile.OpenWhole(c.Output, c.Stdout, c.Existing)
	if err != nil {
		return Size{}, err
	}
	_, err = out.Write(page)
	if err = errors.Join(err, out.Close()); err != nil {
		return Size{}, run.OutputFailed(err)
	}
	return Size{Traces: g.totals.Traces, Kept: len(g.paths), Octets: len(page)}, fault
}

// gather reads all inputs. The gathering is nil if there is nothing to show. An input that is
// damaged does not keep the others from being read.
func gather(ctx context.Context, c *Config) (*gathering, error) {
	sets, err := inputs.Sets(c.Inputs)
	if err != nil {
		return nil, err
	}
	g := newGathering(max(c.Paths, 1))
	var faults []error
	for _, set := range sets {
		path := set.Paths[0]
		in, err := set.Open(c.Stdin)
		if err == nil {
			g.begin(path)
			err = errors.Join(g.read(ctx, in), in.Close())
		}
		if c.grows && errors.Is(err, format.ErrCut) {
			err = nil
		}
		if ctx.Err() != nil {
			return nil, &run.Incomplete{Err: fmt.Errorf("%w: no report is written", run.ErrInterrupted)}
		}
		if err != nil {
			if in != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			faults = append(faults, err)
			g.note(err.Error())
		}
	}
	g.finish()
	switch err := errors.Join(faults...); {
	case len(faults) == len(sets) && g.totals.Traces == 0:
		return nil, err
	case err != nil:
		return g, &run.Incomplete{Err: err}
	}
	return g, nil
}

// mostFaults is the number of wrong lines of a file after which reading ends.
const mostFaults = 100

// read takes all records of a file. After a wrong line the next lines may be right.
func (g *gathering) read(ctx context.Context, in format.Reader) error {
	var first error
	faults := 0
	for ctx.Err() == nil {
		r, err := in.Read()
		_, isLine := errors.AsType[*format.LineError](err)
		switch {
		case err == io.EOF:
			return first
		case isLine && faults < mostFaults:
			faults++
			if first == nil {
				first = err
			}
			continue
		case err != nil:
			return errors.Join(first, err)
		}
		g.take(r)
	}
	return context.Cause(ctx)
}
