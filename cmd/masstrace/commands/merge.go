package commands

import (
	"context"
	"errors"

	"github.com/masstrace/masstrace/internal/merge"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
)

// MergeCmd puts the results of shards into one file.
type MergeCmd struct {
	Files []string `arg:"" name:"file" help:"Output files of scan --shard, one for each shard, also compressed."`

	Output       string `short:"o" default:"-" placeholder:"FILE" help:"NDJSON file, compressed if it ends in .zst or .gz. Default: -, the standard output."`
	Overwrite    bool   `help:"Overwrite an existing file of --output. Default: nothing is merged if it exists."`
	AllowMissing bool   `help:"Merge even if shards are missing. The summary is then marked as not complete."`
	Quiet        bool   `short:"q" help:"Print no summary."`
}

// Run only translates flags; the work is package merge's.
func (c *MergeCmd) Run(ctx context.Context, s streams) error {
	missing := merge.RefuseMissing
	if c.AllowMissing {
		missing = merge.AllowMissing
	}
	sum, err := merge.Run(ctx, merge.Config{
		Files: c.Files, Missing: missing, Output: c.Output, Stdout: s.Stdout, Existing: outfile.ExistingIf(c.Overwrite),
	})
	switch {
	case errors.Is(err, merge.ErrShards), errors.Is(err, merge.ErrContents), errors.Is(err, merge.ErrTwice):
		return &plan.ConfigError{Err: err}
	case err != nil:
		return err
	}
	newConsole(s.Stderr, c.Quiet).Event(observe.Finished{Summary: sum})
	return nil
}
