package engine

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/masstrace/masstrace/internal/merge"
	"github.com/masstrace/masstrace/output"
)

// MergeConfig says which files to put into one.
type MergeConfig struct {
	Files   []string
	Missing merge.Missing
	Output  string // file, or - for Stdout
	Quiet   bool
	Streams
}

// Merge puts the files of the shards of a scan into one, unless ctx ends before. Errors
// have a Class.
func Merge(ctx context.Context, c MergeConfig) error {
	if err := c.checkFiles(); err != nil {
		return err
	}
	m, err := merge.Prepare(ctx, merge.Config{Files: c.Files, Missing: c.Missing})
	switch {
	case ctx.Err() != nil:
		return &Error{Partial, errors.New("interrupted: nothing is written")}
	case errors.Is(err, merge.ErrShards):
		return &Error{Usage, err}
	case err != nil:
		return environment(err)
	}
	sink, err := output.Open(c.Output, c.Stdout)
	if err != nil {
		return environment(err)
	}
	err = errors.Join(m.Write(ctx, sink), sink.Close())
	switch {
	case ctx.Err() != nil:
		return &Error{Partial, fmt.Errorf("interrupted: %s is not whole", c.Output)}
	case err != nil:
		return outputFailed(err)
	}
	newConsole(&Config{Quiet: c.Quiet, Streams: c.Streams}).summary(&m.Summary)
	return nil
}

// checkFiles says if a file is to be read and written at once, or is none.
func (c *MergeConfig) checkFiles() error {
	out, err := os.Stat(c.Output)
	for _, path := range c.Files {
		if path == "-" {
			return usage("merge reads each file twice: standard input cannot be one")
		}
		info, inErr := os.Stat(path)
		switch {
		case inErr != nil:
			return environment(inErr)
		case !info.Mode().IsRegular():
			return usage("merge reads each file twice: %s is no file", path)
		case err == nil && os.SameFile(out, info):
			return environment(fmt.Errorf("%s would be overwritten while it is read", path))
		}
	}
	return nil
}
