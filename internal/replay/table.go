package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/gather"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/receiver"
)

// identity decides which frames are probes and replies, and which probe a reply answers. It
// uses the key of the run (keyed), the key of a list of probes (listed), or the quotations
// (foreign).
type identity interface {
	// entry takes a frame. stray is that it was sent, and is no probe of the run.
	entry(e *pcapng.Entry) (stray bool, err error)
}

// table replays captures without windows: the probes in flight are in the table of a
// Gatherer. All on one goroutine.
type table struct {
	results
	identity
	decoder *receiver.Replay
	gather  *gather.Gatherer
}

// Limits of the memory of a replay without windows, for any captures. They are the probes of a
// generation of the table, of which there are two, and the octets of traces.
const (
	mostProbes  = 1 << 16
	traceOctets = 112 << 20
)

// newOthers returns the replay of captures that are not of our own, of which the first is
// at path. All of them are one run.
func newOthers(p *replay, path string) (*table, error) {
	t := &table{results: newResults(p)}
	t.host = filepath.Base(path)
	t.about = &record.Run{
		Tool: p.cfg.Tool, Argv: p.cfg.Argv, Seed: p.cfg.Seed, Protocol: "replay",
		TTL: [2]uint8{1, math.MaxUint8}, Clock: "capture", Shard: [2]int{0, 1},
	}
	if p.cfg.Key == "" {
		t.setForeign()
		return t, nil
	}
	return t, t.setKeyed(path)
}

// all replays captures that are not of our own, as one run.
func (t *table) all(ctx context.Context, files *merge) error {
	var twice copies
	sorted := order{take: t.take}
	several, source := len(files.parts) > 1, uint32(0)
	// A copy is found before frames are sorted: they are nearly in order then.
	err := files.each(ctx, func(e *pcapng.Entry, file int) error {
		if e.Source != source {
			several, source = true, e.Source
		}
		if twice.drop(e, file, several) {
			return nil
		}
		return sorted.add(e)
	})
	if err == nil && ctx.Err() == nil {
		err = sorted.release(math.MaxInt64)
	}
	if twice.Dropped > 0 {
		t.notice("%d frames are copies that another interface of the machine captured", twice.Dropped)
	}
	if sorted.Late > 0 {
		t.notice("%d frames are out of order by more than %v", sorted.Late, time.Duration(mostBehind))
	}
	return err
}

// run replays a capture of our own, which is a run of its own.
func (t *table) run(ctx context.Context, file *pcapng.File) error {
	if err := t.begin(); err != nil {
		return err
	}
	fault := file.Each(ctx, t.take)
	if fault != nil && !errors.Is(fault, pcapng.ErrCapture) || ctx.Err() != nil {
		return fault
	}
	return t.close(fault)
}

// take takes the next entry of a file.
func (t *table) take(e *pcapng.Entry) error {
	if e.Frame == nil {
		var n capture.Note
		if t.own && json.Unmarshal(e.Note, &n) == nil {
			t.note(&n)
		}
		return nil
	}
	if err := t.nameAfter(e.Stamp); err != nil {
		return err
	}
	t.last = max(t.last, e.Stamp)
	_, err := t.gather.Sweep(t.last)
	stray := false
	if err == nil {
		stray, err = t.entry(e)
	}
	if err != nil {
		return run.OutputFailed(err)
	}
	if stray && t.own {
		t.strays++
	}
	return nil
}

// nameAfter begins a run that is named after its first frame, so that the same captures
// give the same records.
func (t *table) nameAfter(stamp int64) error {
	if t.begun {
		return nil
	}
	t.start = stamp
	t.about.Run = time.Unix(0, stamp).UTC().Format("20060102T150405Z") + "-replay"
	return t.begin()
}

// close writes the remaining records. fault is the error of the captures; that of a capture
// of masstrace is returned.
func (t *table) close(fault error) error {
	if err := t.nameAfter(0); err != nil {
		return err
	}
	if t.end != nil {
		t.gather.Sum.TxErrors, t.gather.Sum.Skipped.Excluded = t.end.TxErrors, t.end.Excluded
	}
	if err := t.gather.Finish(); err != nil {
		return run.OutputFailed(err)
	}
	if n := t.decoder.NotUnderstood; n > 0 && t.decoder.Packets > 0 {
		t.notice("%d frames have headers that are not understood; the last one is of link type %d", n, t.decoder.LastLink)
	}
	if t.gather.Early > 0 {
		t.notice("some traces ended early, because all would need too much memory")
	}
	nothing := t.nothing()
	if fault == nil {
		fault = nothing
	}
	sum := t.gather.Summary(account.Load(&t.decoder.Heard))
	if t.end != nil && t.end.Cause != "" {
		sum.Complete = false
	}
	err := t.finish(sum, fault, "")
	switch {
	case t.own || !errors.Is(err, fault):
		return err
	case nothing != nil:
		return &run.Incomplete{Err: nothing}
	}
	return nil // the caller has it already
}

// nothing returns an error if no frame was understood: not one of them has an IP packet.
func (t *table) nothing() error {
	d := t.decoder
	switch {
	case d.Read == 0 || d.Packets > 0:
		return nil
	case d.NotUnderstood > 0:
		return fmt.Errorf("nothing was understood: none of %d frames has an IP packet that can be found; link type %d", d.Read, d.LastLink)
	}
	return fmt.Errorf("nothing was understood: none of %d frames has an IP packet", d.Read)
}
