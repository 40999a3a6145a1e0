package report

import (
	"cmp"
	"os"
	"slices"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/format/scamper"
	"github.com/masstrace/masstrace/internal/outfile"
)

// inputs returns the files of each run, in the order of paths. The files of a set are one run.
func inputs(paths []string) (sets [][]string, err error) {
	if len(paths) == 1 {
		return [][]string{paths}, nil
	}
	var lines []string // of JSON: a file of our traces alone looks like one of scamper
	for _, path := range paths {
		if isOfLines(path) {
			lines = append(lines, path)
			continue
		}
		sets = append(sets, []string{path})
	}
	groups, orphans, err := fileset.GroupSome(lines)
	if err != nil {
		return nil, &outfile.RefusedError{Name: "Inputs", Err: err}
	}
	for _, s := range groups {
		sets = append(sets, append([]string{s.Lead}, s.Others...))
	}
	for _, path := range orphans {
		sets = append(sets, []string{path})
	}
	place := func(set []string) int {
		return slices.IndexFunc(paths, func(path string) bool { return slices.Contains(set, path) })
	}
	slices.SortStableFunc(sets, func(a, b []string) int { return cmp.Compare(place(a), place(b)) })
	return sets, nil
}

// isOfLines reports whether a file may be one of a set. A stream cannot be read twice, and stands
// alone. So does a file that cannot be read: its reader reports why.
func isOfLines(path string) bool {
	info, err := os.Stat(path)
	if path == "-" || err != nil || !info.Mode().IsRegular() {
		return false
	}
	if info.Size() == 0 {
		return true // of a run without replies
	}
	f, err := all.Open(path, nil)
	if err != nil {
		return false
	}
	defer f.Close()
	return f.Name() == ndjson.Format.Name || f.Name() == scamper.Format.Name
}
