package query

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/format/parquet"
	"github.com/masstrace/masstrace/internal/inputs"
	"github.com/masstrace/masstrace/internal/outfile"
)

// sources are the files of a query by their contents.
type sources struct {
	tables map[string][]string // Parquet files by table
	lines  []string            // NDJSON
	sets   [][]string          // the files in lines that are of one run, those of several files alone
	points []string            // vantage points of a fleet
	cut    [][]string          // lists of pieces that need a copy
	odd    []int               // places in lines of files that need one
	// lenient leaves out lines that are no records.
	lenient bool
}

// pointsFile is the name of the file with the vantage points, in the folder of a job of a fleet.
const pointsFile = "vantage_points.json"

// find looks into files and folders.
func find(paths []string) (*sources, error) {
	s := &sources{tables: map[string][]string{}}
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, err
		case info.IsDir():
			below, err := s.folder(path)
			if err != nil {
				return nil, err
			}
			files = append(files, below...)
		default:
			files = append(files, path)
		}
	}
	s.cut = inputs.Cut(files)
	isCut := map[string]bool{}
	for _, path := range slices.Concat(s.cut...) {
		isCut[path] = true
	}
	for _, path := range files {
		if isCut[path] {
			continue
		}
		if err := s.file(path); err != nil {
			return nil, err
		}
	}
	if len(s.lines) == 0 && len(s.tables) == 0 && len(s.cut) == 0 {
		return nil, &outfile.RefusedError{Name: "Inputs", Err: fmt.Errorf("no file with results is in %s: the names of NDJSON end in .ndjson or .jsonl, those of Parquet in .parquet", strings.Join(paths, ", "))}
	}
	return s, nil
}

// copyInto puts copies in place of the files that duckdb cannot read.
func (s *sources) copyInto(c *copies) error {
	for _, list := range s.cut {
		path, err := c.of(list)
		if err != nil {
			return err
		}
		if err := hasRecords(path); err != nil {
			return refused(list[0], err)
		}
		s.lines = append(s.lines, path)
	}
	for _, i := range s.odd {
		path, err := c.of(s.lines[i : i+1])
		if err != nil {
			return err
		}
		s.lines[i] = path
	}
	s.sets = several(s.lines)
	return nil
}

// several returns the sets of several files: those of a run, or the pieces of a file. If a file of a
// run is missing, the rows are those of the others.
func several(lines []string) (list [][]string) {
	sets, err := inputs.Sets(lines)
	if err != nil {
		return nil
	}
	for _, set := range sets {
		if len(set.Paths) > 1 {
			list = append(list, set.Paths)
		}
	}
	return list
}

// folder returns the Parquet and NDJSON files of a folder and of those below it, and adds the files with
// vantage points.
func (s *sources) folder(path string) (files []string, err error) {
	err = filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || !entry.Type().IsRegular():
			return err
		case entry.Name() == pointsFile:
			s.points = append(s.points, path)
		case inputs.HasResults(entry.Name()):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// file adds a file. The table of a Parquet file is in it.
func (s *sources) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return refused(path, errors.New("it is not a file: a query reads its files several times"))
	}
	begin := make([]byte, outfile.MostMagic)
	n, err := f.ReadAt(begin, 0)
	if err != nil && err != io.EOF {
		return err
	}
	begin = begin[:n]
	if parquet.Format.Begins(begin) {
		table, err := parquet.Table(f, info.Size())
		if err != nil {
			return refused(path, err)
		}
		s.tables[table] = append(s.tables[table], path)
		return nil
	}
	if err := hasRecords(path); err != nil {
		return refused(path, err)
	}
	if needsCopy(path, begin) {
		s.odd = append(s.odd, len(s.lines))
	}
	s.lines = append(s.lines, path)
	return nil
}

// hasRecords returns an error unless a file begins with a record of ours. A file that is cut in its
// first line begins with none, and neither does a piece that begins within a line.
func hasRecords(path string) error {
	in, err := format.OpenInput(path, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	r := bufio.NewReaderSize(in, 1<<16)
	for i := range 2 {
		line, err := r.ReadSlice('\n')
		if i == 0 && len(bytes.TrimSpace(line)) == 0 && err == io.EOF {
			return errors.New("it is empty")
		}
		if i == 0 && errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("it is cut before the end of its first record")
		}
		if typ, unknown := ndjson.TypeOf(line); unknown == nil && ndjson.IsType(typ) || errors.Is(err, bufio.ErrBufferFull) && bytes.HasPrefix(line, []byte(`{"type":"`)) {
			return nil
		}
	}
	return errors.New("it is neither NDJSON of masstrace nor Parquet; write it as Parquet with masstrace convert")
}

func refused(path string, err error) error {
	return &outfile.RefusedError{Name: "Inputs", Err: fmt.Errorf("%s: %w", path, err)}
}
