package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/client"
	"github.com/masstrace/masstrace/internal/merge"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
)

// JobsCmd lists the jobs and agents of a fleet.
type JobsCmd struct {
	HubFlags `group:"Job"`
	JSON     bool   `group:"Job" name:"json" help:"Print everything as JSON."`
	Follow   string `group:"Job" placeholder:"JOB" help:"Print the progress of this job until it is done. Default: none."`
}

// Run prints jobs and agents.
func (c *JobsCmd) Run(ctx context.Context, signals *signals, s streams) error {
	ctx, cancel := stopped(ctx, signals)
	defer cancel()
	hub, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer hub.Close()
	if c.Follow != "" {
		return followJob(ctx, hub, c.Follow, newConsole(s, false))
	}
	reply, err := hub.Jobs(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(plaintext.NewWriter(s.Stdout))
		e.SetIndent("", "\t")
		return e.Encode(reply)
	}
	return writeJobs(plaintext.NewWriter(s.Stdout), reply, time.Now(), columnsOf(s.Stdout))
}

// CancelCmd cancels a job of a fleet.
type CancelCmd struct {
	Job      string `arg:"" help:"Number or name of the job. If several jobs have the name, it is the latest one."`
	HubFlags `group:"Job"`
}

// Run cancels the job.
func (c *CancelCmd) Run(ctx context.Context, s streams) error {
	hub, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer hub.Close()
	state, err := hub.Cancel(ctx, c.Job)
	if err != nil {
		return err
	}
	newConsole(s, false).line(progressText(state))
	return nil
}

// FetchCmd fetches the results of a job of a fleet.
type FetchCmd struct {
	Job      string `arg:"" help:"Number or name of the job. If several jobs have the name, it is the latest one."`
	HubFlags `group:"Job"`

	Output    string `group:"Output" short:"o" required:"" placeholder:"FILE|DIR" help:"Output. An existing folder, or a name that ends in /, gets Parquet files, partitioned by run, vantage point and date. A file gets all records; the ending of its name is its format. Default: none, it is needed."`
	Overwrite bool   `group:"Output" help:"Overwrite an existing output. Default: nothing is fetched if it exists."`
	Partial   bool   `group:"Output" help:"Fetch a job that is not done. The summary is then marked as not complete."`
	Quiet     bool   `group:"Output" short:"q" help:"Print no summary."`
}

// Run fetches the results.
func (c *FetchCmd) Run(ctx context.Context, signals *signals, s streams) error {
	ctx, cancel := stopped(ctx, signals)
	defer cancel()
	info, err := os.Stat(c.Output)
	folder := strings.HasSuffix(c.Output, "/") || err == nil && info.IsDir()
	near := filepath.Dir(c.Output)
	if folder {
		near = c.Output
		err = os.MkdirAll(c.Output, 0o755)
	} else {
		if err = checkOutput(c.Output, c.Overwrite, s, c.Creds); err == nil {
			_, err = os.Stat(near)
		}
	}
	if err != nil {
		return err
	}
	hub, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer hub.Close()
	temp, err := os.MkdirTemp(near, ".masstrace-fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	segments, err := hub.Download(ctx, c.Job, temp, func(int, int) {})
	if err != nil {
		return err
	}
	if segments.Missing > 0 && !c.Partial {
		return &plan.ConfigError{Field: "Partial", Err: fmt.Errorf("%d slices of the job are not done", segments.Missing)}
	}
	out := client.Output{Path: c.Output, Existing: outfile.ExistingIf(c.Overwrite), Partial: c.Partial}
	var sum *record.Summary
	if folder {
		sum, err = segments.ToFolder(ctx, out, temp)
	} else {
		sum, err = segments.ToFile(ctx, out)
	}
	if errors.Is(err, merge.ErrShards) || errors.Is(err, merge.ErrContents) {
		return &plan.ConfigError{Err: err}
	}
	if err != nil {
		return err
	}
	screen := newConsole(s, c.Quiet)
	if !folder {
		screen.output = c.Output
	}
	screen.Event(observe.Finished{Summary: sum})
	return nil
}
