package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/verify"
)

// VerifyCmd holds results against the truth of a simulated Internet.
type VerifyCmd struct {
	Results string `arg:"" help:"What the scan wrote, - for standard input; also what scamper (JSON), yarrp or caracal wrote."`

	Log           string   `required:"" placeholder:"FILE" help:"What lab --log wrote during the scan."`
	Counters      string   `placeholder:"FILE" help:"What lab --counters wrote: tells what the link lost."`
	Targets       []string `placeholder:"FILE" help:"The scan's targets: check that nothing else was probed. May be repeated, or a list with commas."`
	Exclude       []string `placeholder:"FILE" help:"The scan's exclusions, likewise."`
	AllowReserved bool     `help:"The scan was allowed special-purpose addresses."`
	JSON          bool     `name:"json" help:"Write one JSON object instead of a table."`
}

// statusFalse is the exit status of a comparison that found a fault.
const statusFalse = exitStatus(1)

// Run compares and writes the report.
func (c *VerifyCmd) Run(ctx context.Context, s streams) error {
	report, err := verify.Run(ctx, verify.Config{
		Results: c.Results, Log: c.Log, Counters: c.Counters, Targets: c.Targets, Exclude: c.Exclude,
		AllowReserved: c.AllowReserved, Stdin: s.Stdin,
	})
	if errors.Is(err, verify.ErrLists) {
		return &plan.ConfigError{Err: err}
	}
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(s.Stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(report); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	} else if err := report.Text(s.Stdout); err != nil {
		return err
	}
	if !report.OK() {
		return statusFalse
	}
	return nil
}
