package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/hops"
	"github.com/masstrace/masstrace/internal/format/traceroute"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/show"
)

// ShowCmd writes results for people.
type ShowCmd struct {
	Results string   `arg:"" name:"file" help:"Results of scan, trace --json, replay or merge, also compressed, or of scamper (JSON), yarrp or caracal; - is standard input."`
	Targets []string `arg:"" optional:"" name:"target" help:"Addresses or prefixes: show the traces to these alone."`

	Hops       bool `help:"Show a row for each hop, in aligned columns."`
	Extensions bool `short:"e" help:"Show the ICMP extensions of answers, such as MPLS labels."`

	CSV bool `name:"csv" help:"Show a row for each hop as CSV, with a line of column names."`
}

// Run only translates flags; the work is package show's.
func (c *ShowCmd) Run(ctx context.Context, s streams) error {
	targets, err := c.prefixes()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(plaintext.NewWriter(s.Stdout))
	var w format.Writer
	switch {
	case c.CSV:
		w = hops.NewCSV(out)
	case c.Hops:
		w = hops.NewTable(out)
	default:
		w = traceroute.NewTraces(out, c.Extensions)
	}
	n, err := show.Run(ctx, show.Config{Results: c.Results, Stdin: s.Stdin, Targets: targets, Writer: w})
	if err != nil && !errors.Is(err, show.ErrCut) {
		return err
	}
	if err := errors.Join(err, out.Flush()); err != nil {
		return err
	}
	if n == 0 && len(targets) > 0 {
		say(s.Stderr, fmt.Sprintf("masstrace: %s has no trace to %v", c.Results, c.Targets))
		return statusFalse
	}
	return nil
}

// prefixes reads the targets.
func (c *ShowCmd) prefixes() (list []netip.Prefix, err error) {
	for _, text := range c.Targets {
		p, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, &plan.ConfigError{Err: fmt.Errorf("%q is neither an address nor a prefix", text)}
		}
		list = append(list, p.Masked())
	}
	return list, nil
}
