package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
)

// Run reads capture files and writes the records of the replies in them, until ctx ends.
// It needs no privilege. Of a capture that is cut or corrupt it writes what comes before,
// and returns an *run.Incomplete.
func Run(ctx context.Context, c Config) error {
	if c.Observer == nil {
		c.Observer = observe.Nobody{}
	}
	p := &replay{cfg: &c, supervisor: run.New(ctx)}
	defer p.supervisor.Close()
	var err error
	if p.file, err = outfile.Open(c.Output, c.Stdout); err != nil {
		return err
	}
	p.supervisor.Go("replay", p.files)
	err = p.supervisor.Wait()
	if held := new(run.HeldError); errors.As(err, &held) {
		return &run.Incomplete{Err: fmt.Errorf("%w: the output is not whole", err)} // it may be written to
	}
	if errors.Is(err, run.ErrKilled) {
		err = &run.Incomplete{Err: fmt.Errorf("%w: the output is not whole", run.ErrInterrupted)}
	}
	if closed := p.file.Close(); closed != nil {
		err = first(err, run.OutputFailed(closed))
	}
	return err
}

// first returns both errors; the first decides what kind of error it is.
func first(err, also error) error {
	if err == nil {
		return also
	}
	return fmt.Errorf("%w\n%v", err, also)
}

// replay is one run of Run.
type replay struct {
	cfg        *Config
	supervisor *run.Run
	file       *outfile.File
	others     *table  // made for the first capture that is not of our own
	faults     []error // of files that were not read to their end
}

// source replays one file.
type source interface {
	run(ctx context.Context, f *pcapng.File) error
}

// files replays one file after another. A file that is not whole does not keep the others
// from being read.
func (p *replay) files() error {
	ctx := p.supervisor.Failed()
	for _, path := range p.cfg.Files {
		err := p.replayFile(ctx, path)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, pcapng.ErrCapture):
			p.faults = append(p.faults, err)
		case err != nil:
			return err
		}
	}
	if p.others != nil {
		if err := p.others.finish(len(p.faults) == 0); err != nil {
			return err
		}
	}
	if len(p.faults) > 0 {
		return &run.Incomplete{Err: errors.Join(p.faults...)}
	}
	return nil
}

// replayFile replays one file.
func (p *replay) replayFile(ctx context.Context, path string) error {
	f, err := pcapng.OpenFile(path, p.cfg.Stdin)
	if err != nil {
		return err
	}
	defer f.Close() // read only: nothing is lost
	own, err := p.own(f, path)
	if err != nil {
		return err
	}
	if own != nil {
		return own.run(ctx, f)
	}
	if p.others == nil {
		if p.others, err = newOthers(p, path); err != nil {
			return err
		}
	}
	return p.others.run(ctx, f)
}

// own returns the replay of a capture of our own, if f is one and its key is at hand; else
// nil, and f is still at its beginning.
func (p *replay) own(f *pcapng.File, path string) (source, error) {
	text, err := f.Comment()
	if err != nil || text == nil {
		return nil, nil // what is wrong will be met again
	}
	v := new(plan.Params)
	if json.Unmarshal(text, v) != nil || v.Masstrace == 0 {
		return nil, nil
	}
	if v.Masstrace != plan.ParamsVersion {
		p.notice("%s: written by another version of masstrace (%s): read as any capture", path, v.Tool)
		return nil, nil
	}
	key, err := p.keyOf(path, v)
	if key == nil {
		return nil, err
	}
	var own source
	if v.Method == plan.ListMethod {
		own, err = newListed(p, v, *key)
	} else {
		own, err = newWindows(p, v, *key)
	}
	if err != nil {
		return nil, &run.Incomplete{Err: fmt.Errorf("%s: %w", path, err)}
	}
	return own, nil
}

// keyOf returns the key of the run v, nil if none is at hand.
func (p *replay) keyOf(path string, v *plan.Params) (*[16]byte, error) {
	text := p.cfg.Key
	if text == "" && path != "-" {
		b, err := os.ReadFile(path + capture.KeySuffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			p.notice("%s: %v", path, err)
		}
		text = strings.TrimSpace(string(b))
	}
	if text == "" {
		p.notice("%s: no key was given, and there is no %s%s: replies cannot be authenticated", path, path, capture.KeySuffix)
		return nil, nil
	}
	key, err := plan.KeyOf(text)
	if err != nil {
		return nil, err
	}
	if plan.KeyID(key) != v.KeyID {
		return nil, plan.Refuse("Key", "%s: that is not the key of this run: its id is %s, not %s", path, plan.KeyID(key), v.KeyID)
	}
	return &key, nil
}

func (p *replay) notice(format string, args ...any) {
	p.cfg.Observer.Event(observe.Noticef(format, args...))
}

// each calls f for every entry of a file until its end, or that of ctx.
func each(ctx context.Context, file *pcapng.File, f func(*pcapng.Entry) error) error {
	var e pcapng.Entry
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil
		}
		if err := file.Read(&e); err != nil {
			if errors.Is(err, io.EOF) && !errors.Is(err, pcapng.ErrCapture) {
				return nil
			}
			return err
		}
		if err := f(&e); err != nil {
			return err
		}
	}
}

// seconds returns a stamp in ns as seconds since the Unix epoch, now if there was none.
func seconds(stamp int64) int64 {
	if stamp == 0 {
		return time.Now().Unix()
	}
	return stamp / 1e9
}
