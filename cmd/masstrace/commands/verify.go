package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/verify"
)

// VerifyCmd holds results against the truth of a simulated Internet.
type VerifyCmd struct {
	Results []string `arg:"" complete:"file" help:"Output file of the scan, or all its files (--replies, --meta) in any order, or results of another tool, also compressed; - is standard input. Formats: ${readers}."`

	Log           string   `group:"Truth" required:"" placeholder:"FILE" help:"Log of lab --log during the scan. It must have the probes of this run alone: those of other programs count as faults."`
	Counters      string   `group:"Truth" placeholder:"FILE" help:"Counters of lab --counters, to count losses of the link. Default: none."`
	Targets       []string `group:"Scan" placeholder:"FILE" help:"Targets of the scan, to check that no other address was probed. May be repeated, or separated by commas. Default: not checked."`
	Exclude       []string `group:"Scan" placeholder:"FILE" help:"Exclusions of the scan, in the same form. Default: none."`
	AllowReserved bool     `group:"Scan" help:"Set this if the scan used --allow-reserved."`
	JSON          bool     `group:"Output" name:"json" help:"Print one JSON object instead of a table."`
	Quiet         bool     `group:"Output" short:"q" help:"Print no progress."`
}

// statusFalse is the exit status of a comparison that found a fault.
const statusFalse = exitStatus(statusNo)

// verifyGarbage is how much garbage there may be, in percent of the log in memory. The log has no
// pointers, so that a collection costs little.
const verifyGarbage = 20

// Run compares and writes the report.
func (c *VerifyCmd) Run(ctx context.Context, s streams) error {
	if err := s.apart("Results", c.Results...); err != nil {
		return err
	}
	if err := s.apart("Log", c.Log); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(verifyGarbage)
	}
	screen := newConsole(s, c.Quiet)
	stop := newReading(screen, "verify", "", nil).files(append([]string{c.Log}, c.Results...), 1)
	defer stop()
	report, err := verify.Run(ctx, verify.Config{
		Results: c.Results[0], More: c.Results[1:], Log: c.Log, Counters: c.Counters, Targets: c.Targets, Exclude: c.Exclude,
		AllowReserved: c.AllowReserved, Stdin: s.Stdin,
	})
	stop()
	if errors.Is(err, verify.ErrLists) {
		return &plan.ConfigError{Err: err}
	}
	if err != nil {
		return err
	}
	if c.JSON {
		text, err := json.MarshalIndent(report, "", "  ")
		if err == nil {
			_, err = plaintext.NewWriter(s.Stdout).Write(append(plaintext.EscapeJSON(nil, text), '\n'))
		}
		if err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	} else if err := report.Text(plaintext.NewWriter(s.Stdout)); err != nil {
		return err
	}
	if !report.OK() {
		return statusFalse
	}
	if report.Cut {
		return &run.Incomplete{Err: fmt.Errorf("read %s: %w", c.Results[0], format.ErrCut)}
	}
	return nil
}
