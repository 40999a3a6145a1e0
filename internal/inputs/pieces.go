package inputs

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/ndjson"
)

// piece matches the names that split(1) gives: a stem, a number or letters, and perhaps the ending
// of a compressed file.
var piece = regexp.MustCompile(`^(.*[^0-9a-z])?([0-9]+|[a-z]{2,})((\.gz|\.zst)?)$`)

// group is the pieces of a file in their order, or a path alone.
type group struct {
	paths []string
	cut   bool // a piece begins within a record, or has no whole header of its compression
}

// Cut returns the lists of pieces that no program can read one by one, because a piece begins
// within a record or within compressed octets.
func Cut(paths []string) (lists [][]string) {
	for _, g := range pieces(paths) {
		if g.cut {
			lists = append(lists, g.paths)
		}
	}
	return lists
}

// OpenOctets opens the octets of pieces as one file.
func OpenOctets(paths []string) (io.ReadCloser, error) {
	list, err := openAll(paths)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{list.reader(), list}, nil
}

// pieces puts the pieces of files that were split together, in the order of their numbers or
// letters. The first piece begins as results do, and the others do not. A piece that begins within a
// record also continues a file that begins with a trace. The other paths stay alone.
func pieces(paths []string) (groups []group) {
	stems := map[string][]string{}
	for _, path := range paths {
		stem := stemOf(path)
		stems[stem] = append(stems[stem], path)
	}
	leads := map[string]string{} // of the later pieces
	cut := map[string]bool{}     // leads of pieces that begin within a record
	for stem, list := range stems {
		if stem == "" || len(list) < 2 {
			continue
		}
		slices.SortStableFunc(list, byPiece)
		lead, before := "", "" // before is the last path if it begins with a record
		for _, path := range list {
			switch startOf(path) {
			case startOfResults:
				lead, before = path, ""
				continue
			case startOfRecord:
				before = path
			case startWithin:
				lead, before = cmp.Or(lead, before), ""
				cut[lead] = true
			}
			if lead != "" {
				leads[path] = lead
			}
		}
	}
	for _, path := range paths {
		if leads[path] != "" {
			continue
		}
		g := group{paths: []string{path}}
		for _, other := range stems[stemOf(path)] {
			if leads[other] == path {
				g.paths, g.cut = append(g.paths, other), cut[path]
			}
		}
		groups = append(groups, g)
	}
	return groups
}

// stemOf returns a text that the pieces of a file have in common, "" if a path is none by its name.
func stemOf(path string) string {
	m := piece.FindStringSubmatch(path)
	switch {
	case m == nil:
		return ""
	case isDigits(m[2]):
		return m[1] + "0" + m[3]
	}
	return m[1] + "a" + m[3]
}

func isDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }

// byPiece compares the numbers or letters of two paths.
func byPiece(a, b string) int {
	x, y := piece.FindStringSubmatch(a)[2], piece.FindStringSubmatch(b)[2]
	if isDigits(x) && isDigits(y) {
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
}

// start is how a file begins.
type start int

const (
	startOfResults start = iota // with the magic of a format, or with a run; or it is not a file
	startOfRecord               // with another record: it may continue another file
	startWithin                 // within a record: it continues another file
)

// startOf returns how a file begins.
func startOf(path string) start {
	in, err := format.OpenInput(path, nil)
	if err != nil {
		return startOfOctets(path) // the middle of a compressed file does not look like one
	}
	defer in.Close()
	r := bufio.NewReader(in)
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF): // compressed, and cut within its first block
		return startOfResults
	case err != nil && !errors.Is(err, bufio.ErrBufferFull):
		return startOfOctets(path)
	}
	switch typ, err := ndjson.TypeOf(line); {
	case err != nil || typ == "":
	case typ == ndjson.TypeRun || typ == ndjson.TypeCycleStart:
		return startOfResults
	default:
		return startOfRecord
	}
	f, err := all.Open(path, nil)
	if err != nil {
		if errors.Is(err, format.ErrUnknown) {
			return startWithin
		}
		return startOfResults
	}
	defer f.Close()
	if f.Name() == ndjson.Format.Name { // its first line is the end of a record
		return startWithin
	}
	return startOfResults
}

// startOfOctets returns how a file begins whose first line cannot be read.
func startOfOctets(path string) start {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return startOfResults
	}
	return startWithin
}

// openPieces opens the pieces of a file as one.
func openPieces(paths []string) (*format.File, error) {
	list, err := openAll(paths)
	if err != nil {
		return nil, err
	}
	return list.open()
}

// openAll opens the pieces of a file.
func openAll(paths []string) (list pieceFiles, err error) {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, errors.Join(err, list.Close())
		}
		list = append(list, f)
	}
	return list, nil
}

// pieceFiles are the open pieces of a file.
type pieceFiles []*os.File

// open returns the file.
func (p pieceFiles) open() (*format.File, error) {
	in, err := all.New(p.reader())
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return format.NewFile(in.Name(), in, closers{in, p}), nil
}

// reader returns a reader of all pieces, one after the other.
func (p pieceFiles) reader() io.Reader {
	var list []io.Reader
	for _, f := range p {
		list = append(list, f)
	}
	return io.MultiReader(list...)
}

// Close closes all pieces.
func (p pieceFiles) Close() (err error) {
	for _, f := range p {
		err = errors.Join(err, f.Close())
	}
	return err
}

// closers closes several things.
type closers []io.Closer

// Close implements io.Closer.
func (c closers) Close() (err error) {
	for _, one := range c {
		err = errors.Join(err, one.Close())
	}
	return err
}
