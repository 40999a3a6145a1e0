package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/output"
	"github.com/masstrace/masstrace/receiver"
)

// ReplayConfig is a replay as the user asked for it.
type ReplayConfig struct {
	Files []string // capture files, or -

	// Key, 32 hexadecimal digits, authenticates replies. For captures of our own
	// it is found in the file beside them if it is not given, and so are the
	// parameters of the run, which else are these.
	Key, Seed         string
	Sources           []netip.Addr
	Method            probe.Method
	MinTTL, MaxTTL    uint8
	DstPort           uint16
	TOS               uint8
	Flows, Attempts   int
	PortLow, PortHigh uint16

	Output  string // file, or - for Stdout
	Records record.Kinds
	Quiet   bool
	Argv    []string
	Version string
	Streams
}

// replayer is one run of Replay.
type replayer struct {
	cfg     *ReplayConfig
	sink    *output.Sink
	console *console
	foreign *foreignReplay // made for the first capture that is not of our own
	faults  []error        // of files that were not read to their end
}

// Replay reads capture files and writes the records of the replies in them. It
// needs no privilege. Of a capture that is cut or corrupt it writes what comes
// before, and returns an error of the class Partial.
func Replay(ctx context.Context, c ReplayConfig) error {
	r := &replayer{cfg: &c, console: newConsole(&Config{Quiet: c.Quiet, Streams: c.Streams})}
	var err error
	if r.sink, err = output.Open(c.Output, c.Stdout); err != nil {
		return environment(err)
	}
	err = r.files(ctx)
	if r.foreign != nil && ctx.Err() == nil && (err == nil || errors.Is(err, receiver.ErrCapture)) {
		err = joinClassed(err, r.foreign.finish(len(r.faults) == 0))
	}
	if closed := r.sink.Close(); closed != nil {
		err = joinClassed(err, outputFailed(closed))
	}
	if err == nil && len(r.faults) > 0 {
		err = &Error{Partial, errors.Join(r.faults...)}
	}
	return err
}

// files replays one file after another. A file that is not whole does not keep
// the others from being read.
func (r *replayer) files(ctx context.Context) error {
	for _, path := range r.cfg.Files {
		err := r.file(ctx, path)
		switch {
		case errors.Is(err, receiver.ErrCapture):
			r.faults = append(r.faults, err)
		case err != nil:
			return err
		case ctx.Err() != nil:
			return &Error{Partial, errors.New("interrupted: the output is not whole")}
		}
	}
	return nil
}

// file replays one file.
func (r *replayer) file(ctx context.Context, path string) error {
	f, err := receiver.OpenFile(path, r.cfg.Stdin)
	if errors.Is(err, receiver.ErrCapture) {
		return err
	}
	if err != nil {
		return environment(err)
	}
	defer f.Close() // read only: nothing is lost
	own, err := r.own(f, path)
	if err != nil {
		return err
	}
	if own != nil {
		return own.run(ctx, f)
	}
	if r.foreign == nil {
		if r.foreign, err = newForeignReplay(r, path); err != nil {
			return err
		}
	}
	return r.foreign.run(ctx, f)
}

// fileReplay replays one file.
type fileReplay interface {
	run(ctx context.Context, f *receiver.File) error
}

// own returns the replay of a capture that scan --pcap wrote, if f is one and its
// key is at hand; else nil, and f has not been moved beyond notes.
func (r *replayer) own(f *receiver.File, path string) (fileReplay, error) {
	text, err := f.Comment()
	if err != nil || text == nil {
		return nil, nil // what is wrong will be met again
	}
	v := new(parameters)
	if json.Unmarshal(text, v) != nil || v.Masstrace == 0 {
		return nil, nil
	}
	if v.Masstrace != parametersVersion {
		r.console.say("%s: written by another version of masstrace (%s): read as any capture", path, v.Tool)
		return nil, nil
	}
	key := r.cfg.Key
	if key == "" && path != "-" {
		b, err := os.ReadFile(path + keySuffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			r.console.say("%s: %v", path, err)
		}
		key = strings.TrimSpace(string(b))
	}
	if key == "" {
		r.console.say("%s: no --key, and no %s%s: replies cannot be authenticated", path, path, keySuffix)
		return nil, nil
	}
	octets, err := keyOf(key)
	if err != nil {
		return nil, err
	}
	if keyID(octets) != v.KeyID {
		return nil, usage("%s: that is not the key of this run: its id is %s, not %s", path, keyID(octets), v.KeyID)
	}
	var own fileReplay
	if v.Method == listMethod {
		own, err = newLineReplay(r, v, octets)
	} else {
		own, err = newOwnReplay(r, v, octets)
	}
	if err != nil {
		return nil, &Error{Partial, fmt.Errorf("%s: %w", path, err)}
	}
	return own, nil
}

// runRecord returns the run record of a scan as its capture tells it.
func (v *parameters) runRecord() record.Run {
	run := record.Run{
		Tool: v.Tool, Argv: v.Argv, Seed: v.Seed, KeyID: v.KeyID,
		RatePPS: v.RatePPS, RateAuto: v.RateAuto, Burst: v.Burst, TTL: [2]uint8{v.Shape.FirstTTL, v.Shape.LastTTL},
		Flows: v.Shape.Flows, Attempts: v.Shape.Attempts,
		Strategy: record.Strategy{Strategy: v.Strategy, GapLimit: v.GapLimit, Overlap: v.Overlap, Stitch: v.Stitch}, Protocol: v.Method, DstPort: v.DstPort,
		TOS: v.TOS, WaitS: v.wait().Seconds(), Link: v.Link, IO: v.IO, Senders: v.Senders, Clock: "CLOCK_REALTIME/kernel",
		TargetsSHA256: v.TargetsSHA256, ExcludeSHA256: v.ExcludeSHA256,
		PerPrefix: v.PerPrefix, Granularity: [2]int{v.Granularity4, v.Granularity6}, MaxTargets: v.MaxTargets,
		Shard: [2]int{int(v.Shard), int(max(v.Shards, 1))},
	}
	switch {
	case v.Source4.IsValid():
		run.Source = v.Source4.String()
		if v.Source6.IsValid() {
			run.Source6 = v.Source6.String()
		}
	default:
		run.Source = v.Source6.String()
	}
	return run
}

// each calls f for every entry of a file until its end. It looks at ctx now and
// then.
func each(ctx context.Context, file *receiver.File, f func(*receiver.Entry) error) error {
	var e receiver.Entry
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil
		}
		if err := file.Read(&e); err != nil {
			if errors.Is(err, io.EOF) && !errors.Is(err, receiver.ErrCapture) {
				return nil
			}
			return err
		}
		if err := f(&e); err != nil {
			return err
		}
	}
}

// endsAt returns when a run of stamps in ns ended, now if there was none.
func endsAt(last int64) time.Time {
	if last == 0 {
		return time.Now()
	}
	return time.Unix(0, last)
}
