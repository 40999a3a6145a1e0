// Package fileset holds the files of the results of a run: one file with all records, or a set of
// up to three. In a set, one file has the replies, one has the meta records (the run, its summary,
// trace-ext), and one has the rest. Each then loads into a table as it is.
//
//	Files   writes a set, and continues it from a checkpoint
//	Open    reads a set as if it were one file
//	Group   finds the sets among the files of several runs
package fileset

import (
	"errors"
	"io"
	"path/filepath"
	"slices"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
)

// Paths are the files that a run writes. An empty path stands for no such file.
type Paths struct {
	Output  string // records that have no other file; - is the standard output
	Replies string // reply records
	Meta    string // cycle-start, run, resume, trace-ext, summary, cycle-stop
}

// Uses returns the uses of the files, under the names of the fields of a configuration.
func (p Paths) Uses() []outfile.Use {
	return slices.Concat(outfile.Writes("Output", p.Output), outfile.Writes("ReplyOutput", p.Replies), outfile.Writes("MetaOutput", p.Meta))
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
	list []file
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
	f := new(Files)
	paths, only := p.lines()
	for i, path := range paths {
		one, err := outfile.Open(path, stdout, existing)
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
	f := new(Files)
	for i, one := range opened {
		f.list = append(f.list, file{one, only[i]})
	}
	return f, nil
}

// Writer returns a writer to the files.
func (f *Files) Writer(conf ndjson.Config) (list Lines) {
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

// Close closes all files.
func (f *Files) Close() (err error) { return f.each((*outfile.File).Close) }

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

// Check refuses names with the endings of other formats.
func (p Paths) Check() error {
	for _, u := range p.Uses() {
		if _, err := outfile.FormatOf(outfile.Results, u.Name, u.Path); err != nil {
			return err
		}
	}
	return nil
}
