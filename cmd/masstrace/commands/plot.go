package commands

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/figure"
	"github.com/masstrace/masstrace/internal/inputs"
	"github.com/masstrace/masstrace/internal/run"
)

// PlotCmd draws a figure of results.
type PlotCmd struct {
	Files []string `arg:"" name:"file" complete:"file" help:"Results in any format, also compressed; - is standard input. Formats: ${readers}."`

	What figureName `group:"Figure" default:"rtt-by-ttl" placeholder:"FIGURE" help:"Figure to draw, see above. Default: rtt-by-ttl."`

	Output    string       `group:"Output" short:"o" default:"-" placeholder:"FILE" help:"Output file. The ending of its name is its format, and .gz or .zst after it compresses the file. Default: -, the standard output."`
	Format    figureFormat `group:"Output" placeholder:"FORMAT" help:"svg, or csv: the numbers of the figure. Default: that of the ending of the output, svg without one."`
	Overwrite bool         `group:"Output" help:"Overwrite an existing output file. Default: nothing is written if it exists."`
}

// figureName is the name of a figure.
type figureName string

func (figureName) choices() []string { return figure.Names() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *figureName) UnmarshalText(text []byte) error {
	*f = figureName(text)
	return choose(*f, string(text))
}

// figureFormat is the name of a format of figures.
type figureFormat string

func (figureFormat) choices() (names []string) {
	for _, f := range figure.Formats {
		names = append(names, f.Name)
	}
	return names
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *figureFormat) UnmarshalText(text []byte) error {
	*f = figureFormat(text)
	return choose(*f, string(text))
}

// Help returns the text below the flags.
func (c *PlotCmd) Help() string {
	var list []string
	for _, f := range figure.Figures {
		list = append(list, f.Name+" is the "+strings.TrimPrefix(f.Meaning, "the ")+".")
	}
	return "Figures: " + strings.Join(list, " ")
}

// Run only translates flags; the work is package figure's.
func (c *PlotCmd) Run(ctx context.Context, s streams) error {
	what, err := figure.Find(string(c.What))
	if err != nil {
		return err
	}
	name, err := formatOf(string(c.Format), c.Output, figureFormat("").choices())
	if err != nil {
		return err
	}
	if err := checkOutput(c.Output, c.Overwrite, s, c.Files...); err != nil {
		return err
	}
	var counts figure.Counts
	damage := inputs.Each(ctx, c.Files, s.Stdin, counts.Add)
	if _, ok := errors.AsType[*run.Incomplete](damage); damage != nil && !ok {
		return damage
	}
	i := slices.IndexFunc(figure.Formats, func(f figure.Format) bool { return f.Name == name })
	write := func(w io.Writer) error { return figure.Formats[i].Write(what, &counts, w) }
	return errors.Join(damage, writeWhole(c.Output, c.Overwrite, s, write))
}
