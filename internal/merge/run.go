package merge

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// ErrTwice is wrapped by errors about inputs that cannot be read twice.
var ErrTwice = errors.New("merge reads each file twice")

// Run merges the files of c, until ctx ends, and returns the summary of all. If the files
// are to blame, the error wraps ErrShards or ErrTwice. A *run.Incomplete means that the
// output is not complete. Other errors come from the system.
func Run(ctx context.Context, c Config) (*record.Summary, error) {
	if err := c.paths().Check(); err != nil {
		return nil, err
	}
	if err := outfile.Collide(append(c.paths().Uses(), outfile.Reads("Files", c.Files...)...), nil, c.Stdout); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	m, err := Prepare(ctx, c)
	if err != nil {
		return nil, err
	}
	out, err := fileset.Create(c.paths(), c.Stdout, c.Existing)
	if err != nil {
		return nil, err
	}
	err = m.Write(ctx, out.Writer(ndjson.Config{}))
	closed := out.Close()
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, &run.Incomplete{Err: fmt.Errorf("%w: the output is not complete", run.ErrInterrupted)}
	case err != nil || closed != nil:
		return nil, run.OutputFailed(errors.Join(err, closed))
	}
	if text := m.lacks(c.paths()); text != "" && c.Notice != nil {
		c.Notice(text)
	}
	return &m.Summary, nil
}

// check refuses a file that cannot be read twice.
func (c *Config) check() error {
	for _, path := range c.Files {
		if path == "-" {
			return fmt.Errorf("%w: standard input cannot be read twice", ErrTwice)
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return fmt.Errorf("%w: %s is not a file", ErrTwice, path)
		}
	}
	return nil
}
