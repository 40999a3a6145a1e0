package commands

import (
	"context"
	"errors"

	"github.com/masstrace/masstrace/internal/annotate"
	"github.com/masstrace/masstrace/internal/convert"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
)

// AnnotateCmd adds to results the entries of databases for their addresses.
type AnnotateCmd struct {
	Files []string `arg:"" optional:"" name:"file" complete:"file" help:"Results in any format, also compressed; then the output file, unless --output names it. - is standard input, and as the last one standard output. Files of one run (--replies, --meta) are read as one."`

	Annotate []string `group:"Databases" name:"annotate" placeholder:"FILE" sep:"none" help:"Database of any kind, for all fields that it has. Repeat it for more files; none is no file. Default: without any database, the files in $MASSTRACE_ANNOTATE, separated by colons, else those in the folder /etc/masstrace/annotate."`
	ASN      []string `group:"Databases" name:"asn" placeholder:"FILE" sep:"none" help:"Database of AS numbers: MaxMind format (mmdb), CAIDA pfx2as, or an MRT routing table. May be repeated: the first file that has an address counts. Default: none."`
	Geo      []string `group:"Databases" name:"geo" placeholder:"FILE" sep:"none" help:"Database of countries in MaxMind format. May be repeated. Default: none."`
	IXP      []string `group:"Databases" name:"ixp" placeholder:"FILE" sep:"none" help:"Dump of PeeringDB as JSON, for the peering LANs of exchanges. May be repeated. Default: none."`
	Names    []string `group:"Databases" name:"names" placeholder:"FILE" sep:"none" help:"File of names: an address or a prefix, then its name, in each line, as in hosts(5) or with a comma. May be repeated. Default: none."`

	Text bool `group:"Text" help:"Copy standard input to standard output, and add [AS64500 NAME] after each address in it. Lines are written at once."`

	Output    string     `group:"Output" short:"o" placeholder:"FILE" help:"Output file. The ending of its name is its format, and .gz or .zst after it compresses the file; - is the standard output. Default: the last argument."`
	To        formatName `group:"Output" placeholder:"FORMAT" help:"Format of the output. Default: that of the ending of its name, ndjson without one."`
	Table     string     `group:"Output" placeholder:"NAME" help:"Table to write, in formats that have several. Default: the first one of the format."`
	Overwrite bool       `group:"Output" help:"Overwrite an existing output file. Default: nothing is written if it exists."`
	Quiet     bool       `group:"Output" short:"q" help:"Print no progress and no notices."`
	From      formatName `group:"Input" placeholder:"FORMAT" help:"Format of all inputs. Default: found in the content of each."`
}

// Validate checks conditions that kong cannot.
func (c *AnnotateCmd) Validate() error {
	switch {
	case c.Text && len(c.Files) > 0:
		return errors.New("--text takes no files: it reads standard input")
	case !c.Text && len(c.Files) == 0:
		return errors.New("no results: give a file and the output file, or --text")
	}
	return nil
}

// Help returns the text below the flags.
func (c *AnnotateCmd) Help() string {
	return "Databases are found by their contents, and may be compressed by gzip, Zstandard or bzip2. No server is asked. " +
		"Fields that the results have already are replaced, if a database has them. " +
		"The address of a router may belong to its neighbour's network, so an AS path by addresses is an approximation."
}

// databases returns the request for the databases.
func (c *AnnotateCmd) databases() (annotate.Config, error) {
	cfg := annotate.Config{Annotate: c.Annotate, ASN: c.ASN, Geo: c.Geo, IXP: c.IXP, Names: c.Names}
	if len(cfg.Uses()) > len(c.Annotate) && len(c.Annotate) == 0 {
		return cfg, nil
	}
	var err error
	cfg.Annotate, err = (&DatabaseFlags{c.Annotate}).files()
	return cfg, err
}

// Run only translates flags; the work is that of packages annotate and convert.
func (c *AnnotateCmd) Run(ctx context.Context, signals *signals, s streams) error {
	databases, err := c.databases()
	if err != nil {
		return err
	}
	if c.Text {
		return c.text(ctx, signals, databases, s)
	}
	return ofOutput(c.Output, c.records(ctx, databases, s))
}

// records writes annotated results.
func (c *AnnotateCmd) records(ctx context.Context, databases annotate.Config, s streams) error {
	inputs, output, err := lastIsOutput(c.Files, c.Output)
	if err != nil {
		return err
	}
	screen := newConsole(s, c.Quiet)
	defer screen.clear()
	shown := newReading(screen, "annotate", output, s.Stdout)
	cfg := convert.Config{
		Inputs: inputs, From: string(c.From), Output: output, Format: string(c.To), Table: c.Table,
		Existing: outfile.ExistingIf(c.Overwrite), Databases: databases.Uses(), Stdin: s.Stdin, Stdout: s.Stdout,
		Progress: shown.converted, Notice: screen.line,
	}
	if err := cfg.Check(); err != nil { // before a file is read
		return err
	}
	a, err := needDatabases(ctx, databases)
	if err != nil {
		return err
	}
	cfg.Annotate = a.Record
	return annotated(convert.Run(ctx, cfg), a)
}

// needDatabases is openDatabases, and refuses to do without any.
func needDatabases(ctx context.Context, c annotate.Config) (*annotate.Annotator, error) {
	a, err := openDatabases(ctx, c)
	if a == nil && err == nil {
		err = &plan.ConfigError{Err: errors.New("no database: give --asn, --geo, --ixp, --names or --annotate FILE, or put files into " + databaseFolder)}
	}
	return a, err
}

// text copies standard input. A signal ends it as it ends the program before it in a pipe.
func (c *AnnotateCmd) text(ctx context.Context, signals *signals, databases annotate.Config, s streams) error {
	if err := outfile.Collide(append(outfile.Writes("Stdout", "-"), databases.Uses()...), s.Stdin, s.Stdout); err != nil {
		return err
	}
	a, err := needDatabases(ctx, databases)
	if err == nil {
		err = annotated(a.Text(ctx, s.Stdin, s.Stdout), a)
	}
	if status, signalled := signals.ended(); signalled && err != nil {
		return status
	}
	return err
}
