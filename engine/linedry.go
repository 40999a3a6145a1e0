package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
)

// dryRunLines is DryRun with a list of probes, which it reads to its end.
func dryRunLines(ctx context.Context, c Config) error {
	s, err := newLineScan(&c)
	if err != nil {
		return err
	}
	defer s.lines.close()
	source := drySource(&c, func(c *Config) (*paths, error) {
		err := s.findPaths(ctx, c)
		return s.paths, err
	})
	if err := s.makeCodec(); err != nil {
		return err
	}
	shown, probes, err := s.readDry(ctx)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(c.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "probes\t%d\tof %s\n", probes, s.lines.name)
	fmt.Fprintf(t, "left out\t%d\texcluded, or of a family without a route\n", s.excluded)
	took := s.cfg.Wait.Seconds() + float64(probes)/s.rate
	dryRate(t, s.rate, s.burst, time.Duration(min(took*float64(time.Second), math.MaxInt64/2)))
	fmt.Fprintf(t, "source\t%s\n", source)
	if err := t.Flush(); err != nil {
		return environment(err)
	}
	table := newProbeTable(c.Stdout)
	buf := make([]byte, codec.MaxSize)
	for i := range shown {
		v := &shown[i]
		size := s.listed.Encode(buf, &v.Line, v.attempt)
		table.row(v.Target, v.TTL, 0, v.Method, buf, size)
	}
	return table.Flush()
}

// readDry reads the whole list: it returns the first probes to be sent, and how
// many there are.
func (s *lineScan) readDry(ctx context.Context) (shown []listed, probes uint64, err error) {
	v := listed{Line: s.first}
	for err == nil && ctx.Err() == nil {
		if s.take(&v) == 1 {
			if probes++; probes <= shownProbes {
				shown = append(shown, v)
			}
		}
		err = s.lines.next(&v.Line)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && ctx.Err() != nil {
		err = &Error{Partial, errors.New("interrupted")}
	}
	return shown, probes, err
}
