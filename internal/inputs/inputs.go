// Package inputs reads the records of several result files, one after the other.
package inputs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// Each calls use with each record of the files, until ctx ends. The files of a run, and the pieces of
// a file, are read as one: see Sets. A record is valid until use returns. The path - is stdin, at most
// once. Lines that are not understood are left out. If some files are damaged or cut, Each reads all
// valid records, and then returns an *run.Incomplete.
func Each(ctx context.Context, paths []string, stdin io.Reader, use func(record.Record)) error {
	if i := slices.Index(paths, "-"); i >= 0 && slices.Contains(paths[i+1:], "-") {
		return &outfile.RefusedError{Name: "Inputs", Err: errors.New("standard input (-) is named twice")}
	}
	sets, err := Sets(paths)
	if err != nil {
		return err
	}
	var faults []error
	for _, set := range sets {
		path := set.Paths[0]
		in, err := set.Open(stdin)
		if err != nil {
			return err
		}
		fault := records(ctx, in, use)
		if err := in.Close(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("read %s: %w", path, run.ErrInterrupted)
		}
		if fault != nil {
			faults = append(faults, fmt.Errorf("%s: %w", path, fault))
		}
	}
	if len(faults) > 0 {
		return &run.Incomplete{Err: errors.Join(faults...)}
	}
	return nil
}

// records reads a file to its end or its fault. The first line that is not understood is a
// fault, too.
func records(ctx context.Context, in format.Reader, use func(record.Record)) (fault error) {
	bad := 0
	for ctx.Err() == nil {
		r, err := in.Read()
		line, isLine := errors.AsType[*format.LineError](err)
		switch {
		case err == io.EOF:
			if bad > 0 {
				fault = fmt.Errorf("%w; %d lines were left out", fault, bad)
			}
			return fault
		case isLine:
			if bad++; fault == nil {
				fault = line
			}
		case err != nil:
			return errors.Join(fault, err)
		default:
			use(r)
		}
	}
	return fault
}
