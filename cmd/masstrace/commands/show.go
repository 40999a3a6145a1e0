package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/masstrace/masstrace/internal/annotate"
	"github.com/masstrace/masstrace/internal/draw"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/hops"
	"github.com/masstrace/masstrace/internal/format/traceroute"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/show"
	"github.com/masstrace/masstrace/internal/target"
)

// ShowCmd writes results for people.
type ShowCmd struct {
	Results string   `arg:"" name:"file" complete:"file" help:"Results of scan, trace --json, replay or merge, or of another tool, also compressed; - is standard input. Formats: ${readers}."`
	Targets []string `arg:"" optional:"" name:"target" help:"Addresses or prefixes: show the traces to these alone. Other arguments are further files of the same run (--replies, --meta)."`

	Hops       bool `group:"Output" help:"Show a row for each hop, in aligned columns."`
	Extensions bool `group:"Output" short:"e" help:"Show the ICMP extensions of answers, such as MPLS labels."`

	Dot bool `group:"Output" help:"Show all paths to each target (--strategy multipath) as a graph for Graphviz, with widths, confidences and round-trip times."`

	CSV bool `group:"Output" name:"csv" help:"Show a row for each hop as CSV, with a line of column names."`
}

// Help returns the text below the flags.
func (c *ShowCmd) Help() string {
	return "Traces have the format of masstrace trace. * is silence; silent rows at the end of a path are one line. " +
		"All paths of --strategy multipath are a drawing, with columns for the branches of load balancers. " +
		"Hops and rows have all TTLs that answered, and no others."
}

// Run only translates flags; the work is package show's.
func (c *ShowCmd) Run(ctx context.Context, s streams) error {
	more, targets, err := c.arguments()
	if err != nil {
		return err
	}
	if err := s.apart("Results", append(more, c.Results)...); err != nil {
		return err
	}
	out := bufio.NewWriter(plaintext.NewWriter(s.Stdout))
	var w format.Writer
	var graphs *show.Drawings
	switch {
	case c.CSV:
		w = hops.NewCSV(out)
	case c.Dot:
		graphs = show.NewGraphs(out)
		w = graphs
	case c.Hops:
		w = hops.NewTable(out)
	default:
		traces := traceroute.NewTraces(traceroute.Writer{Out: out, Extensions: c.Extensions, Columns: columnsOf(s.Stdout), Label: annotate.Label})
		w = show.NewDrawings(traces, out, drawing(columnsOf(s.Stdout)))
	}
	n, err := show.Run(ctx, show.Config{Results: c.Results, More: more, Stdin: s.Stdin, Targets: targets, Writer: w})
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return err
	}
	if n == 0 && len(targets) > 0 {
		say(s.Stderr, fmt.Sprintf("masstrace: %s has no trace to %s", c.Results, names(targets)))
		return statusFalse
	}
	if graphs != nil && graphs.Empty() {
		say(s.Stderr, fmt.Sprintf("masstrace: %s has no paths to draw: scan --strategy multipath and trace --multipath find them", c.Results))
		return statusFalse
	}
	return nil
}

// arguments separates the further files from the targets.
func (c *ShowCmd) arguments() (more []string, list []netip.Prefix, err error) {
	for _, text := range c.Targets {
		p, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			err = errors.New("it is not an address or a prefix")
		}
		if _, noFile := os.Stat(text); err != nil && noFile != nil {
			return nil, nil, &plan.ConfigError{Err: target.Missing(text, err, noFile)}
		}
		if err != nil {
			more = append(more, text)
			continue
		}
		list = append(list, p.Masked())
	}
	return more, list, nil
}

// names returns prefixes as a list for people. A prefix of one address is the address.
func names(prefixes []netip.Prefix) string {
	var list []string
	for _, p := range prefixes {
		if p.IsSingleIP() {
			list = append(list, p.Addr().String())
			continue
		}
		list = append(list, p.String())
	}
	return strings.Join(list, ", ")
}

// drawing returns how all paths to a target are drawn on a terminal with some columns, 0 for a file.
// Wide drawings are hard to read.
func drawing(columns int) draw.Options {
	return draw.Options{Width: min(columns, widestDrawing), ASCII: !hasBoxes()}
}

const widestDrawing = 120
