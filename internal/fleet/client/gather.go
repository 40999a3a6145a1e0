package client

import (
	"context"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/merge"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
)

// Output is where the results of a job go.
type Output struct {
	Path     string // file in the format of its ending, or a folder
	Existing outfile.Existing
	Partial  bool // the job need not be done
}

// merging returns the merge of the segments into a file.
func (s *Segments) merging(output string, o Output) merge.Config {
	c := merge.Config{Output: output, Existing: o.Existing}
	for _, files := range s.Files {
		c.Files = append(c.Files, files...)
	}
	if s.Job.Job.Spec.Mode != job.Split {
		c.Points = merge.EachSet
	}
	if o.Partial {
		c.Missing = merge.AllowMissing
	}
	return c
}

// ToFile writes all records of the segments into one file, with one summary.
func (s *Segments) ToFile(ctx context.Context, o Output) (*record.Summary, error) {
	return merge.Run(ctx, s.merging(o.Path, o))
}
