package verify

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

// readLog reads a log of netsim of size octets, 0 if that is not known. It returns the probes of
// each vantage point. It counts probes to destinations that are not in targets in outside.
func readLog(ctx context.Context, r io.Reader, size int64, targets *target.Set) ([]*asked, error) {
	l, err := netsim.NewLogReader(r)
	if err != nil {
		return nil, err
	}
	cfg := l.Config()
	points := make([]*asked, max(cfg.VantagePoints, 1))
	for i := range points {
		if points[i], err = newAsked(ctx, cfg, size/int64(len(points)), targets); err != nil {
			return nil, err
		}
	}
	entries, cut, err := readEntries(ctx, l, func(rec *netsim.Record) error {
		n, _ := cfg.VantagePoint(rec.Src())
		return points[n].add(rec)
	})
	if err != nil {
		return nil, err
	}
	for _, a := range points {
		a.entries, a.cut = entries, cut
		a.sort()
	}
	return points, ctx.Err()
}

// newAsked returns an empty one for a part of a log that has about size octets.
func newAsked(ctx context.Context, cfg netsim.Config, size int64, targets *target.Set) (a *asked, err error) {
	a = &asked{
		probes: make([]sent, 0, min(size/netsim.LeastEntry, mostExpected)), seed: maphash.MakeSeed(),
		outside: make(map[probe.Addr]uint64), copies: make(map[netsim.Answer]uint64), targets: targets,
		over: func() bool { return ctx.Err() != nil },
	}
	a.truth, err = netsim.NewTruth(cfg)
	a.changes = cfg.Remap > 0 || cfg.Reroute > 0
	a.boxes = cfg.NATSource+cfg.NATPort+cfg.NATDestination+cfg.MangleIPID+cfg.MangleChecksum+
		cfg.MangleTOS+cfg.MangleLabel+cfg.MangleLength > 0
	return a, err
}

// readEntries calls add for each entry of a log. It returns how many there are, and whether the log
// ends in the middle of one.
func readEntries(ctx context.Context, l *netsim.LogReader, add func(*netsim.Record) error) (n uint64, cut bool, err error) {
	var rec netsim.Record
	for {
		err := l.Next(&rec)
		if n%checkEvery == 0 && ctx.Err() != nil {
			return n, false, ctx.Err()
		}
		switch {
		case err == io.EOF:
			return n, false, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return n, true, nil
		case err != nil:
			return n, false, fmt.Errorf("after %d entries: %w", n, err)
		}
		n++
		if err := add(&rec); err != nil {
			return n, false, err
		}
	}
}
