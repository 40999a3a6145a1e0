package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/merge"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
)

// about is the file of a folder that describes the job.
const about = "job.json"

// part names the Parquet files of a folder, as databases read partitions.
type part struct{ point, date string }

// dir returns the folder of a part.
func (p part) dir(root string) string {
	return filepath.Join(root, "vantage_point="+p.point, "date="+p.date)
}

// ToFolder writes a folder of Parquet files, partitioned by run, vantage point and date, and files
// of all other records, with one summary:
//
//	run=ID/vantage_point=NAME/date=2026-01-31/hops.parquet   also replies and links
//	run=ID/meta.ndjson           the runs, one summary, and multipath records
//	run=ID/vantage_points.json   a line for each vantage point
//	run=ID/job.json              the job, its agents and the manifest
//
// The date is that of the begin of a slice, by the clock of the hub, in UTC. The folder gets its
// name when it is complete. temp is a folder on the same file system that the caller removes.
func (s *Segments) ToFolder(ctx context.Context, o Output, temp string) (*record.Summary, error) {
	root := filepath.Join(o.Path, "run="+s.Job.Job.ID)
	if err := replaceable(root, o.Existing); err != nil {
		return nil, err
	}
	fresh := filepath.Join(temp, "folder")
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return nil, err
	}
	sum, err := s.meta(ctx, o, filepath.Join(fresh, "meta.ndjson"))
	if err != nil {
		return nil, err
	}
	for p, files := range s.parts(temp) {
		if err := s.tables(ctx, p.dir(fresh), files); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(s.writePoints(filepath.Join(fresh, "vantage_points.json")), s.writeAbout(filepath.Join(fresh, about))); err != nil {
		return nil, err
	}
	if err := os.Rename(root, filepath.Join(temp, "old")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return sum, os.Rename(fresh, root)
}

// replaceable returns an error if a folder exists and must stay.
func replaceable(root string, rule outfile.Existing) error {
	_, err := os.Lstat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case rule != outfile.Overwrite:
		return &outfile.ExistsError{Path: root}
	}
	if _, err := os.Stat(filepath.Join(root, about)); err != nil {
		return fmt.Errorf("%s is no folder of an earlier fetch: remove it yourself", root)
	}
	return nil
}

// parts returns the segments of each part.
func (s *Segments) parts(dir string) map[part][]string {
	parts := map[part][]string{}
	for _, e := range s.Job.Entries {
		p := part{e.By, time.Unix(0, e.BeganNS).UTC().Format(time.DateOnly)}
		parts[p] = append(parts[p], filepath.Join(dir, filepath.Base(e.Segment())))
	}
	return parts
}

// tables writes the Parquet files of a part.
func (s *Segments) tables(ctx context.Context, dir string, files []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	options := s.Job.Job.Spec.Options
	tables := []string{"hops"}
	if kinds, err := record.ParseKinds(options.Records); err == nil && kinds.Has(record.Replies) {
		tables = append(tables, "replies")
	}
	if options.Strategy.Strategy == plan.Multipath {
		tables = append(tables, "links")
	}
	for _, table := range tables {
		_, err := merge.Run(ctx, merge.Config{
			Files: files, Missing: merge.AllowMissing, Output: filepath.Join(dir, table+".parquet"), Table: table, Existing: outfile.Overwrite,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeAbout writes the description of the job.
func (s *Segments) writeAbout(path string) error {
	text, err := json.MarshalIndent(struct {
		Job      job.Job        `json:"job"`
		Agents   any            `json:"agents"`
		Manifest []ledger.Entry `json:"manifest"`
	}{s.Job.Job, s.Job.Agents, s.Job.Entries}, "", "\t")
	if err != nil {
		return err
	}
	return outfile.WriteNew(path, 0o644, append(text, '\n'))
}
