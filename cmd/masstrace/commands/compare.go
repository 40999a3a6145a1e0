package commands

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/compare"
	"github.com/masstrace/masstrace/internal/inputs"
	pages "github.com/masstrace/masstrace/internal/report"
)

// CompareCmd compares two results of the same targets.
type CompareCmd struct {
	Old string `arg:"" name:"old" complete:"file" help:"Results of the first scan in any format, also compressed; - is standard input. A folder, or a pattern in quotes such as 'x.ndjson.*', stands for its files. Formats: ${readers}."`
	New string `arg:"" name:"new" complete:"file" help:"Results of the second scan, likewise."`

	By        compareBy `group:"Output" default:"target" placeholder:"WHAT" help:"Put changes together by target, as (of the target) or prefix (/24, /48). Default: target."`
	Output    string    `group:"Output" short:"o" default:"text" placeholder:"FORMAT|FILE" help:"text, json or html: the format on the standard output; html is a page like that of report. Another value is the name of a file. It has JSON if its name ends in .json, a page if it ends in .html, else text; .gz or .zst after that compresses it. Default: text."`
	Overwrite bool      `group:"Output" help:"Overwrite an existing output file. Default: nothing is compared if it exists."`
	Quiet     bool      `group:"Output" short:"q" help:"Print no progress."`
}

// compareBy is compare.By with its values for the help.
type compareBy struct{ compare.By }

// choices returns the values.
func (compareBy) choices() []string { return []string{"target", "as", "prefix"} }

// Help returns the text below the flags.
func (c *CompareCmd) Help() string {
	return "The exit status is 0 if nothing changed, and 1 if something did. " +
		"Another branch of the same load balancer is no change, and silence is none. " +
		"A group of targets shows a change if load balancers alone would make the difference in few of many comparisons. " +
		"So a change to few targets may stay unnoticed: several targets in each prefix, or several flows, show more."
}

// comparisonFormats are the formats of a comparison, and the endings of the names of their files.
var comparisonFormats = []string{"text", "json", "html"}

// target returns the output file and its format.
func (c *CompareCmd) target() (path, format string) {
	if slices.Contains(comparisonFormats, c.Output) {
		return "-", c.Output
	}
	name := strings.ToLower(c.Output)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	for _, format := range comparisonFormats {
		if strings.HasSuffix(name, "."+format) {
			return c.Output, format
		}
	}
	return c.Output, "text"
}

// Run only translates flags; the work is that of the packages compare and report.
func (c *CompareCmd) Run(ctx context.Context, s streams) error {
	path, format := c.target()
	files := slices.Concat(inputs.Matching(c.Old), inputs.Matching(c.New))
	if err := checkOutput(path, c.Overwrite, s, files...); err != nil {
		return err
	}
	passes := 1
	if format == "html" { // the page begins with what changed
		passes = 2
	}
	stop := newReading(newConsole(s, c.Quiet), "compare", "", nil).files(files, passes)
	defer stop()
	result, write, err := c.compared(ctx, s, format)
	stop()
	if result == nil {
		return err
	}
	if err := errors.Join(err, writeWhole(path, c.Overwrite, s, write)); err != nil {
		return err
	}
	if result.Changed() {
		return statusFalse
	}
	return nil
}

// changes is the result of a comparison.
type changes interface{ Changed() bool }

// compared returns the result, and a function that writes it in a format. The result is nil if there is
// nothing to write.
func (c *CompareCmd) compared(ctx context.Context, s streams, format string) (changes, func(io.Writer) error, error) {
	if format == "html" {
		page, result, err := pages.Compare(ctx, pages.Pair{Old: c.Old, New: c.New, By: c.By.By, Paths: pages.DefaultPaths})
		if result == nil {
			return nil, nil, err
		}
		return result, func(w io.Writer) error {
			_, err := w.Write(page)
			return err
		}, err
	}
	result, err := compare.Run(ctx, compare.Config{Old: c.Old, New: c.New, Stdin: s.Stdin, By: c.By.By})
	switch {
	case result == nil:
		return nil, nil, err
	case format == "json":
		return result, result.JSON, err
	}
	return result, result.Text, err
}
