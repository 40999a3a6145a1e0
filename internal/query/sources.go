package query

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/masstrace/masstrace/internal/format/parquet"
	"github.com/masstrace/masstrace/internal/inputs"
	"github.com/masstrace/masstrace/internal/outfile"
)

// sources are the files of a query by their contents.
type sources struct {
	tables map[string][]string // Parquet files by table
	lines  []string            // NDJSON
	points []string            // vantage points of a fleet
}

// pointsFile is the name of the file with the vantage points, in the folder of a job of a fleet.
const pointsFile = "vantage_points.json"

// find looks into files and folders.
func find(paths []string) (*sources, error) {
	s := &sources{tables: map[string][]string{}}
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, err
		case info.IsDir():
			err = s.folder(path)
		default:
			err = s.file(path)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(s.lines) == 0 && len(s.tables) == 0 {
		return nil, &outfile.RefusedError{Name: "Inputs", Err: errors.New("no file of results")}
	}
	return s, nil
}

// folder adds the Parquet and NDJSON files of a folder and of those below it.
func (s *sources) folder(path string) error {
	return filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if entry.Name() == pointsFile {
			s.points = append(s.points, path)
			return nil
		}
		if inputs.HasResults(entry.Name()) {
			return s.file(path)
		}
		return nil
	})
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
	var head [4]byte
	if _, err := f.ReadAt(head[:], 0); err == nil && parquet.Format.Begins(head[:]) {
		table, err := parquet.Table(f, info.Size())
		if err != nil {
			return refused(path, err)
		}
		s.tables[table] = append(s.tables[table], path)
		return nil
	}
	if !isJSON(head) && outfile.Packing(path) == "" {
		return refused(path, errors.New("it is neither NDJSON nor Parquet; write it as Parquet with masstrace convert"))
	}
	s.lines = append(s.lines, path)
	return nil
}

// isJSON reports whether a file begins as an object.
func isJSON(head [4]byte) bool { return head[0] == '{' }

func refused(path string, err error) error {
	return &outfile.RefusedError{Name: "Inputs", Err: fmt.Errorf("%s: %w", path, err)}
}
