// Package convert reads results in any format and writes them in any other. It holds one record
// at a time.
package convert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// Config is the request of a conversion.
type Config struct {
	// Inputs are files in any format, compressed or not; - is Stdin. The files of a set are read as
	// one.
	Inputs []string
	From   string // format of all inputs; "" is that of the beginning of each

	Output   string // file, or - for Stdout
	Format   string // of Output; "" is that of the ending of its name
	Table    string // of the format, if it has several; "" is the first one
	Existing outfile.Existing

	// Annotate, unless it is nil, changes each record before it is written. Databases are the files
	// that it comes from.
	Annotate  func(record.Record)
	Databases []outfile.Use

	Stdin  io.Reader
	Stdout io.Writer

	// Progress, unless it is nil, is called after some records.
	Progress func(Progress)
	// Notice, unless it is nil, is called with sentences for the user.
	Notice func(string)
}

// Progress is how far a conversion is.
type Progress struct {
	Records uint64
	Done    int64 // octets of the files that were read, and of all of them; 0 if it is not known
	Size    int64
}

// paths returns the output.
func (c *Config) paths() fileset.Paths {
	return fileset.Paths{Output: c.Output, Format: c.Format, Table: c.Table}
}

// progressEvery is the number of records between two calls of Progress.
const progressEvery = 1 << 10

// Run converts the files of c, until ctx ends. An *run.Incomplete means that the output does not
// have everything: the inputs are damaged, or the output cannot be written. It has all records
// that could be read then.
func Run(ctx context.Context, c Config) error {
	if err := c.Check(); err != nil {
		return err
	}
	list, err := c.inputs()
	if err != nil {
		return err
	}
	v := &conversion{cfg: &c, sizes: sizesOf(list)}
	first, err := c.open(list[0]) // before the output is made
	if err != nil {
		return err
	}
	if v.out, err = fileset.Create(c.paths(), c.Stdout, c.Existing); err != nil {
		return errors.Join(err, first.Close())
	}
	v.writer = format.Changed(v.out.Writer(ndjson.Config{}), c.Annotate)
	err = v.all(ctx, list, first)
	if closed := errors.Join(v.writer.Flush(), v.out.Close()); closed != nil {
		err = errors.Join(err, run.OutputFailed(closed))
	}
	v.tellLacks()
	return err
}

// Check refuses a request that makes no sense. Run calls it, too.
func (c *Config) Check() error {
	if err := c.paths().Check(); err != nil {
		return err
	}
	if slices.Index(c.Inputs, "-") != lastIndex(c.Inputs, "-") {
		return &outfile.RefusedError{Name: "Inputs", Err: errors.New("standard input (-) is named twice")}
	}
	return outfile.Collide(append(c.paths().Uses(), slices.Concat(outfile.Reads("Inputs", c.Inputs...), c.Databases)...), c.Stdin, c.Stdout)
}

func lastIndex(list []string, s string) int {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == s {
			return i
		}
	}
	return -1
}

// conversion is one run of Run.
type conversion struct {
	cfg     *Config
	out     *fileset.Files
	writer  format.Writer
	records uint64
	kinds   record.Kinds // of the data records
	known   bool         // some have fields of databases
	sizes   []int64
	before  int64 // octets of the inputs that were read to their ends
}

// all copies all inputs. An input that is damaged does not keep the others from being read.
func (v *conversion) all(ctx context.Context, list []input, in *format.File) error {
	var faults []error
	for i, one := range list {
		if i > 0 {
			var err error
			if in, err = v.cfg.open(one); err != nil {
				faults = append(faults, err)
				continue
			}
		}
		fault, err := v.copy(ctx, in, one)
		if err = errors.Join(err, in.Close()); err != nil {
			return err
		}
		if fault != nil {
			faults = append(faults, fmt.Errorf("%s: %w", one.name(), fault))
		}
		v.before += v.sizes[i]
	}
	if len(faults) > 0 {
		return &run.Incomplete{Err: errors.Join(faults...)}
	}
	return nil
}

// copy copies the records of an input. fault is about the input: everything that could be read of
// it is in the output. err ends the conversion.
func (v *conversion) copy(ctx context.Context, in *format.File, from input) (fault, err error) {
	var bad lines
	for ctx.Err() == nil {
		r, err := in.Read()
		switch line, isLine := errors.AsType[*format.LineError](err); {
		case err == io.EOF:
			return bad.fault(), nil
		case isLine && len(from) == 1: // the next lines may be right
			bad.add(line)
			continue
		case err != nil:
			return errors.Join(bad.fault(), err), nil
		}
		if err := v.writer.Write(r); err != nil {
			return nil, run.OutputFailed(err)
		}
		v.note(r)
		if v.records++; v.records%progressEvery == 0 && v.cfg.Progress != nil {
			v.cfg.Progress(v.progress(in))
		}
	}
	return nil, &run.Incomplete{Err: fmt.Errorf("%w: the output is not complete", run.ErrInterrupted)}
}

func (v *conversion) progress(in *format.File) Progress {
	p := Progress{Records: v.records, Done: v.before + in.Offset()}
	for _, size := range v.sizes {
		if size == 0 { // a stream
			return Progress{Records: v.records}
		}
		p.Size += size
	}
	return p
}

// note notes the parts of a record that a format may lack.
func (v *conversion) note(r record.Record) {
	switch r := r.(type) {
	case *record.Reply:
		v.kinds |= record.Replies
	case *record.Multipath:
		v.kinds |= record.Multipaths
	case *record.Trace:
		v.known = v.known || len(r.ASPath) > 0 || r.TargetAnnotation != nil
		for i := range r.Hops {
			v.known = v.known || r.Hops[i].Annotation != nil
		}
	}
}

// tellLacks reports the parts of records that the format has no place for.
func (v *conversion) tellLacks() {
	paths := v.cfg.paths()
	paths.Annotated = v.known
	if text := paths.Lacks(v.kinds | record.Traces); text != "" && v.cfg.Notice != nil {
		v.cfg.Notice(text)
	}
}

// lines are the lines of an input that are not understood.
type lines struct {
	first *format.LineError
	n     int
}

func (l *lines) add(e *format.LineError) {
	if l.n++; l.first == nil {
		l.first = e
	}
}

// fault returns an error about the lines, nil if there are none.
func (l *lines) fault() error {
	if l.n <= 1 {
		return errorOf(l.first)
	}
	return fmt.Errorf("%w; %d lines were left out", l.first, l.n)
}

func errorOf(e *format.LineError) error {
	if e == nil {
		return nil
	}
	return fmt.Errorf("%w; the line was left out", e)
}

// input is the files of one run.
type input []string

func (i input) name() string { return strings.Join(i, ", ") }
