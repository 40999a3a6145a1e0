package commands

import (
	"cmp"
	"errors"
	"io"

	"github.com/masstrace/masstrace/internal/draw"
	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/traceroute"
)

// validateMultipath checks the flags of --multipath, and those that it excludes.
func (c *TraceCmd) validateMultipath() error {
	switch {
	case !c.Multipath && c.Confidence != 0:
		return errors.New("--confidence needs --multipath")
	case !c.Multipath && c.Dot != "":
		return errors.New("--dot needs --multipath")
	case !c.Multipath:
		return nil
	case c.Flows != 1:
		return errors.New("--flows cannot be combined with --multipath, which asks as many flows as it needs")
	case c.Dot != "" && c.JSON && c.Dot == "-":
		return errors.New("--dot - cannot be combined with --json: both are the standard output")
	case c.Dot != "" && len(c.Hosts)+len(c.Lists) != 1 || c.Dot != "" && len(c.Lists) > 0:
		return errors.New("--dot needs one host: the file has one graph")
	}
	return nil
}

// multipathGap is how many silent TTLs in a row end a trace of all paths: each costs several probes.
const multipathGap = 5

// searchPaths completes cfg for --multipath. The caller must close the file that is returned, if it is
// not nil.
func (c *TraceCmd) searchPaths(cfg *traceroute.Config, s streams) (*outfile.File, error) {
	search, err := plan.PathSearch(record.Strategy{Strategy: plan.Multipath, GapLimit: cmp.Or(int(c.Gap), multipathGap),
		MultipathOptions: record.MultipathOptions{Confidence: float64(c.Confidence)}}, multipath.Config{
		Method: cfg.Method, FirstTTL: cfg.FirstTTL, LastTTL: cfg.MaxTTL, Attempts: min(cfg.Attempts, multipath.MostAttempts),
	})
	if err != nil {
		return nil, err
	}
	cfg.Multipath, cfg.GapLimit = search, search.GapLimit
	var graph *outfile.File
	if c.Dot != "" {
		if graph, err = outfile.Open(c.Dot, plaintext.NewWriter(s.Stdout), outfile.ExistingIf(c.Overwrite)); err != nil {
			return nil, err
		}
	}
	cfg.Draw = func(out io.Writer, found *traceroute.Paths) error {
		opt := drawing(cfg.Columns)
		opt.RTT = func(ttl uint8, addr probe.Addr) (int64, bool) {
			rtt, ok := found.RTT[traceroute.Place{TTL: ttl, Addr: addr}]
			return rtt, ok
		}
		opt.Name = found.Name
		if graph != nil {
			if err := draw.Dot(graph, found.Multipath, opt); err != nil || c.Dot == "-" {
				return err
			}
		}
		return draw.Text(out, found.Multipath, opt)
	}
	return graph, nil
}
