package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/convert"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/outfile"
)

// ConvertCmd writes results in another format.
type ConvertCmd struct {
	Files []string `arg:"" name:"file" complete:"file" help:"Results in any format, also compressed; then the output file, unless --output names it. - is standard input, and as the last one standard output. Files of one run (--replies, --meta) are read as one."`

	Output    string     `group:"Output" short:"o" placeholder:"FILE" help:"Output file. The ending of its name is its format, and .gz or .zst after it compresses the file; - is the standard output. Default: the last argument."`
	To        formatName `group:"Output" placeholder:"FORMAT" help:"Format of the output. Default: that of the ending of its name, ndjson without one."`
	Table     string     `group:"Output" placeholder:"NAME" help:"Table to write, in formats that have several. Default: the first one of the format."`
	Overwrite bool       `group:"Output" help:"Overwrite an existing output file. Default: nothing is converted if it exists."`
	Quiet     bool       `group:"Output" short:"q" help:"Print no progress and no notices."`
	From      formatName `group:"Input" placeholder:"FORMAT" help:"Format of all inputs. Default: found in the content of each."`
}

// formatName is the name of a format of results.
type formatName string

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *formatName) UnmarshalText(text []byte) error {
	*f = formatName(strings.ToLower(string(text)))
	if !slices.Contains(all.Names(), string(*f)) {
		return &all.NameError{Name: string(text), Known: all.Names()}
	}
	return nil
}

// choices returns the names of the formats. Some can only be read, others only be written.
func (formatName) choices() []string { return all.Names() }

// Help returns the text below the flags.
func (c *ConvertCmd) Help() string {
	return "Formats that can be read: " + strings.Join(all.Readers(), ", ") + ". Formats that can be written: " +
		strings.Join(all.Writers(), ", ") + ". Endings: " + strings.Join(all.Endings(), ", ") + "."
}

// Run only translates flags; the work is package convert's.
func (c *ConvertCmd) Run(ctx context.Context, s streams) error {
	inputs, output, err := lastIsOutput(c.Files, c.Output)
	if err != nil {
		return err
	}
	screen := newConsole(s, c.Quiet)
	defer screen.clear()
	shown := newReading(screen, "convert", output, s.Stdout)
	return ofOutput(c.Output, convert.Run(ctx, convert.Config{
		Inputs: inputs, From: string(c.From), Output: output, Format: string(c.To), Table: c.Table,
		Existing: outfile.ExistingIf(c.Overwrite), Stdin: s.Stdin, Stdout: s.Stdout,
		Progress: shown.converted, Notice: screen.line,
	}))
}
