package replay

import (
	"context"
	"encoding/json"
	"errors"
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

// run replays one file. A capture of our own is a run of its own.
func (t *table) run(ctx context.Context, file *pcapng.File) error {
	if !t.own {
		return file.Each(ctx, t.take)
	}
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
		t.gather.Sum.TxErrors = t.end.TxErrors
	}
	if err := t.gather.Finish(); err != nil {
		return run.OutputFailed(err)
	}
	if n := t.decoder.NotUnderstood; n > 0 {
		t.notice("%d frames are of link types that are not understood, the last one %d", n, t.decoder.LastLink)
	}
	sum := t.gather.Summary(account.Load(&t.decoder.Heard))
	if t.end != nil && t.end.Cause != "" {
		sum.Complete = false
	}
	err := t.finish(sum, fault, "")
	if !t.own && errors.Is(err, fault) {
		return nil // the caller has it already
	}
	return err
}
