package client

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/masstrace/masstrace/internal/convert"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
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

// part names a Parquet file of a folder, as databases read partitions.
type part struct{ vantage, date string }

// ToFolder writes a folder of Parquet files, partitioned by run, vantage point and date, and a file of
// all other records, with one summary:
//
//	run=ID/vantage=NAME/date=2026-01-31/traces.parquet
//	run=ID/meta.ndjson    runs, one summary, and what Parquet has no place for
//	run=ID/job.json       the job, its agents and the manifest
//
// temp is a folder for files that are removed by the caller.
func (s *Segments) ToFolder(ctx context.Context, o Output, temp string) (*record.Summary, error) {
	root := filepath.Join(o.Path, "run="+s.Job.Job.ID)
	if _, err := os.Lstat(root); err == nil {
		if o.Existing != outfile.Overwrite {
			return nil, &outfile.ExistsError{Path: root}
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	whole := s.merging(filepath.Join(temp, "all.ndjson.zst"), Output{Existing: outfile.Overwrite, Partial: o.Partial})
	whole.MetaOutput = filepath.Join(root, "meta.ndjson")
	sum, err := merge.Run(ctx, whole)
	if err != nil {
		return nil, err
	}
	parts := map[part][]string{}
	for _, e := range s.Job.Entries {
		p := part{e.By, time.Unix(0, e.BeganNS).UTC().Format(time.DateOnly)}
		parts[p] = append(parts[p], filepath.Join(temp, filepath.Base(e.Segment())))
	}
	for p, files := range parts {
		dir := filepath.Join(root, "vantage="+p.vantage, "date="+p.date)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		one := filepath.Join(temp, "part.ndjson.zst")
		_, err := merge.Run(ctx, merge.Config{Files: files, Missing: merge.AllowMissing, Output: one, Existing: outfile.Overwrite})
		if err == nil {
			err = convert.Run(ctx, convert.Config{
				Inputs: []string{one}, Output: filepath.Join(dir, "traces.parquet"), Existing: outfile.Overwrite,
			})
		}
		if err != nil {
			return nil, err
		}
	}
	about := struct {
		Job      job.Job        `json:"job"`
		Agents   any            `json:"agents"`
		Manifest []ledger.Entry `json:"manifest"`
	}{s.Job.Job, s.Job.Agents, s.Job.Entries}
	text, err := json.MarshalIndent(about, "", "\t")
	if err != nil {
		return nil, err
	}
	return sum, outfile.Replace(filepath.Join(root, "job.json"), 0o644, append(text, '\n'))
}
