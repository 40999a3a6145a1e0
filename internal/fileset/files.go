// Package fileset holds the files of the results of a run: one file with all records, or a set of
// up to three. In a set, one file has the replies, one has the meta records (the run, its summary,
// trace-ext, multipath), and one has the rest. Each then loads into a table as it is.
//
//	Files   writes a set, and continues it from a checkpoint
//	Open    reads a set as if it were one file
//	Group   finds the sets among the files of several runs
package fileset

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
)

// Paths are the files that a run writes. An empty path stands for no such file. The files of a set
// are NDJSON.
type Paths struct {
	Output  string // records that have no other file; - is the standard output
	Replies string // reply records
	Meta    string // cycle-start, run, resume, trace-ext, multipath, summary, cycle-stop

	Format string // of Output; "" is that of the ending of its name
	Table  string // of Output, if the format has several; "" is the first one

	Annotated bool // some records have fields of databases
}

// Uses returns the uses of the files, under the names of the fields of a configuration.
func (p Paths) Uses() []outfile.Use {
	output := []string{p.Output}
	if f, err := p.output(); err == nil && f.Whole && p.Output != "-" {
		output = append(output, p.Output+outfile.FreshSuffix)
	}
	return slices.Concat(outfile.Writes("Output", output...), outfile.Writes("ReplyOutput", p.Replies), outfile.Writes("MetaOutput", p.Meta))
}

// Kinds returns the kinds of records of a run that was asked for some: a file of replies needs
// them.
func (p Paths) Kinds(asked record.Kinds) record.Kinds {
	if p.Replies != "" {
		return asked | record.Replies
	}
	return asked
}

// Names returns the names of the files for a run record, nil if one file has all records.
func (p Paths) Names() *record.Files {
	if p.Replies == "" && p.Meta == "" {
		return nil
	}
	base := func(path string) string {
		if path == "" {
			return ""
		}
		return filepath.Base(path)
	}
	return &record.Files{Output: base(p.Output), Replies: base(p.Replies), Meta: base(p.Meta)}
}

// Packing returns the compression of a separate file: plain, gz or zst; "" if there is none.
func Packing(path string) string {
	switch packing := outfile.Packing(path); {
	case path == "":
		return ""
	case packing == "":
		return "plain"
	default:
		return packing
	}
}

// Files are the open files of a run. They belong to one goroutine at a time. A nil Files has no
// file: Close and Discard do nothing.
type Files struct {
	list    []file
	paths   Paths
	format  format.Format // of the first file, which a set has alone if it is not NDJSON
	foreign *foreign      // the writer of that format; nil for NDJSON
}

// file is one of them, with the lines that it gets.
type file struct {
	*outfile.File
	only ndjson.Lines
}

// lines returns the paths that there are, each with the lines that it gets.
func (p Paths) lines() (paths []string, only []ndjson.Lines) {
	rest := ndjson.AllLines
	if p.Replies != "" {
		rest &^= ndjson.ReplyLines
	}
	if p.Meta != "" {
		rest &^= ndjson.MetaLines
	}
	for _, f := range []struct {
		path string
		only ndjson.Lines
	}{{p.Output, rest}, {p.Replies, ndjson.ReplyLines}, {p.Meta, ndjson.MetaLines}} {
		if f.path != "" {
			paths, only = append(paths, f.path), append(only, f.only)
		}
	}
	return paths, only
}

// Create opens all files for writing, as outfile.Open does. After an error, the files that it made
// are gone.
func Create(p Paths, stdout io.Writer, existing outfile.Existing) (*Files, error) {
	f, err := newFiles(p)
	if err != nil {
		return nil, err
	}
	open := outfile.Open
	if f.format.Whole {
		open = outfile.OpenWhole
	}
	paths, only := p.lines()
	for i, path := range paths {
		one, err := open(path, stdout, existing)
		if err != nil {
			return nil, errors.Join(err, f.Discard())
		}
		f.list = append(f.list, file{one, only[i]})
	}
	return f, nil
}

// Marks are the positions at which Reopen can cut the files of a set.
type Marks []outfile.Mark

// Reopen opens all files, cuts them at their marks and appends from there. No file is cut unless
// all of them are those of the marks.
func Reopen(p Paths, m Marks) (*Files, error) {
	paths, only := p.lines()
	if len(paths) != len(m) {
		return nil, errors.New("the checkpoint has other files")
	}
	opened, err := outfile.ReopenAll(paths, m)
	if err != nil {
		return nil, err
	}
	f, err := newFiles(p)
	if err != nil {
		return nil, err
	}
	for i, one := range opened {
		f.list = append(f.list, file{one, only[i]})
	}
	return f, nil
}

func newFiles(p Paths) (*Files, error) {
	of, err := p.output()
	return &Files{paths: p, format: of}, err
}

