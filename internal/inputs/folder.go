package inputs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/format/parquet"
	"github.com/masstrace/masstrace/internal/outfile"
)

// Point is the name of the folders of a vantage point, before the = of its value.
const Point = "vantage_point"

// HasResults reports whether a file in a folder has results, by the ending of its name.
func HasResults(name string) bool {
	return slices.Contains([]string{".parquet", ".ndjson", ".jsonl"}, ending(name))
}

// ending returns the ending of a name that stands before one of a compressed file and before the
// number of a piece.
func ending(name string) string {
	for {
		last := filepath.Ext(name)
		if last != ".gz" && last != ".zst" && (len(last) < 2 || !isDigits(last[1:])) {
			return last
		}
		name = strings.TrimSuffix(name, last)
	}
}

// Matching returns the files that a pattern such as x.ndjson.* names, in order. A path that exists is
// no pattern, and stays as it is.
func Matching(path string) []string {
	if _, err := os.Stat(path); err == nil || path == "-" {
		return []string{path}
	}
	files, err := filepath.Glob(path)
	if err != nil || len(files) == 0 {
		return []string{path} // its reader reports that it does not exist
	}
	return files
}

// Files returns paths, and replaces each folder by the files of results in it and below it, in
// their order. Parquet files of other tables than hops have no traces, and are left out. Other
// paths stay as they are.
func Files(paths []string) (files []string, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if path == "-" || err != nil || !info.IsDir() {
			files = append(files, path) // its reader reports why it cannot be read
			continue
		}
		below, err := folder(path)
		if err != nil {
			return nil, err
		}
		files = append(files, below...)
	}
	return files, nil
}

// folder returns the files of a folder.
func folder(path string) (files []string, err error) {
	err = filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !HasResults(entry.Name()) {
			return err
		}
		if ending(entry.Name()) == ".parquet" {
			if is, err := hasTraces(path); err != nil || !is {
				return err
			}
		}
		files = append(files, path)
		return nil
	})
	if err == nil && len(files) == 0 {
		err = &outfile.RefusedError{Name: "Inputs", Err: fmt.Errorf("%s: %w", path, errors.New("no file of results is in this folder"))}
	}
	return files, err
}

// hasTraces reports whether a Parquet file reads back as traces. Its reader reports why one is
// damaged.
func hasTraces(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	table, err := parquet.Table(f, info.Size())
	return err != nil || table == parquet.Tables[0], nil
}
