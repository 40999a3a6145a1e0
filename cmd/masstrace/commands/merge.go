package commands

import (
	"context"
	"errors"

	"github.com/masstrace/masstrace/internal/merge"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
)

// MergeCmd puts the results of shards into one file.
type MergeCmd struct {
	Files []string `arg:"" name:"file" complete:"file" help:"Output files of scan --shard, also compressed: one for each shard, or all files of each shard (--replies, --meta), in any order."`

	Output       string `group:"Output" short:"o" default:"-" placeholder:"FILE" help:"Output file. The ending of its name is its format, see masstrace convert; without one it is NDJSON. Compressed if it ends in .zst or .gz. Default: -, the standard output."`
	Replies      string `group:"Output" placeholder:"FILE" help:"Write the reply records to this file, and not to --output. Default: none."`
	Meta         string `group:"Output" placeholder:"FILE" help:"Write all records but traces and replies to this file, and not to --output. Default: none."`
	Overwrite    bool   `group:"Output" help:"Overwrite existing files of --output, --replies and --meta. Default: nothing is merged if one of them exists."`
	AllowMissing bool   `group:"Shards" help:"Merge even if shards are missing. The summary is then marked as not complete."`
	Quiet        bool   `group:"Output" short:"q" help:"Print no progress and no summary."`
}

// Validate checks conditions that kong cannot.
func (c *MergeCmd) Validate() error { return validateSet("", c.Replies, c.Meta) }

// mergePasses is how often package merge reads each file.
const mergePasses = 2

// Run only translates flags; the work is package merge's.
func (c *MergeCmd) Run(ctx context.Context, s streams) error {
	missing := merge.RefuseMissing
	if c.AllowMissing {
		missing = merge.AllowMissing
	}
	cfg := merge.Config{
		Files: c.Files, Missing: missing, Output: c.Output, ReplyOutput: c.Replies, MetaOutput: c.Meta, Stdout: s.Stdout, Existing: outfile.ExistingIf(c.Overwrite),
	}
	screen := newConsole(s, c.Quiet)
	screen.output = c.Output
	cfg.Notice = screen.line
	stop := newReading(screen, "merge", c.Output, s.Stdout).files(c.Files, mergePasses)
	defer stop()
	sum, err := merge.Run(ctx, cfg)
	switch {
	case errors.Is(err, merge.ErrUnfinished):
		return &run.Incomplete{Err: err}
	case errors.Is(err, merge.ErrShards), errors.Is(err, merge.ErrContents), errors.Is(err, merge.ErrTwice):
		return &plan.ConfigError{Err: err}
	case err != nil:
		return err
	}
	stop()
	screen.Event(observe.Finished{Summary: sum})
	return nil
}
