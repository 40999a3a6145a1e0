package commands

import (
	"errors"
	"io"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/run"
)

// checkOutput refuses an output file that exists, or that is also an input, before the work begins.
func checkOutput(path string, overwrite bool, s streams, inputs ...string) error {
	if err := s.outputApart(path, inputs...); err != nil {
		return err
	}
	return outfile.Absent(path, outfile.ExistingIf(overwrite))
}

// writeWhole makes an output file, which gets its name when it is complete.
func writeWhole(path string, overwrite bool, s streams, write func(io.Writer) error) error {
	f, err := outfile.OpenWhole(path, plaintext.NewWriter(s.Stdout), outfile.ExistingIf(overwrite))
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return errors.Join(err, f.Discard())
	}
	if err := f.Close(); err != nil {
		return run.OutputFailed(err)
	}
	return nil
}
