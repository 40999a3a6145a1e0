package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
)

// Run reads capture files and writes the records of the replies in them, until ctx ends. It
// needs no privilege. If a capture is cut or corrupt, it writes the records before the
// damage, and returns an *run.Incomplete.
func Run(ctx context.Context, c Config) error {
	if c.Observer == nil {
		c.Observer = observe.Nobody{}
	}
	p := &replay{cfg: &c, supervisor: run.New(ctx)}
	defer p.supervisor.Close()
	files, err := captures(c.Files, p.notice)
	if err != nil {
		return err
	}
	c.Files = files
	if err := c.paths().Check(); err != nil {
		return err
	}
	if err := outfile.Collide(append(c.paths().Uses(), outfile.Reads("Files", c.Files...)...), c.Stdin, c.Stdout); err != nil {
		return err
	}
	if err := readable(c.Files); err != nil {
		return err
	}
	c.Records = c.paths().Kinds(c.Records)
	p.merge.stdin = c.Stdin
	p.writer = new(later)
	p.supervisor.Go("replay", p.files)
	err = p.supervisor.Wait()
	if held := new(run.HeldError); errors.As(err, &held) {
		return &run.Incomplete{Err: fmt.Errorf("%w: the output is not complete", err)}
	}
	if errors.Is(err, run.ErrKilled) {
		err = &run.Incomplete{Err: fmt.Errorf("%w: the output is not complete", run.ErrInterrupted)}
	}
	if closed := p.output.Close(); closed != nil {
		err = first(err, run.OutputFailed(closed))
	}
	return err
}

// first returns both errors; the first one decides the exit status.
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
	output     *fileset.Files // nil until a capture was opened
	writer     *later
	others     *table  // made for the first capture that is not of our own
	merge      merge   // the captures that are not of our own
	faults     []error // of files that were not read to their end
}

// source replays one file.
type source interface {
	run(ctx context.Context, f *pcapng.File) error
}

// later is the writer of a replay, which has no output before create.
type later struct{ format.Writer }

// create opens the output, once. A capture was opened before and the options fit it, so that a
// request that fails changes no file.
func (p *replay) create() (err error) {
	if p.output != nil {
		return nil
	}
	c := p.cfg
	if text := c.paths().Lacks(c.Records); text != "" {
		p.notice("%s", text)
	}
	if p.output, err = fileset.Create(c.paths(), c.Stdout, c.Existing); err != nil {
		return err
	}
	p.writer.Writer = format.Tee(append(slices.Clone(c.Sinks), p.output.Writer(ndjson.Config{Kinds: c.Records}).Each()...)...)
	return nil
}

// files replays captures of our own, one after another, and then all others as one run, in the
// order of time. A file that is not whole does not keep the others from being read.
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
		err := p.others.all(ctx, &p.merge)
		p.faults = append(p.faults, p.merge.faults...)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if err := p.others.close(errors.Join(p.faults...)); err != nil {
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
	own, err := p.own(f, path)
	if err == nil && own == nil {
		if p.others == nil {
			p.others, err = newOthers(p, path)
		}
		if err == nil {
			err = p.create()
		}
		if err == nil {
			p.merge.add(path, f)
			return nil
		}
	}
	defer f.Close() // read only: nothing is lost
	if err == nil {
		err = p.create()
	}
	if err != nil {
		return err
	}
	return own.run(ctx, f)
}

// own returns the replay of a capture of masstrace whose key is available. For other
// captures it returns nil, and f is still at its beginning.
func (p *replay) own(f *pcapng.File, path string) (source, error) {
	v, err := capture.ReadParams(f)
	if v == nil {
		if err != nil {
			p.notice("%s: %v; read like a capture of another program", path, err)
		}
		return nil, nil
	}
	text := p.cfg.Key
	if text == "" {
		if text, err = capture.ReadKey(path); err != nil {
			p.notice("%s: no key was given, and %v; replies cannot be authenticated", path, err)
			return nil, nil
		}
	}
	key, err := plan.KeyOf(text)
	if err != nil {
		return nil, err
	}
	if plan.KeyID(key) != v.KeyID {
		return nil, plan.Refuse("Key", "%s: wrong key: its id is %s, and the run has the id %s", path, plan.KeyID(key), v.KeyID)
	}
	var own source
	if v.Method == plan.ListMethod {
		own, err = newListed(p, v, key)
	} else {
		own, err = newWindows(p, v, key)
	}
	if err != nil {
		return nil, &run.Incomplete{Err: fmt.Errorf("%s: %w", path, err)}
	}
	return own, nil
}

func (p *replay) notice(format string, args ...any) {
	p.cfg.Observer.Event(observe.Noticef(format, args...))
}
