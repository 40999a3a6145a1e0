package convert

import (
	"errors"
	"os"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/format/scamper"
	"github.com/masstrace/masstrace/internal/outfile"
)

// open opens an input.
func (c *Config) open(in input) (*format.File, error) {
	if len(in) > 1 {
		return fileset.Open(in, c.Stdin)
	}
	f, err := all.OpenAs(c.From, in[0], c.Stdin)
	if _, ok := errors.AsType[*all.NameError](err); ok {
		err = &outfile.RefusedError{Name: "From", Err: err}
	}
	return f, err
}

// inputs returns the inputs in order. The files of a set are one.
func (c *Config) inputs() (list []input, err error) {
	if len(c.Inputs) == 0 {
		return nil, &outfile.RefusedError{Name: "Inputs", Err: errors.New("no file to convert")}
	}
	var lines []string // of JSON: a file of our traces alone looks like one of scamper
	for _, path := range c.Inputs {
		name := ""
		if len(c.Inputs) > 1 && c.From == "" && path != "-" {
			if name, err = nameOf(path); err != nil {
				return nil, err
			}
		}
		switch name {
		case ndjson.Format.Name, scamper.Format.Name, empty:
			lines = append(lines, path)
		default:
			list = append(list, input{path})
		}
	}
	runs, err := fileset.Lists(lines)
	if err != nil {
		return nil, &outfile.RefusedError{Name: "Inputs", Err: err}
	}
	for _, files := range runs {
		list = append(list, files)
	}
	fileset.Sort(list, func(in input) []string { return in }, c.Inputs)
	return list, nil
}

// empty is the name of the format of an empty file: of a run without replies, for example.
const empty = "empty"

// nameOf returns the name of the format of a file.
func nameOf(path string) (string, error) {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return empty, nil
	} else if err != nil || !info.Mode().IsRegular() {
		return "", err // a stream cannot be read twice
	}
	f, err := all.Open(path, nil)
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// sizesOf returns the size of each input in octets; 0 for a stream.
func sizesOf(list []input) (sizes []int64) {
	for _, in := range list {
		var size int64
		for _, path := range in {
			info, err := os.Stat(path)
			if path == "-" || err != nil || !info.Mode().IsRegular() {
				size = 0
				break
			}
			size += info.Size()
		}
		sizes = append(sizes, size)
	}
	return sizes
}
