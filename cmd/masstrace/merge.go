package main

import (
	"github.com/masstrace/masstrace/engine"
	"github.com/masstrace/masstrace/internal/merge"
)

// MergeCmd puts the results of shards into one file.
type MergeCmd struct {
	Files []string `arg:"" name:"file" help:"What scan --shard wrote: one file of each shard, also compressed."`

	Output       string `short:"o" default:"-" placeholder:"FILE" help:"NDJSON file, compressed if it ends in .zst or .gz; - is standard output."`
	AllowMissing bool   `help:"Merge also if shards are missing. The summary then says that the scan is not complete."`
	Quiet        bool   `short:"q" help:"No summary on standard error."`
}

// Run only translates flags; the work is the engine's.
func (c *MergeCmd) Run(signals signals, streams engine.Streams) error {
	missing := merge.RefuseMissing
	if c.AllowMissing {
		missing = merge.AllowMissing
	}
	return engine.Merge(signals.Interrupted, engine.MergeConfig{
		Files: c.Files, Missing: missing, Output: c.Output, Quiet: c.Quiet, Streams: streams,
	})
}
