package inputs

import (
	"io"
	"os"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/format/scamper"
	"github.com/masstrace/masstrace/internal/outfile"
)

// Set is files that are read as one: those of a run, or the pieces of a file that was split.
type Set struct {
	Paths  []string
	pieces bool
}

// Open opens the files as one. - is stdin.
func (s *Set) Open(stdin io.Reader) (*format.File, error) {
	if s.pieces {
		return openPieces(s.Paths)
	}
	return fileset.Open(s.Paths, stdin)
}

// Sets returns the sets of paths, in their order. A folder stands for its files: see Files.
func Sets(paths []string) (sets []Set, err error) {
	if paths, err = Files(paths); err != nil {
		return nil, err
	}
	if len(paths) == 1 {
		return []Set{{Paths: paths}}, nil
	}
	var lines []string // of JSON: a file of our traces alone looks like one of scamper
	for _, g := range pieces(paths) {
		switch {
		case len(g.paths) > 1:
			sets = append(sets, Set{Paths: g.paths, pieces: true})
		case isOfLines(g.paths[0]):
			lines = append(lines, g.paths[0])
		default:
			sets = append(sets, Set{Paths: g.paths})
		}
	}
	runs, err := fileset.Lists(lines)
	if err != nil {
		return nil, &outfile.RefusedError{Name: "Inputs", Err: err}
	}
	for _, list := range runs {
		sets = append(sets, Set{Paths: list})
	}
	fileset.Sort(sets, func(s Set) []string { return s.Paths }, paths)
	return sets, nil
}

// isOfLines reports whether a file may be one of a run. A stream cannot be read twice, and stands
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