// Writer returns a writer to the files. It is called once.
func (f *Files) Writer(conf ndjson.Config) (list Lines) {
	if f.format.Name != ndjson.Format.Name && len(f.list) > 0 {
		f.foreign = newForeign(f.format, format.Output{
			Out: f.list[0].File, Kinds: conf.Kinds, Run: conf.Run, Hostname: conf.Hostname, Table: f.paths.Table,
		})
		return Lines{f.foreign}
	}
	for _, one := range f.list {
		conf.Only = one.only
		list = append(list, ndjson.NewWriter(one.File, conf))
	}
	return list
}

// Mark syncs all files to the disk and returns their ends.
func (f *Files) Mark() (marks Marks, err error) {
	for _, one := range f.list {
		m, err := one.Mark()
		if err != nil {
			return nil, err
		}
		marks = append(marks, m)
	}
	return marks, nil
}

// Close ends and closes all files. A file that cannot be ended, and is useless without its end, is
// removed.
func (f *Files) Close() (err error) {
	if f == nil || f.foreign == nil {
		return f.each((*outfile.File).Close)
	}
	if err := f.foreign.end(); err != nil && f.format.Whole {
		return errors.Join(err, f.each((*outfile.File).Discard))
	} else if err != nil {
		return errors.Join(err, f.each((*outfile.File).Close))
	}
	return f.each((*outfile.File).Close)
}

// Discard closes the files of a run that did not begin, and removes those that it made.
func (f *Files) Discard() error { return f.each((*outfile.File).Discard) }

func (f *Files) each(do func(*outfile.File) error) (err error) {
	if f == nil {
		return nil
	}
	for _, one := range f.list {
		err = errors.Join(err, do(one.File))
	}
	return err
}

// Check refuses names with endings of no format, and sets of files that are not NDJSON.
func (p Paths) Check() error {
	for _, u := range []outfile.Use{{Name: "ReplyOutput", Path: p.Replies}, {Name: "MetaOutput", Path: p.Meta}} {
		if err := checkNDJSON(u); err != nil {
			return err
		}
		if u.Path != "" && p.Format == "" {
			if err := checkNDJSON(outfile.Use{Name: "Output", Path: p.Output}); err != nil {
				return err
			}
		}
	}
	_, err := p.output()
	return err
}

// checkNDJSON refuses a file of a set that has the ending of another format.
func checkNDJSON(u outfile.Use) error {
	f, err := all.FormatOf(u.Name, u.Path)
	if err == nil && f.Name != ndjson.Format.Name {
		err = &outfile.RefusedError{Name: u.Name, Err: fmt.Errorf("%s: the files of a set are NDJSON, and this ending is that of %s", u.Path, f.Name)}
	}
	return err
}

// output returns the format of Output.
func (p Paths) output() (format.Format, error) {
	if p.Format != "" {
		f, err := all.WriterOf(p.Format)
		if err != nil {
			return f, &outfile.RefusedError{Name: "Format", Err: err}
		}
		return f, p.checkTable(f)
	}
	f, err := all.FormatOf("Output", p.Output)
	if err == nil {
		err = p.checkTable(f)
	}
	return f, err
}

// checkTable refuses a table that the format does not have.
func (p Paths) checkTable(f format.Format) error {
	switch {
	case p.Table == "" || slices.Contains(f.Tables, p.Table):
		return nil
	case len(f.Tables) == 0:
		return &outfile.RefusedError{Name: "Table", Err: fmt.Errorf("%s files have no tables", f.Name)}
	}
	return &outfile.RefusedError{Name: "Table", Err: fmt.Errorf("%s files have no table %q: use one of %s", f.Name, p.Table, strings.Join(f.Tables, ", "))}
}

// Lacks returns a sentence about the parts of results that Output has no place for, "" if there
// are none. kinds are those of the results. The paths were checked.
func (p Paths) Lacks(kinds record.Kinds) string {
	f, _ := p.output()
	name := p.Output
	if name == "-" {
		name = f.Name
	}
	if p.Table != "" && p.Table != f.Tables[0] {
		return fmt.Sprintf("%s has only the table %s", name, p.Table)
	}
	lacks := slices.DeleteFunc(slices.Clone(f.Lacks), func(what string) bool {
		return what == "replies" && !kinds.Has(record.Replies) || (strings.HasPrefix(what, format.LacksMultipath) || what == format.LacksBalancers) && !kinds.Has(record.Multipaths) ||
			what == format.LacksAnnotations && !p.Annotated
	})
	if len(lacks) == 0 {
		return ""
	}
	if all, ok := strings.CutPrefix(lacks[0], format.AllBut); ok {
		return fmt.Sprintf("%s has only %s", name, all)
	}
	return fmt.Sprintf("%s has no place for %s", name, strings.Join(lacks, ", "))
}

// Other returns the name of the format of Output, "" for NDJSON.
func (p Paths) Other() string {
	if f, err := p.output(); err == nil && f.Name != ndjson.Format.Name {
		return f.Name
	}
	return ""
}

// Whole returns the name of the format of Output if it cannot be continued: "" if it can.
func (p Paths) Whole() string {
	if f, err := p.output(); err == nil && f.Whole {
		return f.Name
	}
	return ""
}
