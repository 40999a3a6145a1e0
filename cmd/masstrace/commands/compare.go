package commands

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/compare"
	"github.com/masstrace/masstrace/internal/inputs"
)

// CompareCmd compares two results of the same targets.
type CompareCmd struct {
	Old string `arg:"" name:"old" complete:"file" help:"Results of the first scan in any format, also compressed; - is standard input. A folder, or a pattern in quotes such as 'x.ndjson.*', stands for its files. Formats: ${readers}."`
	New string `arg:"" name:"new" complete:"file" help:"Results of the second scan, likewise."`

	By        compareBy `group:"Output" default:"target" placeholder:"WHAT" help:"Put changes together by target, as (of the target) or prefix (/24, /48). Default: target."`
	Output    string    `group:"Output" short:"o" default:"text" placeholder:"FORMAT|FILE" help:"text or json: the format on the standard output. Another value is the name of a file. It has JSON if its name ends in .json, else text; .gz or .zst after that compresses it. Default: text."`
	Overwrite bool      `group:"Output" help:"Overwrite an existing output file. Default: nothing is compared if it exists."`
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

// target returns the output file, and whether it has JSON.
func (c *CompareCmd) target() (path string, isJSON bool) {
	switch c.Output {
	case "text", "json":
		return "-", c.Output == "json"
	}
	name := strings.ToLower(c.Output)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	return c.Output, strings.HasSuffix(name, ".json")
}

// Run only translates flags; the work is package compare's.
func (c *CompareCmd) Run(ctx context.Context, s streams) error {
	path, isJSON := c.target()
	if err := checkOutput(path, c.Overwrite, s, slices.Concat(inputs.Matching(c.Old), inputs.Matching(c.New))...); err != nil {
		return err
	}
	result, err := compare.Run(ctx, compare.Config{Old: c.Old, New: c.New, Stdin: s.Stdin, By: c.By.By})
	if result == nil {
		return err
	}
	write := result.Text
	if isJSON {
		write = result.JSON
	}
	if err := errors.Join(err, writeWhole(path, c.Overwrite, s, write)); err != nil {
		return err
	}
	if result.Changed() {
		return statusFalse
	}
	return nil
}
