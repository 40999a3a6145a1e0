package commands

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/inputs"
	"github.com/masstrace/masstrace/internal/linkgraph"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
)

// GraphCmd writes the graph of the interfaces or the systems of results.
type GraphCmd struct {
	Files []string `arg:"" name:"file" complete:"file" help:"Results in any format, also compressed; - is standard input. Formats: ${readers}."`

	Level   graphLevel        `group:"Graph" default:"interface" placeholder:"LEVEL" help:"Nodes: interface, an address of a router; or as, an autonomous system of annotated results. Default: interface."`
	Target  []prefixOrAddress `group:"Graph" placeholder:"PREFIX" help:"Use the paths to this address or prefix alone. May be repeated. Default: all."`
	AS      []string          `group:"Graph" name:"as" placeholder:"ASN" help:"Keep the links with an end in this autonomous system, of annotated results. May be repeated. Default: all."`
	Prefix  []prefixOrAddress `group:"Graph" placeholder:"PREFIX" help:"Keep the links with an end in this prefix. May be repeated. Default: all."`
	Near    string            `group:"Graph" placeholder:"NODE" help:"Keep the nodes at most --hops links away from this address or autonomous system (AS64500). Default: all."`
	Hops    count             `group:"Graph" default:"2" placeholder:"N" help:"Number of links for --near, 0 to 255. Default: 2."`
	Targets bool              `group:"Graph" help:"Make nodes of targets that answered, too. Default: interfaces of routers alone."`

	Output    string      `group:"Output" short:"o" default:"-" placeholder:"FILE" help:"Output file. The ending of its name is its format, and .gz or .zst after it compresses the file. Default: -, the standard output."`
	Format    graphFormat `group:"Output" placeholder:"FORMAT" help:"dot (Graphviz), graphml (Gephi, yEd, networkx), svg (a picture) or json (nodes and links, for D3). Default: that of the ending of the output, dot without one."`
	Overwrite bool        `group:"Output" help:"Overwrite an existing output file. Default: nothing is written if it exists."`
}

type graphLevel struct{ linkgraph.Level }

func (graphLevel) choices() []string { return linkgraph.Levels() }

// graphFormat is the name of a format of graphs.
type graphFormat string

func (graphFormat) choices() (names []string) {
	for _, f := range linkgraph.Formats {
		names = append(names, f.Name)
	}
	return names
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *graphFormat) UnmarshalText(text []byte) (err error) {
	*f = graphFormat(text)
	return choose(*f, string(text))
}

// choose returns an error if a value is not one of the choices.
func choose(of chooser, text string) error {
	if list := of.choices(); !slices.Contains(list, text) {
		return errors.New(strconv.Quote(text) + " is not one of " + strings.Join(list, ", "))
	}
	return nil
}

// Validate checks conditions that kong cannot.
func (c *GraphCmd) Validate() error {
	if c.Hops > 255 {
		return errors.New("--hops must be 0 to 255")
	}
	return nil
}

// Help returns the text below the flags.
func (c *GraphCmd) Help() string {
	return "A link is two addresses that follow each other on a path. It is marked as a gap, and dashed, if something silent is always between them. " +
		"The same results give the same file. In a picture, the columns are TTLs."
}

// prefixOrAddress is a prefix; an address stands for the prefix of it alone.
type prefixOrAddress struct{ netip.Prefix }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *prefixOrAddress) UnmarshalText(text []byte) error {
	if a, err := netip.ParseAddr(string(text)); err == nil && a.Zone() == "" {
		p.Prefix = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		return nil
	}
	one, err := netip.ParsePrefix(string(text))
	if err != nil {
		return errors.New(strconv.Quote(string(text)) + " is not an address or a prefix")
	}
	p.Prefix = one.Masked()
	return nil
}

func plainPrefixes(list []prefixOrAddress) (plain []netip.Prefix) {
	for _, p := range list {
		plain = append(plain, p.Prefix)
	}
	return plain
}

// config returns the request for the graph.
func (c *GraphCmd) config() (linkgraph.Config, error) {
	cfg := linkgraph.Config{Level: c.Level.Level, Targets: plainPrefixes(c.Target), Prefixes: plainPrefixes(c.Prefix), Around: c.Near, Within: int(c.Hops), KeepTargets: c.Targets}
	for _, text := range c.AS {
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(text), "AS"), 10, 32)
		if err != nil {
			return cfg, &plan.ConfigError{Field: "AS", Err: errors.New(strconv.Quote(text) + " is not an AS number")}
		}
		cfg.ASNs = append(cfg.ASNs, uint32(n))
	}
	return cfg, nil
}

// Run only translates flags; the work is package linkgraph's.
func (c *GraphCmd) Run(ctx context.Context, s streams) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	name, err := formatOf(string(c.Format), c.Output, graphFormat("").choices())
	if err != nil {
		return err
	}
	if err := checkOutput(c.Output, c.Overwrite, s, c.Files...); err != nil {
		return err
	}
	b := linkgraph.NewBuilder(cfg)
	damage := inputs.Each(ctx, c.Files, s.Stdin, b.Add)
	if _, ok := errors.AsType[*run.Incomplete](damage); damage != nil && !ok {
		return damage
	}
	g, err := b.Graph()
	if err != nil {
		return errors.Join(damage, err)
	}
	i := slices.IndexFunc(linkgraph.Formats, func(f linkgraph.Format) bool { return f.Name == name })
	write := func(w io.Writer) error { return linkgraph.Formats[i].Write(g, w) }
	return errors.Join(damage, writeWhole(c.Output, c.Overwrite, s, write))
}

// formatOf returns the format of an output: the one that was asked for, that of the ending, else the
// first one.
func formatOf(asked, output string, known []string) (string, error) {
	if asked != "" {
		return asked, nil
	}
	var kinds []outfile.Kind
	for _, name := range known {
		kinds = append(kinds, outfile.Kind{Format: name, Endings: []string{"." + name}})
	}
	return outfile.FormatOf(kinds, "Output", filepath.Clean(output))
}
