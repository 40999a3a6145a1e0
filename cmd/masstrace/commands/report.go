package commands

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/masstrace/masstrace/internal/outfile"
	pages "github.com/masstrace/masstrace/internal/report"
)

// ReportCmd writes results as a page of HTML.
type ReportCmd struct {
	Files []string `arg:"" name:"file" complete:"file" help:"Results in any format, also compressed, of one run or of several; - is standard input. Files of one run (--replies, --meta) are read as one."`

	Output    string `group:"Output" short:"o" placeholder:"FILE" help:"Page to write; - is the standard output. Default: report.html, unless --serve is given."`
	Overwrite bool   `group:"Output" help:"Overwrite an existing page. Default: nothing is written if it exists."`
	Traces    count  `group:"Output" default:"100000" placeholder:"N" help:"Traces in the page. If the results have more, the page has all traces to some of the targets, and sums over everything. Default: 100000."`
	Quiet     bool   `group:"Output" short:"q" help:"Print nothing about the page, and no progress."`
	Serve     string `group:"Server" placeholder:"ADDR" help:"Serve the page at this address and port, and keep it up to date while the files grow. Without an address, this machine alone can see the page. Default: write a file."`
}

// Help returns the text below the flags.
func (c *ReportCmd) Help() string {
	return "The page is one file that needs no network. It shows where the paths go and what broke: the ends of traces, " +
		"distributions, the topology, the busiest routers and links, middleboxes, and each path. A click filters all of it. " +
		"Results with AS numbers show more; masstrace annotate adds them."
}

// Validate checks conditions that kong cannot.
func (c *ReportCmd) Validate() error {
	switch {
	case c.Traces < 1:
		return errors.New("--traces must be at least 1")
	case c.Serve != "" && c.Output != "":
		return errors.New("--serve and --output exclude each other: a server writes no file")
	}
	return nil
}

// Run only translates flags; the work is package report's.
func (c *ReportCmd) Run(ctx context.Context, s streams) error {
	cfg := pages.Config{
		Inputs: c.Files, Paths: int(min(c.Traces, math.MaxInt32)), Output: c.Output, Existing: outfile.ExistingIf(c.Overwrite), Stdin: s.Stdin, Stdout: s.Stdout,
	}
	screen := newConsole(s, c.Quiet)
	if c.Serve != "" {
		return pages.Serve(ctx, cfg, c.Serve, func(url string) { screen.line("the report is at " + url) })
	}
	if cfg.Output == "" {
		cfg.Output = "report.html"
	}
	stop := newReading(screen, "report", cfg.Output, s.Stdout).files(c.Files, 1)
	defer stop()
	size, err := pages.Write(ctx, cfg)
	stop()
	if size.Octets > 0 && cfg.Output != "-" {
		screen.line(c.written(size, cfg.Output))
	}
	return err
}

// written returns a sentence about the page.
func (c *ReportCmd) written(size pages.Size, path string) string {
	traces := "traces"
	if size.Kept == 1 {
		traces = "trace"
	}
	text := fmt.Sprintf("report: %s, %.1f MB, %d %s", path, float64(size.Octets)/1e6, size.Kept, traces)
	if uint64(size.Kept) < size.Traces {
		text += fmt.Sprintf(" of %d", size.Traces)
	}
	return text
}
